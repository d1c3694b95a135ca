/*
 * The Secret that brings a session's token to its agent: owned by the
 * session's application and therefore made after it; the driver's pod waits
 * for it. Secrets are made and never read. Used by the worker that created
 * the session, and by the leader where that did not come so far.
 */
#ifndef SESSION_SECRET_H
#define SESSION_SECRET_H

#include "defs.h"

struct app;
struct app_text;
struct err;
struct gw;

#define SESSION_SECRET_SUFFIX "-token"	/* behind the application's name */

/* True: it is there. *ret_made (or NULL): it was not, before. */
bool session_secret_offer(struct gw *gw, const struct app *app,
    const struct app_text *text, int64_t deadline_ms, bool *ret_made,
    struct err *err) MUST_CHECK;

#endif

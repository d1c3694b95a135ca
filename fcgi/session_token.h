/*
 * The token of a session's agent: what the gateway shows it, and the agent
 * asks for. It is derived, never stored here: an HMAC-SHA256 of the session's
 * namespace, object name and uid under one of the installation's keys, so any
 * replica with the same key file knows it. The key file holds a line for each
 * key, "VERSION KEY", '#' before a comment. The first one is for new sessions,
 * whose version an annotation tells; the others are for those that they were
 * made with, until they are gone.
 */
#ifndef SESSION_TOKEN_H
#define SESSION_TOKEN_H

#include "defs.h"

struct app;
struct app_text;
struct err;
struct gw;
struct session_keys;

#define SESSION_TOKEN_HEX 64

/* Refuses a file that others may read, a short key, a version seen twice. */
bool session_keys_read(const char *path, struct session_keys **ret_new,
    struct err *err) MUST_CHECK;
void session_keys_free(struct session_keys *keys);	/* wipes them; or NULL */
/* The version of the key for new sessions. */
int32_t session_keys_version(const struct session_keys *keys);

/* The token of a session as hex; 503 where its key is not here (yet). */
bool session_token(const struct gw *gw, const struct app *app,
    const struct app_text *text, char ret[SESSION_TOKEN_HEX + 1],
    struct err *err) MUST_CHECK;

#endif

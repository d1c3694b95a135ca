/*
 * POST /sessions, and what there is below it that is the session's own:
 * stop, connect. List, view, state and delete are in apps.h.
 */
#ifndef SESSION_H
#define SESSION_H

#include "defs.h"
#include "route.h"

bool session_create(struct gw *gw, const struct request *rq,
    const struct target *t, struct reply *rp, struct err *err) MUST_CHECK;
bool session_stop(struct gw *gw, const struct request *rq,
    const struct target *t, struct reply *rp, struct err *err) MUST_CHECK;
bool session_connect(struct gw *gw, const struct request *rq,
    const struct target *t, struct reply *rp, struct err *err) MUST_CHECK;

#endif

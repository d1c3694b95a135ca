/*
 * The routes that are about the server itself: /version, /, /readyz, and
 * what is left here of Livy's /metrics.
 */
#ifndef SERVER_H
#define SERVER_H

#include "defs.h"
#include "route.h"

bool server_version(struct gw *gw, const struct request *rq,
    const struct target *t, struct reply *rp, struct err *err) MUST_CHECK;
/* Livy sends browsers to /ui. */
bool server_root(struct gw *gw, const struct request *rq,
    const struct target *t, struct reply *rp, struct err *err) MUST_CHECK;
bool server_no_metrics(struct gw *gw, const struct request *rq,
    const struct target *t, struct reply *rp, struct err *err);
bool server_ping(struct gw *gw, const struct request *rq,
    const struct target *t, struct reply *rp, struct err *err) MUST_CHECK;
bool server_no_checks(struct gw *gw, const struct request *rq,
    const struct target *t, struct reply *rp, struct err *err) MUST_CHECK;
/*
 * Whether this replica can do its work: 200 "ok" once the cache holds a
 * whole list and there is a credential, 503 with the reason before.
 */
bool server_ready(struct gw *gw, const struct request *rq,
    const struct target *t, struct reply *rp, struct err *err) MUST_CHECK;

#endif

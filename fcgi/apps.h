/*
 * What batches and sessions have in common: list, view, state, delete.
 * Handlers of route.c's table; each fills the reply or fails with the error
 * that Livy would send.
 */
#ifndef APPS_H
#define APPS_H

#include "defs.h"
#include "route.h"

struct buf;
struct cache_view;

bool apps_list(struct gw *gw, const struct request *rq, const struct target *t,
    struct reply *rp, struct err *err) MUST_CHECK;
bool apps_view(struct gw *gw, const struct request *rq, const struct target *t,
    struct reply *rp, struct err *err) MUST_CHECK;
bool apps_state(struct gw *gw, const struct request *rq,
    const struct target *t, struct reply *rp, struct err *err) MUST_CHECK;
bool apps_delete(struct gw *gw, const struct request *rq,
    const struct target *t, struct reply *rp, struct err *err) MUST_CHECK;

/* The view as this request's client understands it; log NULL = v's own. */
void apps_add_view(const struct request *rq, const struct cache_view *v,
    const struct buf *log, struct buf *out);

#endif

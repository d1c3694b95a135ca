/*
 * /batches: create, list, view, state, delete. Handlers of route.c's table;
 * each fills the reply or fails with the error that Livy would send.
 */
#ifndef BATCH_H
#define BATCH_H

#include "defs.h"
#include "route.h"

bool batch_list(struct gw *gw, const struct request *rq, const struct target *t,
    struct reply *rp, struct err *err) MUST_CHECK;
bool batch_create(struct gw *gw, const struct request *rq,
    const struct target *t, struct reply *rp, struct err *err) MUST_CHECK;
bool batch_view(struct gw *gw, const struct request *rq, const struct target *t,
    struct reply *rp, struct err *err) MUST_CHECK;
bool batch_state(struct gw *gw, const struct request *rq,
    const struct target *t, struct reply *rp, struct err *err) MUST_CHECK;
bool batch_delete(struct gw *gw, const struct request *rq,
    const struct target *t, struct reply *rp, struct err *err) MUST_CHECK;

#endif

/*
 * POST /batches; what else there is below it is in apps.h.
 */
#ifndef BATCH_H
#define BATCH_H

#include "defs.h"
#include "route.h"

bool batch_create(struct gw *gw, const struct request *rq,
    const struct target *t, struct reply *rp, struct err *err) MUST_CHECK;

#endif

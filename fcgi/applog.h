/*
 * GET /{batches,sessions}/{id}/log: the driver's log between Livy's section
 * markers, and the story of the application (livy_story), paged as Livy
 * pages (contract 1.1).
 */
#ifndef APPLOG_H
#define APPLOG_H

#include "defs.h"
#include "route.h"

bool applog_get(struct gw *gw, const struct request *rq, const struct target *t,
    struct reply *rp, struct err *err) MUST_CHECK;

#endif

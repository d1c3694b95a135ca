/*
 * GET /{batches,sessions}/{id}/log: the driver's lines between Livy's section
 * markers, and the story of the application (livy_log_end), paged as Livy
 * pages (contract 1.1). Lines keep their numbers for as long as the driver
 * runs and afterwards: what follows them comes once no more can.
 */
#ifndef APPLOG_H
#define APPLOG_H

#include "defs.h"
#include "route.h"

struct buf;
struct cache_view;

bool applog_get(struct gw *gw, const struct request *rq, const struct target *t,
    struct reply *rp, struct err *err) MUST_CHECK;

/*
 * The last lines for a view as JSON strings, appended, if this replica has
 * read that log lately; false if not: then the view's own will do.
 */
bool applog_tail(struct gw *gw, const struct cache_view *v, struct buf *out)
    MUST_CHECK;

#endif

/*
 * Ending an application: deletes exactly the object that was seen, and gives
 * back what was reserved for it. Used by the deleting handlers and by the
 * leader.
 */
#ifndef REMOVE_H
#define REMOVE_H

#include "cache.h"
#include "defs.h"

struct err;
struct gw;

/*
 * Gone, or gone already, or made anew by somebody else: true. A key stays
 * reserved, marked as used up; a name may be used again.
 */
bool remove_app(struct gw *gw, const struct cache_view *v,
    int64_t deadline_ms, struct err *err) MUST_CHECK;

#endif

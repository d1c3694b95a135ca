/*
 * What became of creates whose worker died: the watcher, which sees what
 * there is, says so in the audit log. No call is made for it.
 */
#ifndef SETTLE_H
#define SETTLE_H

#include "defs.h"

struct cache;
struct gw;

/* Looks at each orphan; call it now and then while the watch is live. */
void settle_orphans(const struct gw *gw, struct cache *cache);

#endif

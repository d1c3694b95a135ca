/*
 * What became of creates whose worker died: the watcher, which sees what
 * there is, says so in the audit log. No call is made for it.
 */
#ifndef SETTLE_H
#define SETTLE_H

#include "defs.h"

struct cache;
struct gw;

/*
 * Looks at each orphan; call it now and then. Since when the watches have
 * been well, 0 = they are not: else what is not seen may still be there.
 */
void settle_orphans(const struct gw *gw, struct cache *cache,
    int64_t well_since_ms);

/*
 * What a master before this one has left: intents without a later line near
 * the end of the audit log become orphans. The master, before it forks.
 */
void settle_recover(const struct gw *gw);

#endif

/*
 * What became of creates whose worker died, or could not tell: the watcher,
 * which sees what there is, says so in the audit log and makes no call for
 * it. Such a create may arrive late, when a repeat of its request has been
 * answered elsewhere and its application been deleted: the leader process
 * sees to it that this is not there again.
 */
#ifndef SETTLE_H
#define SETTLE_H

#include "defs.h"

struct cache;
struct gw;

/*
 * Looks at each orphan; call it now and then. Since when the watches have
 * been well, 0 = they are not, and the oldest last word of one: what is not
 * seen may still be there, and a connection that is dead looks well.
 */
void settle_orphans(const struct gw *gw, struct cache *cache,
    int64_t well_since_ms, int64_t spoke_ms);

/*
 * Removes what an orphan has made again after its deletion. The leader
 * process, with no Lease: only this replica knows of its orphans. At most a
 * call for each application that it sees there, and those of its removal.
 */
void settle_made_again(struct gw *gw);

/*
 * What a master before this one has left: intents without a later line near
 * the end of the audit log become orphans. The master, before it forks.
 */
void settle_recover(const struct gw *gw);

#endif

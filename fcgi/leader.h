/*
 * The leader: the chores that one replica does for all. It looks at the
 * cache, and only where something is due takes the Lease and does it: lets
 * waiting applications go (sessions first, oldest first, at the configured
 * pace), fails starts that take too long, deletes what has been kept long
 * enough. Each chore is idempotent, so two leaders for a moment are harmless.
 */
#ifndef LEADER_H
#define LEADER_H

#include "defs.h"

struct gw;

void leader_main(struct gw *gw) NORETURN;

#endif

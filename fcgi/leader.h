/*
 * The leader: does the chores (chore.h) that one replica does for all. It
 * looks at the cache, and only where something is due takes the Lease and
 * does it, so a gateway at rest makes no call. What fails is tried again
 * later and later. Told to end it gives the Lease back.
 */
#ifndef LEADER_H
#define LEADER_H

#include "defs.h"

struct gw;

void leader_main(struct gw *gw) NORETURN;

#endif

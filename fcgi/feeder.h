/*
 * The feeder: the one process of a replica that asks drivers for news, of
 * all sessions at once, and writes what they say into the feed. Which there
 * are it takes from the cache. A driver that is slow, deaf or lies delays
 * itself alone.
 */
#ifndef FEEDER_H
#define FEEDER_H

#include "defs.h"

struct gw;

void feeder_main(struct gw *gw) NORETURN;

#endif

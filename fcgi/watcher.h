/*
 * The watcher: the one process of a replica that lists and watches
 * SparkApplications and driver pods, and the only writer of the cache.
 * Paged list, watch, bookmarks; 410 -> a list again, with a diff; stalls and
 * errors back off with jitter; a namespace that is refused degrades alone.
 */
#ifndef WATCHER_H
#define WATCHER_H

#include "defs.h"

struct gw;

void watcher_main(struct gw *gw) NORETURN;

#endif

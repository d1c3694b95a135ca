/*
 * The tailer: the one process of a replica that reads drivers' logs, for all
 * who ask (tail.h). One stream a driver, from the place where the last one
 * broke; once nobody asks, none. Where the pod is gone it reads what is kept
 * of its log. It neither waits for nor is waited for by the workers' pool.
 */
#ifndef TAILER_H
#define TAILER_H

#include "defs.h"

struct gw;

void tailer_main(struct gw *gw) NORETURN;

#endif

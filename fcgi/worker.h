/*
 * A worker: accepts one FastCGI request after another, answers it from the
 * cache or by a bounded call, and writes one access line for each.
 */
#ifndef WORKER_H
#define WORKER_H

#include "defs.h"

struct gw;

void worker_main(struct gw *gw) NORETURN;

#endif

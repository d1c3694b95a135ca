/*
 * Whether pods can be run here at all: bubblewrap and user namespaces, and
 * never as root.
 */
#ifndef LOCALKUBE_PROBE_H
#define LOCALKUBE_PROBE_H

#include "defs.h"

struct err;

/* False with what is missing and how to mend it. */
bool kprobe_check(struct err *err) MUST_CHECK;

#endif

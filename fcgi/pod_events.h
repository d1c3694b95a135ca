/*
 * What the cluster's events say of a pod that does not start: a volume that
 * is not there, an image that cannot be had. Asked for on demand only: events
 * are many and last an hour. Pure.
 */
#ifndef POD_EVENTS_H
#define POD_EVENTS_H

#include "defs.h"

struct buf;

/* The path of a pod's warnings. */
void pod_events_path(struct buf *b, const char *ns, const char *pod);
/* The newest of a list as "Reason: message" on one line; "" if none. */
void pod_events_last(const char *list, size_t len, char *ret, size_t size);

#endif

/*
 * Watches: the changes of one resource as a stream of JSON lines.
 */
#ifndef LOCALKUBE_WATCH_H
#define LOCALKUBE_WATCH_H

#include "localkube_api.h"
#include "localkube_fault.h"
#include "localkube_stream.h"

/* uri is copied: the rules of faults are matched against it. */
bool kwatch_open(struct kstore *s, const struct kreq *rq, const char *uri,
    const struct kfault *fault, struct kstream **ret, struct kst *st)
    MUST_CHECK;

#endif

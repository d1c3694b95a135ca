/*
 * pods/NAME/log: what a container has written, its end, or as it grows.
 */
#ifndef LOCALKUBE_LOGS_H
#define LOCALKUBE_LOGS_H

#include "localkube_api.h"
#include "localkube_stream.h"

void klogs_init(const char *dir);	/* where the kubelet keeps its pods */
bool klogs_open(struct kstore *s, const struct kreq *rq, struct kreply *rp,
    struct kstream **ret, struct kst *st) MUST_CHECK;

#endif

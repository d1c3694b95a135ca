/*
 * From a request to the verb that answers it. For localkube_http.c.
 */
#ifndef LOCALKUBE_ROUTE_H
#define LOCALKUBE_ROUTE_H

#include "localkube_api.h"
#include "localkube_fault.h"
#include "localkube_stream.h"

/* What came of it: rp, or *ret_stream if the answer is made as it is sent. */
bool kroute(struct kstore *s, struct kreq *rq, const char *uri,
    const struct kfault *fault, struct kreply *rp,
    struct kstream **ret_stream, struct kst *st) MUST_CHECK;

/* Pages that need no token: NULL if uri is none of them. */
const char *kroute_open_page(const char *uri, const char **ret_type);

#endif

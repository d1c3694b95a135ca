/*
 * Admission: how many applications may be under way in a namespace. One that
 * would be too many is made suspended, which the operator honours, and the
 * leader lets it go when there is room. Counted in the cache, so replicas
 * may together pass the limit by what they make within a moment.
 */
#ifndef ADMIT_H
#define ADMIT_H

#include <json-c/json.h>

#include "defs.h"

struct gw;

/* Suspends the manifest if its namespace is full. */
void admit_or_wait(struct gw *gw, json_object *manifest);
/* Room for more in a namespace, by app_hash; INT64_MAX without a limit. */
int64_t admit_room(struct gw *gw, uint32_t ns_hash);

#endif

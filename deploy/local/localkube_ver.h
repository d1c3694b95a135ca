/*
 * Makes versions of objects (struct kver of localkube_store.h); for the
 * store alone.
 */
#ifndef LOCALKUBE_VER_H
#define LOCALKUBE_VER_H

#include "localkube_store.h"

struct kver *kver_new(const struct kres *res, json_object *o, int64_t rv);

#endif

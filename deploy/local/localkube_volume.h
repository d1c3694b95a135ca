/*
 * A pod's volumes: made as files of localkube's own folder, then mounted.
 */
#ifndef LOCALKUBE_VOLUME_H
#define LOCALKUBE_VOLUME_H

#include <json-c/json.h>

#include "localkube_root.h"
#include "localkube_store.h"

struct err;

/* Under dir/volumes. False with 404 while something referred to is missing. */
bool kvolume_make(struct kstore *s, json_object *pod, const char *dir,
    struct err *err) MUST_CHECK;
/* The container's volumeMounts. */
bool kvolume_mounts(json_object *pod, const char *dir, struct kroot *root,
    struct err *err) MUST_CHECK;

#endif

/*
 * Images: what stands in for a container image on this machine, from the
 * file of --images, read anew for each pod. And one container's environment
 * and command, made of the image, the pod and the objects it refers to.
 */
#ifndef LOCALKUBE_IMAGE_H
#define LOCALKUBE_IMAGE_H

#include <json-c/json.h>

#include "localkube_store.h"

struct err;

/* The image's entry, or NULL in *ret_new if the file has none of the name. */
bool kimage_find(const char *file, const char *name, json_object **ret_new,
    struct err *err) MUST_CHECK;

/*
 * *ret_env: an object of strings; *ret_argv: an array. False with 404 while
 * a ConfigMap, Secret or key that is referred to is missing.
 */
bool kimage_command(struct kstore *s, json_object *image, json_object *pod,
    json_object **ret_env, json_object **ret_argv, struct err *err)
    MUST_CHECK;

/* A field of a pod by its fieldPath (metadata.labels['x'] too), or NULL. */
const char *kimage_field(json_object *pod, const char *path);
/* The container that is run: the first. */
json_object *kimage_container(json_object *pod);

/* Decoded data of a Secret or ConfigMap, both as the caller's to free. */
bool kimage_value(json_object *object, bool secret, const char *key,
    char **ret, size_t *ret_len);

#endif

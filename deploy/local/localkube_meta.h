/*
 * The metadata that only the server writes, and small edits of it that the
 * verbs, the garbage collection and the kubelet share. Pure but for clock
 * and random numbers.
 */
#ifndef LOCALKUBE_META_H
#define LOCALKUBE_META_H

#include <json-c/json.h>

#include "localkube_res.h"

/* A new object's: uid, times, generation, name from generateName. */
void kmeta_new(const struct kres *res, json_object *o, const char *ns);
/* Of a changed object: what was given once stays; generation counts. */
void kmeta_keep(const struct kres *res, json_object *before,
    json_object *after);
/* Marks for deletion after so many seconds. */
void kmeta_deleting(const struct kres *res, json_object *o, int64_t grace_s);
bool kmeta_has_finalizer(json_object *o, const char *name); /* NULL: any */
void kmeta_add_finalizer(json_object *o, const char *name);
void kmeta_drop_finalizer(json_object *o, const char *name);
void kmeta_drop_owner(json_object *o, const char *uid);

/* RFC 7396 on the target, which it may replace. */
json_object *kmeta_merge(json_object *take_target, json_object *patch);
json_object *kmeta_copy(json_object *o);	/* new, deep */

#endif

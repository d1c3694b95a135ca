/*
 * Defaults and checks of the kinds that are Kubernetes' own: pods, secrets,
 * ConfigMaps, leases. For localkube_valid.c. Pure.
 */
#ifndef LOCALKUBE_CORE_H
#define LOCALKUBE_CORE_H

#include <json-c/json.h>

#include "localkube_status.h"

/* Top-level fields that the kind does not have are dropped and named. */
void kcore_prune(const struct kres *res, json_object *o,
    json_object *unknown);
/* Types that decoding would refuse (400), stringData, defaults. */
bool kcore_decode(const struct kres *res, json_object *o, struct kst *st)
    MUST_CHECK;
void kcore_check(const struct kres *res, json_object *o,
    json_object *causes);
void kcore_check_change(const struct kres *res, json_object *before,
    json_object *after, json_object *causes);

/* Base64 with padding; false if text is not that. Frees nothing. */
bool kcore_base64(const char *text, unsigned char **ret, size_t *ret_len)
    MUST_CHECK;

#endif

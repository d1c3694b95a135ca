/*
 * What the API server checks of an object before it keeps it, and what it
 * fills in. Pure.
 */
#ifndef LOCALKUBE_VALID_H
#define LOCALKUBE_VALID_H

#include <json-c/json.h>

#include "localkube_status.h"

enum kvalid_unknown { KVALID_IGNORE, KVALID_WARN, KVALID_STRICT };

/*
 * Drops fields that an application's schema does not have; their names are
 * added to ret_warnings (a JSON array), or refused if strict; what a patch
 * would make of an object is refused in other words than a whole one.
 */
bool kvalid_prune(const struct kres *res, json_object *o, bool patched,
    enum kvalid_unknown how, json_object *ret_warnings, struct kst *st)
    MUST_CHECK;

/* Sets the defaults of pods and secrets, checks names, labels, contents. */
bool kvalid_object(const struct kres *res, json_object *o, struct kst *st)
    MUST_CHECK;
/* What may not change once it is there. */
bool kvalid_change(const struct kres *res, json_object *before,
    json_object *after, struct kst *st) MUST_CHECK;

#endif

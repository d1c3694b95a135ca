/*
 * Label and field selectors: parsed once a request, matched per object.
 * Pure.
 */
#ifndef LOCALKUBE_SEL_H
#define LOCALKUBE_SEL_H

#include "localkube_status.h"

#define KSEL_MAX 32	/* requirements in one selector */
#define KSEL_VALUES 64	/* values in one set */

enum ksel_op { KSEL_IN, KSEL_NOT_IN, KSEL_EXISTS, KSEL_NOT_EXISTS };

struct ksel_req {
	char *key;
	enum ksel_op op;
	size_t n;
	char **values;
};

struct ksel {
	size_t n;
	struct ksel_req req[KSEL_MAX];
};

/* NULL or "" selects all. */
bool ksel_parse_labels(const char *text, struct ksel *ret, struct kst *st)
    MUST_CHECK;
/* Only the fields that the resource can be selected by. */
bool ksel_parse_fields(const char *text, const struct kres *res,
    struct ksel *ret, struct kst *st) MUST_CHECK;
void ksel_release(struct ksel *sel);

/* labels: n pairs of key and value, flat. */
bool ksel_match(const struct ksel *sel, char *const *labels, size_t n);
/* The same on the members of an object, by path ("metadata.name"). */
bool ksel_match_fields(const struct ksel *sel, json_object *o);

#endif

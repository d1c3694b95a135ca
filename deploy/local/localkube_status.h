/*
 * What localkube answers when it refuses: Kubernetes' Status objects, in the
 * words of the real API server. Each maker fills *st and returns false, so
 * failing is one statement. Owned by the request. Pure.
 */
#ifndef LOCALKUBE_STATUS_H
#define LOCALKUBE_STATUS_H

#include <json-c/json.h>

#include "localkube_res.h"

struct kst {
	int code;		/* 0 while nothing failed */
	int retry_after_s;
	json_object *body;
};

#define KST_INIT { 0 }
void kst_release(struct kst *st);
#define AUTO_KST __attribute__((cleanup(kst_release)))

bool kst_set(struct kst *st, int code, const char *reason, const char *fmt,
    ...) PRINTF(4, 5);
bool kst_not_found(struct kst *st, const struct kres *res, const char *name);
bool kst_exists(struct kst *st, const struct kres *res, const char *name);
bool kst_modified(struct kst *st, const struct kres *res, const char *name);
/* A failed precondition of a deletion. */
bool kst_precondition(struct kst *st, const struct kres *res,
    const char *name, const char *text);
bool kst_method(struct kst *st, const struct kres *res, const char *verb);

/* 422: causes gathers what is wrong; then one Status tells all of it. */
void kst_cause(json_object *causes, const char *reason, const char *field,
    const char *fmt, ...) PRINTF(4, 5);
bool kst_invalid(struct kst *st, const char *kind, const char *group,
    const char *name, json_object *causes);

/* Adds a cause and st->retry_after_s to its details. */
bool kst_add_details(struct kst *st, const char *reason, const char *message);

/* The Status of a deletion that is done. */
json_object *kst_deleted(const struct kres *res, const char *name,
    const char *uid);

#endif

/*
 * The verbs of the API on objects: what a request asks, checked, done in the
 * store, answered. Called by the HTTP side, one thread a request.
 */
#ifndef LOCALKUBE_API_H
#define LOCALKUBE_API_H

#include "buf.h"
#include "localkube_sel.h"
#include "localkube_store.h"

#define KAPI_BODY_MAX (3 * 1024 * 1024) /* the real server's limit */

struct kreq {
	const char *method;
	struct kpath path;
	struct kquery query;
	const char *type;	/* Content-Type; NULL: none */
	const char *body;
	size_t len;
};

struct kreply {
	int status;
	struct buf body;
	json_object *warnings;	/* array of texts, or NULL */
};

bool kapi_get(struct kstore *s, const struct kreq *rq, struct kreply *rp,
    struct kst *st) MUST_CHECK;
bool kapi_list(struct kstore *s, const struct kreq *rq, struct kreply *rp,
    struct kst *st) MUST_CHECK;
bool kapi_create(struct kstore *s, const struct kreq *rq, struct kreply *rp,
    struct kst *st) MUST_CHECK;
/* PUT and PATCH, on the object or its status. */
bool kapi_change(struct kstore *s, const struct kreq *rq, struct kreply *rp,
    struct kst *st) MUST_CHECK;
bool kapi_delete(struct kstore *s, const struct kreq *rq, struct kreply *rp,
    struct kst *st) MUST_CHECK;
bool kapi_delete_all(struct kstore *s, const struct kreq *rq,
    struct kreply *rp, struct kst *st) MUST_CHECK;

/* Both selectors of a list or watch. */
struct kpick {
	struct ksel labels, fields;
};
bool kpick_parse(const struct kreq *rq, struct kpick *ret, struct kst *st)
    MUST_CHECK;
void kpick_release(struct kpick *pick);
bool kpick_match(void *pick, const struct kver *v);	/* a kstore_match */

/* A number of the query; fallback if it is not there. */
bool kapi_int(const struct kreq *rq, const char *key, int64_t fallback,
    int64_t *ret, struct kst *st) MUST_CHECK;

#endif

/*
 * A client of the Kubernetes API: one libcurl handle, one connection kept,
 * for one process (make it after fork). Every call is bounded: an attempt by
 * attempt_ms, attempts and waits together by the deadline of the call.
 * Retries follow the API's rules: 429 and 503 by Retry-After, 500
 * ServerTimeout, 504, connection errors; a POST only because its object name
 * is deterministic, so a 409 after an unknown outcome is ours to compare.
 * 401 asks for a fresh credential once. Only kube*.c include curl.
 */
#ifndef KUBE_H
#define KUBE_H

#include <json-c/json.h>

#include "defs.h"

struct buf;
struct cred_shm;
struct err;
struct kube;

enum kube_result {
	KUBE_OK,
	KUBE_NOT_FOUND,		/* 404 of the object */
	KUBE_EXISTS,		/* 409 AlreadyExists */
	KUBE_CONFLICT,		/* 409 Conflict: resourceVersion, uid */
	KUBE_INVALID,		/* 400, 422, or denied by an admission webhook */
	KUBE_FORBIDDEN,		/* 401, 403: RBAC, quota, terminating namespace */
	KUBE_GONE,		/* 410 */
	KUBE_BUSY,		/* 429, 503, 504, server timeouts, budget used up */
	KUBE_AWAY,		/* no connection, TLS, no credential yet */
	KUBE_BROKEN,		/* an answer that makes no sense, too long */
};

struct kube_opts {
	struct cred_shm *cred;
	const char *user_agent;
	int64_t connect_timeout_ms;
	int64_t attempt_ms;	/* bound of one attempt */
	int64_t reply_limit;	/* bytes of an answer */
};

struct kube_req {
	const char *method;	/* "GET", "POST", "PUT", "PATCH", "DELETE" */
	const char *path;	/* "/apis/…", from the server's base; encoded */
	json_object *body;	/* lent; NULL = none */
	const char *content_type; /* of a PATCH; NULL = application/json */
	int64_t deadline_ms;	/* monotonic: when the whole call must end */
	bool once;		/* never retry */
};

struct kube *kube_new(const struct kube_opts *opts);
void kube_free(struct kube *k);

/*
 * One call. On KUBE_OK *ret_new (if not NULL) is the answer, the caller's.
 * Otherwise err holds the status that Livy's client should get (404, 409,
 * 400, 403, 503 …, with Retry-After where waiting helps) and a sentence with
 * the server's reason. *ret_unsure (may be NULL) is true when a write may
 * have been committed although it failed.
 */
enum kube_result kube_call(struct kube *k, const struct kube_req *rq,
    json_object **ret_new, bool *ret_unsure, struct err *err) MUST_CHECK;

/* A text answer (pod logs) of at most limit bytes, the rest is dropped. */
enum kube_result kube_text(struct kube *k, const struct kube_req *rq,
    size_t limit, struct buf *text, struct err *err) MUST_CHECK;

/*
 * A stream: feeds each piece of the answer's body to on_data until it
 * returns false, the server ends it, idle_ms pass without a byte, or
 * *stop becomes true (looked at each second). KUBE_OK = ended well.
 */
struct kube_stream {
	const char *path;
	int64_t idle_ms;
	bool (*on_data)(void *arg, const char *data, size_t len);
	void (*on_open)(void *arg);	/* 200 and headers are there; or NULL */
	bool (*on_tick)(void *arg);	/* about each second; false = stop */
	void *arg;
};
enum kube_result kube_stream(struct kube *k, const struct kube_stream *s,
    struct err *err) MUST_CHECK;

/* The paths of what this program asks for, appended to a buffer. */
void kube_path_apps(struct buf *b, const char *ns, const char *name);
void kube_path_core(struct buf *b, const char *ns, const char *plural,
    const char *name);	/* pods, configmaps, secrets; name NULL = all */
void kube_path_query(struct buf *b, const char *key, const char *value);

#endif

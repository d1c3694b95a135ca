/*
 * A client of the Kubernetes API: one libcurl handle, one connection kept,
 * for one process (make it after fork). Every call is bounded: an attempt by
 * attempt_ms, attempts and waits together by the deadline of the call.
 * Retries follow the API's rules: 429 and 503 by Retry-After, 500
 * ServerTimeout, 504, connection errors; a POST only because its object name
 * is deterministic, so a 409 after an unknown outcome is ours to compare.
 * 401 asks for a fresh credential once. Only kube*.c and those who reach
 * drivers (agent.c, feeder.c) include curl.
 *
 * What a client of the gateway gets to see (err), by result:
 *	NOT_FOUND	404
 *	EXISTS, CONFLICT 409; handlers compare or read again, then decide
 *	INVALID		400 with the server's reason; so an admission denial
 *	FORBIDDEN	RBAC: 500, the sentence names the missing right, which
 *			is the gateway's and not the client's; quota: 400, as
 *			Livy answers when it has too many sessions; 401: 503
 *	GONE		503
 *	BUSY, AWAY	503 with Retry-After
 *	BROKEN		500
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
	KUBE_NOT_FOUND,		/* 404 of the object (never of a POST) */
	KUBE_EXISTS,		/* 409 AlreadyExists */
	KUBE_CONFLICT,		/* 409 Conflict: resourceVersion, uid */
	KUBE_INVALID,		/* 400, 413, 422, or denied by a webhook */
	KUBE_FORBIDDEN,		/* 401, 403: RBAC, quota, dying namespace */
	KUBE_GONE,		/* 410: list again */
	KUBE_BUSY,		/* 429, 500, 503, 504, budget used up */
	KUBE_AWAY,		/* no connection, TLS, no credential yet */
	KUBE_BROKEN,		/* makes no sense, too long, no such API */
};

struct kube_opts {
	struct cred_shm *cred;
	const char *user_agent;
	int64_t connect_timeout_ms;
	int64_t attempt_ms;	/* bound of one attempt */
	int64_t reply_limit;	/* bytes of an answer */
	_Atomic int64_t *silent_ms; /* set when one gets no answer; or NULL */
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
 * Otherwise err holds the status that Livy's client should get and a
 * sentence with the server's reason. *ret_unsure (may be NULL) is true when
 * this call's write may have been committed although it failed: an attempt
 * was sent and its answer never came. Whatever it says, an EXISTS after a
 * POST may be our own object (libcurl itself sends a request again when a
 * kept connection turns out dead): compare. So may a NOT_FOUND after a
 * DELETE be our own deletion.
 */
enum kube_result kube_call(struct kube *k, const struct kube_req *rq,
    json_object **ret_new, bool *ret_unsure, struct err *err) MUST_CHECK;

/*
 * A text answer (pod logs), appended to text: at most its first limit bytes,
 * the rest is dropped.
 */
enum kube_result kube_text(struct kube *k, const struct kube_req *rq,
    size_t limit, struct buf *text, struct err *err) MUST_CHECK;

/*
 * A stream: feeds each piece of the answer's body to on_data until that or
 * on_tick returns false or the server ends it: KUBE_OK. Silence for idle_ms
 * and a broken connection are KUBE_AWAY. Never retried: the caller knows
 * where to go on. A 401 asks for a fresh credential, so the next try is good.
 */
struct kube_stream {
	const char *path;
	int64_t idle_ms;		/* longest silence, once it is open */
	int64_t open_ms;		/* for the headers; 0 = idle_ms */
	const char *accept;		/* static; NULL = JSON */
	bool (*on_data)(void *arg, const char *data, size_t len);
	void (*on_open)(void *arg);	/* 200 and headers are there; or NULL */
	bool (*on_tick)(void *arg);	/* some times a second; or NULL */
	void *arg;
};
enum kube_result kube_stream(struct kube *k, const struct kube_stream *s,
    struct err *err) MUST_CHECK;

/*
 * The paths of what this program asks for, appended to a buffer; names are
 * encoded. ns NULL = every namespace, name NULL = all objects.
 */
void kube_path_apps(struct buf *b, const char *ns, const char *name);
void kube_path_core(struct buf *b, const char *ns, const char *plural,
    const char *name);	/* pods, configmaps, secrets */
/* Adds "?key=value" or "&key=value", the value encoded. */
void kube_path_query(struct buf *b, const char *key, const char *value);

/* "host:port" of the server of the last call, for messages; "" = none yet. */
const char *kube_host(const struct kube *k);

#endif

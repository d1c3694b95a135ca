#include "config.h"

#include "kube.h"

#include <assert.h>
#include <errno.h>
#include <sys/mman.h>

#include "err.h"
#include "jv.h"
#include "kube_http.h"
#include "num.h"
#include "shm.h"

#define ATTEMPTS_MAX 6		/* of one call, whatever its deadline allows */
#define BACKOFF_MS 100		/* before the second attempt; then doubled */
#define BACKOFF_MAX_MS 2000
#define CREDENTIAL_WAIT_MS 1500	/* for the auth process to bring a new one */
#define CREDENTIAL_LOOK_MS 25

struct kube *
kube_new(const struct kube_opts *opts)
{
	struct kube *k = mem_alloc(sizeof *k);

	k->opts = *opts;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK) {
		k->easy = curl_easy_init();
		k->multi = curl_multi_init();
	}
	assert(k->easy && k->multi);	/* as running out of memory */
	k->secret = shm_map(sizeof *k->secret, /* secret= */ true);
	return k;
}

void
kube_free(struct kube *k)
{
	if (!k)
		return;
	curl_easy_cleanup(k->easy);
	curl_multi_cleanup(k->multi);
	curl_slist_free_all(k->connect_to);
	explicit_bzero(k->secret, sizeof *k->secret);
	munmap(k->secret, sizeof *k->secret);
	free(k);
	curl_global_cleanup();
}

const char *
kube_host(const struct kube *k)
{
	return k->host;
}

static void
wait_ms(int64_t ms)
{
	struct timespec left = { .tv_sec = ms / 1000,
		.tv_nsec = ms % 1000 * 1000000 };

	while (nanosleep(&left, &left) != 0 && errno == EINTR)
		;
}

/* Waits until the credential is not this one; false if it stays. */
static bool
credential_change(struct kube *k, uint32_t old, int64_t deadline_ms)
{
	int64_t end_ms = num_mono_ms() + CREDENTIAL_WAIT_MS;

	if (end_ms > deadline_ms)
		end_ms = deadline_ms;
	while (atomic_load(&k->opts.cred->generation) == old) {
		if (num_mono_ms() >= end_ms)
			return false;
		wait_ms(CREDENTIAL_LOOK_MS);
	}
	return true;
}

/*
 * The wait before attempt number n+1: what the server asks for and a little
 * more, else a doubled time of which the upper half is left to chance, so
 * that workers who failed together do not come back together.
 */
static int64_t
backoff_ms(int attempt, const struct kube_verdict *v)
{
	int64_t ms = BACKOFF_MS << (attempt < 8 ? attempt : 8);
	int64_t half;

	if (ms > BACKOFF_MAX_MS)
		ms = BACKOFF_MAX_MS;
	half = ms / 2;
	return (v->wait_s ? v->wait_s * 1000 : half) +
	    arc4random_uniform((uint32_t)half + 1);
}

/* A call's course through its attempts. */
struct course {
	const struct kube_req *rq;
	int attempt;		/* 0, 1, … */
	bool fresh;		/* a new credential was asked for already */
	bool unsure;		/* an earlier attempt may have been committed */
};

/* After a failed attempt: waits and says true to go on with another. */
static bool
go_on(struct kube *k, struct course *c, const struct kube_answer *a,
    const struct kube_verdict *v)
{
	int64_t left_ms = c->rq->deadline_ms - num_mono_ms(), ms;
	uint32_t generation = k->generation;

	if (!*a->failure && a->status == 401) {
		cred_refused(k->opts.cred, generation);
		if (c->fresh || c->rq->once)
			return false;
		c->fresh = true;
		return credential_change(k, generation, c->rq->deadline_ms);
	}
	if (!v->retry || c->rq->once || ++c->attempt >= ATTEMPTS_MAX)
		return false;
	ms = backoff_ms(c->attempt - 1, v);
	if (ms >= left_ms)
		return false;
	wait_ms(ms);
	return true;
}

/* The watches, which cannot tell, may be silent for the same reason. */
static void
note_silence(const struct kube *k, const struct kube_answer *a)
{
	if (*a->failure && k->opts.silent_ms)
		atomic_store(k->opts.silent_ms, num_mono_ms());
}

/*
 * Attempts until one succeeds or none is left. On KUBE_OK the answer's body
 * is the caller's to release.
 */
static enum kube_result
attempts(struct kube *k, const struct kube_req *rq, struct kube_http *http,
    struct kube_answer *ret, bool *ret_unsure, struct err *err)
{
	struct course c = { .rq = rq };
	struct kube_verdict v;
	int64_t left_ms;

	for (;;) {
		if (!kube_credential(k, err) &&
		    (!credential_change(k, 0, rq->deadline_ms) ||
		    !kube_credential(k, err)))
			return KUBE_AWAY;
		left_ms = rq->deadline_ms - num_mono_ms();
		if (left_ms <= 0)
			break;
		http->timeout_ms = left_ms < k->opts.attempt_ms ? left_ms :
		    k->opts.attempt_ms;
		if (kube_http(k, http, ret)) {
			*ret_unsure = false;
			return KUBE_OK;
		}
		note_silence(k, ret);
		kube_judge(rq->method, k->host, ret, &v, err);
		c.unsure = c.unsure || v.unsure;
		*ret_unsure = c.unsure && strcmp(rq->method, "GET") != 0;
		if (!go_on(k, &c, ret, &v))
			return v.result;
		buf_release(&ret->body);
	}
	if (c.attempt == 0 && !c.fresh)
		err_retry(err, 503, 1, "no time was left to ask the "
		    "Kubernetes API server at %s", k->host);
	return KUBE_BUSY;
}

enum kube_result
kube_call(struct kube *k, const struct kube_req *rq, json_object **ret_new,
    bool *ret_unsure, struct err *err)
{
	struct kube_http http = { .method = rq->method, .path = rq->path,
		.body = rq->body ? jv_print(rq->body) : NULL,
		.content_type = rq->content_type,
		.accept = "application/json",
		.limit = (size_t)k->opts.reply_limit };
	struct kube_answer a = { .body = BUF_INIT(0) };
	struct err why = ERR_INIT;
	bool unsure = false;
	enum kube_result result;

	result = attempts(k, rq, &http, &a, &unsure, err);
	if (result == KUBE_OK && ret_new && (!jv_parse(a.body.data, a.body.len,
	    JV_DEPTH_KUBE, ret_new, &why) || !*ret_new)) {
		err_set(err, 500, "the Kubernetes API server at %s gave an "
		    "answer that is no object (%s)", k->host,
		    *a.type ? a.type : "without a type");
		unsure = strcmp(rq->method, "GET") != 0;
		result = KUBE_BROKEN;
	}
	buf_release(&a.body);
	if (ret_unsure)
		*ret_unsure = unsure;
	return result;
}

enum kube_result
kube_text(struct kube *k, const struct kube_req *rq, size_t limit,
    struct buf *text, struct err *err)
{
	struct kube_http http = { .method = rq->method, .path = rq->path,
		.accept = "text/plain, application/json, */*",
		.limit = limit };
	struct kube_answer a = { .body = BUF_INIT(0) };
	bool unsure = false;
	enum kube_result result;

	result = attempts(k, rq, &http, &a, &unsure, err);
	if (result != KUBE_OK && a.too_long && a.status == 200)
		result = KUBE_OK;	/* its beginning is what we wanted */
	if (result == KUBE_OK)
		buf_add(text, a.body.data, a.body.len);
	buf_release(&a.body);
	return result;
}

enum kube_result
kube_stream(struct kube *k, const struct kube_stream *s, struct err *err)
{
	struct kube_http http = { .method = "GET", .path = s->path,
		.accept = "application/json, */*", .stream = s };
	struct kube_answer a;
	struct kube_verdict v = { .result = KUBE_OK };

	if (!kube_credential(k, err))
		return KUBE_AWAY;
	if (!kube_http(k, &http, &a)) {
		kube_judge("GET", k->host, &a, &v, err);
		if (!*a.failure && a.status == 401)
			cred_refused(k->opts.cred, k->generation);
	}
	buf_release(&a.body);
	return v.result;
}

#include "config.h"

#include "ids.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>

#include "buf.h"
#include "cache.h"
#include "conf.h"
#include "err.h"
#include "gw.h"
#include "jv.h"
#include "kube.h"
#include "log.h"
#include "num.h"

#define TRIES 32	/* lost races against other replicas in one request */
#define RV_MAX 64

struct counter {
	pthread_mutex_t lock;
	bool known;		/* next and rv are what we last saw */
	int64_t next;		/* the id that the next create gets */
	int64_t floor;		/* above every one that was handed out */
	char rv[RV_MAX];	/* the ConfigMap's resourceVersion */
};

struct ids {
	struct counter counter[APP_KINDS];
};

size_t
ids_size(void)
{
	return sizeof(struct ids);
}

void
ids_format(void *mem)
{
	struct ids *ids = mem;
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	for (size_t i = 0; i < APP_KINDS; i++)
		pthread_mutex_init(&ids->counter[i].lock, &attr);
	pthread_mutexattr_destroy(&attr);
}

static bool
lock(struct counter *c, int64_t deadline_ms)
{
	struct timespec until = {
		.tv_sec = (time_t)(deadline_ms / 1000),
		.tv_nsec = (long)(deadline_ms % 1000) * 1000000,
	};
	int rc = pthread_mutex_clocklock(&c->lock, CLOCK_MONOTONIC, &until);

	if (rc == EOWNERDEAD) {
		/* its holder died, perhaps between the call and the note */
		c->known = false;
		pthread_mutex_consistent(&c->lock);
		rc = 0;
	}
	assert(rc == 0 || rc == ETIMEDOUT);
	return rc == 0;
}

const char *
ids_home(const struct conf *conf)
{
	return *conf->home_namespace ? conf->home_namespace :
	    conf->namespaces.items[0];
}

static void
object_name(char ret[KUBE_LABEL_MAX + 1], const struct conf *conf,
    enum app_kind kind)
{
	snprintf(ret, KUBE_LABEL_MAX + 1, "livy-%s-ids-%s", conf->gateway,
	    app_kind_word(kind));
}

static json_object *
object(const struct conf *conf, enum app_kind kind, int64_t next,
    const char *rv)
{
	json_object *data = json_object_new_object();
	char name[KUBE_LABEL_MAX + 1];
	char number[24];
	json_object *o;

	object_name(name, conf, kind);
	o = gw_object(conf, "v1", "ConfigMap", name, rv);
	snprintf(number, sizeof number, "%lld", (long long)next);
	jv_set_str(data, "next", number);
	json_object_object_add(o, "data", data);
	return o;
}

/* Notes what the API server holds; a value that makes no sense counts as 0. */
static void
note(struct counter *c, json_object *o)
{
	const char *next = jv_str(o, "data.next");
	const char *rv = jv_str(o, "metadata.resourceVersion");

	c->known = rv && strlen(rv) < RV_MAX;
	if (!c->known)
		return;
	snprintf(c->rv, sizeof c->rv, "%s", rv);
	if (!next || !num_int(next, 0, (int64_t)ID_MAX + 1, &c->next)) {
		log_warn("the id counter holds '%s', which is no id",
		    next ? next : "");
		c->next = 0;
	}
}

/*
 * Reads the counter, or makes it where there is none. It stays unknown when
 * another replica made it in between: the caller asks again.
 */
static bool
learn(struct gw *gw, enum app_kind kind, struct counter *c, int64_t deadline_ms,
    struct err *err)
{
	AUTO_BUF struct buf path = BUF_INIT(1024);
	AUTO_JSON json_object *body = NULL;
	AUTO_JSON json_object *answer = NULL;
	char name[KUBE_LABEL_MAX + 1];
	struct kube_req rq = { .method = "GET", .deadline_ms = deadline_ms };
	enum kube_result result;

	object_name(name, gw->conf, kind);
	kube_path_core(&path, ids_home(gw->conf), "configmaps", name);
	rq.path = path.data;
	result = kube_call(gw->kube, &rq, &answer, NULL, err);
	if (result == KUBE_NOT_FOUND) {
		log_info("starting the id counter '%s'", name);
		body = object(gw->conf, kind, 0, "");
		buf_clear(&path);
		kube_path_core(&path, ids_home(gw->conf), "configmaps", NULL);
		rq = (struct kube_req){ .method = "POST", .path = path.data,
			.body = body, .deadline_ms = deadline_ms };
		result = kube_call(gw->kube, &rq, &answer, NULL, err);
	}
	if (result == KUBE_EXISTS)
		return true;
	if (result != KUBE_OK)
		return err_wrap(err, "cannot read the id counter");
	note(c, answer);
	return true;
}

/* From what we last saw to next; known again if it was done. */
static enum kube_result
swap(struct gw *gw, enum app_kind kind, struct counter *c, int64_t next,
    int64_t deadline_ms, struct err *err)
{
	AUTO_BUF struct buf path = BUF_INIT(1024);
	AUTO_JSON json_object *body = object(gw->conf, kind, next, c->rv);
	AUTO_JSON json_object *answer = NULL;
	char name[KUBE_LABEL_MAX + 1];
	struct kube_req rq = { .method = "PUT", .body = body,
		.deadline_ms = deadline_ms };
	enum kube_result result;

	object_name(name, gw->conf, kind);
	kube_path_core(&path, ids_home(gw->conf), "configmaps", name);
	rq.path = path.data;
	c->known = false;
	result = kube_call(gw->kube, &rq, &answer, NULL, err);
	if (result == KUBE_OK)
		note(c, answer);
	return result;
}

/*
 * One compare-and-swap from c->next to the id after the one we take. True
 * with *ret_taken false when another replica was faster.
 */
static bool
advance(struct gw *gw, enum app_kind kind, struct counter *c,
    int64_t deadline_ms, bool *ret_taken, int32_t *ret, struct err *err)
{
	enum kube_result result;
	int64_t id = c->next > c->floor ? c->next : c->floor;
	int32_t highest = cache_highest(gw->cache, kind);

	if (id <= highest)	/* the counter was lost, or is an old copy */
		id = (int64_t)highest + 1;
	if (id > ID_MAX)
		return err_set(err, 500, "all %d ids are used up", ID_MAX);
	result = swap(gw, kind, c, id + 1, deadline_ms, err);
	*ret_taken = result == KUBE_OK;
	if (result == KUBE_CONFLICT || result == KUBE_NOT_FOUND)
		return true;
	if (result != KUBE_OK)
		return err_wrap(err, "cannot advance the id counter");
	c->floor = id + 1;
	*ret = (int32_t)id;
	return true;
}

bool
ids_next(struct gw *gw, enum app_kind kind, int64_t deadline_ms, int32_t *ret,
    struct err *err)
{
	struct counter *c = &((struct ids *)gw->ids_mem)->counter[kind];
	bool taken = false;
	bool ok = true;

	if (!lock(c, deadline_ms))
		return err_retry(err, 503, 1,
		    "too many requests wait for an id; try again");
	for (int i = 0; ok && !taken && i < TRIES; i++) {
		if (!c->known)
			ok = learn(gw, kind, c, deadline_ms, err);
		if (ok && c->known)
			ok = advance(gw, kind, c, deadline_ms, &taken, ret, err);
	}
	pthread_mutex_unlock(&c->lock);
	if (ok && !taken)
		return err_retry(err, 503, 1,
		    "other replicas took %d ids meanwhile; try again", TRIES);
	return ok;
}

void
ids_give_back(struct gw *gw, enum app_kind kind, int32_t id,
    int64_t deadline_ms)
{
	struct counter *c = &((struct ids *)gw->ids_mem)->counter[kind];
	struct err ignored = ERR_INIT;

	if (!lock(c, deadline_ms))
		return;
	/* once somebody has taken the next one, this one is passed over */
	if (c->known && c->next == (int64_t)id + 1 && c->floor == c->next &&
	    swap(gw, kind, c, id, deadline_ms, &ignored) == KUBE_OK)
		c->floor = id;
	pthread_mutex_unlock(&c->lock);
}

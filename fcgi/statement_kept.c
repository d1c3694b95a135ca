#include "config.h"

#include "statement_kept.h"

#include "err.h"
#include "feed.h"
#include "gw.h"
#include "jv.h"
#include "kube.h"
#include "log.h"
#include "num.h"
#include "statement_list.h"

#define CALL_MS 5000	/* bound of the calls for one session */
#define RETRY_MS 5000
#define PATH_BYTES_MAX 1024
#define SUFFIX "-statements"

static void
path_of(struct buf *b, const struct cache_view *v, bool named)
{
	char name[KUBE_NAME_MAX + 1];

	snprintf(name, sizeof name, "%s" SUFFIX, v->text.object);
	kube_path_core(b, v->text.ns, "configmaps", named ? name : NULL);
}

static json_object *
map_of(struct gw *gw, const struct cache_view *v, const char *list,
    int32_t next, const char *rv)
{
	char name[KUBE_NAME_MAX + 1], count[16];
	json_object *data = json_object_new_object(), *map;

	snprintf(name, sizeof name, "%s" SUFFIX, v->text.object);
	snprintf(count, sizeof count, "%d", (int)next);
	map = gw_object(gw->conf, "v1", "ConfigMap", name, rv);
	gw_set_owner(map, v->text.object, v->app.uid);
	jv_set_str(data, "statements", list);
	jv_set_str(data, "next", count);
	json_object_object_add(map, "data", data);
	return map;
}

/* How many statements a map tells of; -1 if it is not of this session. */
static int32_t
told_by(json_object *map, const struct cache_view *v)
{
	json_object *owners = jv_get(map, "metadata.ownerReferences");
	const char *next = jv_str(map, "data.next"), *uid = NULL;
	int64_t n;

	if (json_object_is_type(owners, json_type_array) &&
	    json_object_array_length(owners) > 0)
		uid = jv_str(json_object_array_get_idx(owners, 0), "uid");
	if (!uid || strcmp(uid, v->app.uid) != 0 || !next ||
	    !num_int(next, 0, ID_MAX, &n))
		return -1;
	return (int32_t)n;
}

/* Another replica has offered its own: the one with more stays. */
static enum kube_result
settle(struct gw *gw, const struct cache_view *v, const char *list,
    int32_t next, struct err *err)
{
	AUTO_BUF struct buf path = BUF_INIT(PATH_BYTES_MAX);
	AUTO_JSON json_object *there = NULL;
	AUTO_JSON json_object *map = NULL;
	struct kube_req rq = { .method = "GET",
		.deadline_ms = num_mono_ms() + CALL_MS };
	enum kube_result r;
	const char *rv;

	path_of(&path, v, /* named= */ true);
	rq.path = path.data;
	r = kube_call(gw->kube, &rq, &there, NULL, err);
	if (r != KUBE_OK || told_by(there, v) >= next)
		return r;
	rv = jv_str(there, "metadata.resourceVersion");
	map = map_of(gw, v, list, next, rv ? rv : "");
	rq.method = "PUT";
	rq.body = map;
	return kube_call(gw->kube, &rq, NULL, NULL, err);
}

static bool
keep_one(struct gw *gw, const struct cache_view *v, struct err *err)
{
	AUTO_BUF struct buf list = BUF_INIT(2 * STATEMENT_KEPT_BYTES);
	AUTO_BUF struct buf path = BUF_INIT(PATH_BYTES_MAX);
	AUTO_JSON json_object *map = NULL;
	struct kube_req post = { .method = "POST",
		.deadline_ms = num_mono_ms() + CALL_MS };
	struct feed_session s;
	enum kube_result r;

	if (!feed_get(gw->feed, v->app.id, v->app.uid, &s))
		return true;
	if (statement_list_kept(gw->feed, &v->app, STATEMENT_KEPT_BYTES,
	    &list)) {
		map = map_of(gw, v, list.data, s.next, "");
		path_of(&path, v, /* named= */ false);
		post.path = path.data;
		post.body = map;
		r = kube_call(gw->kube, &post, NULL, NULL, err);
		if (r == KUBE_EXISTS)
			r = settle(gw, v, list.data, s.next, err);
		if (r != KUBE_OK && r != KUBE_NOT_FOUND)
			return false;
		log_debug("the statements of session %d are kept",
		    (int)v->app.id);
	}
	return feed_set_kept(gw->feed, v->app.id, s.next + 1) ||
	    err_set(err, 503, "there are more sessions than can be noted");
}

struct search {
	struct gw *gw;
	int64_t above;		/* those up to there have had their turn */
	int32_t id;		/* found; -1 = none */
};

static bool
look_at(void *arg, const struct app *app)
{
	struct search *s = arg;
	struct feed_session fs;

	if (app->id <= s->above || !app_ended(app) ||
	    feed_kept(s->gw->feed, app->id) ||
	    !feed_get(s->gw->feed, app->id, app->uid, &fs))
		return true;
	s->id = app->id;
	return false;
}

/*
 * One of those that nobody has kept yet has its turn; what fails has the
 * next one after all others, and after a while.
 */
static bool
keep_next(struct gw *gw, struct statement_keeper *k)
{
	AUTO_VIEW struct cache_view v = CACHE_VIEW_INIT;
	struct search s = { .gw = gw, .above = k->turn - 1, .id = -1 };
	struct err err = ERR_INIT;

	if (!cache_each(gw->cache, APP_SESSION, look_at, &s))
		return false;	/* in the next round */
	if (s.id < 0) {
		k->turn = 0;
		if (k->failed)
			k->retry_ms = num_mono_ms() + RETRY_MS;
		k->failed = false;
		return false;
	}
	k->turn = (int64_t)s.id + 1;
	if (cache_get(gw->cache, APP_SESSION, s.id, &v) == CACHE_FOUND &&
	    !keep_one(gw, &v, &err)) {
		k->failed = true;
		log_warn("the statements of session %d are not kept yet: %s",
		    (int)s.id, err.msg);
	}
	return true;
}

void
statement_keep(struct gw *gw, struct statement_keeper *k)
{
	int64_t until = num_mono_ms() + CALL_MS;

	while (num_mono_ms() >= k->retry_ms && num_mono_ms() < until)
		if (!keep_next(gw, k))
			return;
}

bool
statement_kept_read(struct gw *gw, const struct cache_view *v,
    int64_t deadline_ms, struct buf *ret, struct err *err)
{
	AUTO_BUF struct buf path = BUF_INIT(PATH_BYTES_MAX);
	AUTO_JSON json_object *map = NULL;
	struct kube_req get = { .method = "GET", .deadline_ms = deadline_ms };
	enum kube_result r;

	path_of(&path, v, /* named= */ true);
	get.path = path.data;
	r = kube_call(gw->kube, &get, &map, NULL, err);
	if (r == KUBE_OK && told_by(map, v) >= 0 &&
	    jv_str(map, "data.statements")) {
		buf_addstr(ret, jv_str(map, "data.statements"));
		return true;
	}
	if (r != KUBE_OK && r != KUBE_NOT_FOUND)
		return false;
	return err_set(err, 400, "requirement failed: Session isn't active.");
}

#include "config.h"

#include "admit.h"

#include <assert.h>
#include <errno.h>

#include "cache.h"
#include "conf.h"
#include "gw.h"
#include "jv.h"
#include "slots.h"

struct count {
	uint32_t key;
	int64_t under_way;
	bool waiting;	/* somebody was there before us */
};

uint32_t
admit_key(const struct app *app)
{
	return app->ns_hash;
}

static bool
add(void *arg, const struct app *app)
{
	struct count *n = arg;

	if (admit_key(app) != n->key || app_ended(app))
		return true;
	if (app->waits)
		n->waiting = true;
	else
		n->under_way++;
	return true;
}

/*
 * First what is on its way to the cache, then the cache: what arrives there
 * meanwhile counts twice, never not at all.
 */
static struct count
count(struct gw *gw, uint32_t key)
{
	struct count n = { .key = key };

	n.under_way = slots_admitted(gw->slots, key, gw->slot);
	n.under_way += cache_unseen(gw->cache, key, &n.waiting);
	for (int kind = 0; kind < APP_KINDS; kind++)
		cache_each(gw->cache, (enum app_kind)kind, add, &n);
	return n;
}

int64_t
admit_room(struct gw *gw, uint32_t key)
{
	int64_t limit = gw->conf->admission_limit;

	return limit == 0 ? INT64_MAX : limit - count(gw, key).under_way;
}

/* One at a time counts and says that it takes the room. */
static bool
take_room(struct gw *gw, uint32_t key)
{
	struct count n;
	bool room;
	int rc = pthread_mutex_lock(&gw->slots->admission);

	if (rc == EOWNERDEAD)	/* it guards nothing that could be half done */
		rc = pthread_mutex_consistent(&gw->slots->admission);
	assert(rc == 0);
	n = count(gw, key);
	room = !n.waiting && n.under_way < gw->conf->admission_limit;
	if (room)
		slot_admit(&gw->slots->slot[gw->slot], key);
	pthread_mutex_unlock(&gw->slots->admission);
	return room;
}

void
admit_or_wait(struct gw *gw, json_object *manifest)
{
	const char *ns = jv_str(manifest, "metadata.namespace");

	if (gw->conf->admission_limit == 0 || take_room(gw, app_hash(ns)))
		return;
	json_object_object_add(jv_get(manifest, "spec"), "suspend",
	    json_object_new_boolean(true));
	jv_set_str(jv_get(manifest, "metadata.annotations"), ANNOTATION_WAITS,
	    "admission");
}

struct queue {
	const struct app *app;
	struct admit_place place;
	bool seen;	/* itself: what was just made may be missing */
};

static bool
stands(void *arg, const struct app *app)
{
	struct queue *q = arg;

	if (!app->waits || app_ended(app) ||
	    admit_key(app) != admit_key(q->app))
		return true;
	q->place.of++;
	q->seen = q->seen || (app->kind == q->app->kind &&
	    app->id == q->app->id);
	if (app->kind != q->app->kind ? app->kind == APP_SESSION :
	    app->id <= q->app->id)
		q->place.at++;
	return true;
}

struct admit_place
admit_place(struct gw *gw, const struct app *app)
{
	struct queue q = { .app = app };

	for (int kind = 0; kind < APP_KINDS; kind++)
		cache_each(gw->cache, (enum app_kind)kind, stands, &q);
	if (!q.seen) {
		q.place.at++;
		q.place.of++;
	}
	return q.place;
}

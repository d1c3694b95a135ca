#include "config.h"

#include "admit.h"

#include <assert.h>
#include <errno.h>

#include "cache.h"
#include "conf.h"
#include "gw.h"
#include "jv.h"
#include "own.h"
#include "slots.h"
#include "tally.h"

static struct tally now;	/* too much for a stack */

bool
admit_limits(const struct gw *gw)
{
	return gw->conf->admission_limit > 0 ||
	    gw->conf->admission_team_limit > 0 ||
	    json_object_object_length(gw->conf->admission_team_limits) > 0;
}

static bool
add(void *arg, const struct app *app)
{
	if (!app_ended(app))
		tally_add(arg, app->ns_hash, app->team_hash, app->waits);
	return true;
}

static void
add_unseen(void *arg, const struct own_write *w)
{
	tally_add(arg, w->ns_hash, w->team_hash, w->waits);
}

/*
 * First what is on its way to the cache, then the cache: what arrives there
 * meanwhile counts twice, never not at all.
 */
bool
admit_count(struct gw *gw, struct tally *ret)
{
	bool whole = true;
	uint32_t ns, team;
	int64_t at = 0;

	tally_begin(ret, gw->conf);
	while (slots_admitted(gw->slots, gw->slot, &at, &ns, &team))
		tally_add(ret, ns, team, /* waits= */ false);
	cache_unseen(gw->cache, add_unseen, ret);
	for (int kind = 0; kind < APP_KINDS; kind++)
		whole = cache_each(gw->cache, (enum app_kind)kind, add,
		    ret) && whole;
	return whole;
}

/* One at a time counts and says that it takes the room. */
static bool
take_room(struct gw *gw, uint32_t ns, uint32_t team)
{
	bool room;
	int rc = pthread_mutex_lock(&gw->slots->admission);

	if (rc == EOWNERDEAD)	/* it guards nothing that could be half done */
		rc = pthread_mutex_consistent(&gw->slots->admission);
	assert(rc == 0);
	room = admit_count(gw, &now) && tally_may_begin(&now, ns, team);
	if (room)
		slot_admit(&gw->slots->slot[gw->slot], ns, team);
	pthread_mutex_unlock(&gw->slots->admission);
	return room;
}

void
admit_or_wait(struct gw *gw, json_object *manifest)
{
	json_object *notes = jv_get(manifest, "metadata.annotations");
	const char *ns = jv_str(manifest, "metadata.namespace");
	const char *team = jv_str(notes, ANNOTATION_TEAM);

	if (!admit_limits(gw) ||
	    take_room(gw, app_hash(ns), team ? app_hash(team) : 0))
		return;
	json_object_object_add(jv_get(manifest, "spec"), "suspend",
	    json_object_new_boolean(true));
	jv_set_str(notes, ANNOTATION_WAITS, "admission");
}

struct queue {
	const struct app *app;
	const struct tally *tally;
	struct admit_place place;
	bool seen;	/* itself: what was just made may be missing */
};

/* Whether it waits for the same as the one whose queue this is. */
static bool
stands_in_line(const struct queue *q, const struct app *app)
{
	struct tally_room r;

	if (q->place.team_most > 0)
		return app->team_hash == q->app->team_hash;
	r = tally_room(q->tally, app->ns_hash, app->team_hash);
	return app->ns_hash == q->app->ns_hash && r.team > 0;
}

static bool
stands(void *arg, const struct app *app)
{
	struct queue *q = arg;

	if (!app->waits || app_ended(app) || !stands_in_line(q, app))
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
	struct queue q = { .app = app, .tally = &now };
	struct tally_room r;

	/* only told: a place that is too good is soon told right */
	(void)!admit_count(gw, &now);
	r = tally_room(&now, app->ns_hash, app->team_hash);
	if (r.team_most != INT64_MAX && (r.team <= 0 ||
	    r.ns_most == INT64_MAX))
		q.place.team_most = r.team_most;
	for (int kind = 0; kind < APP_KINDS; kind++)
		(void)!cache_each(gw->cache, (enum app_kind)kind, stands, &q);
	if (!q.seen) {
		q.place.at++;
		q.place.of++;
	}
	return q.place;
}

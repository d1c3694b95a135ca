#include "config.h"

#include "chore.h"
#include "conf.h"
#include "err.h"
#include "feed.h"
#include "gw.h"
#include "jv.h"
#include "log.h"
#include "num.h"

#define ELSEWHERE_MS 5000	/* the leader has heard it by then, if it can */

#define NOTED 256		/* sessions that the watch may be late with */
#define NOTED_MS 20000

/* The leader's: those that it has noted lately. */
static struct {
	int32_t id;
	int64_t at_ms;		/* monotonic; 0 = free */
} noted[NOTED];

/* The one that this replica knows to be ready and nobody has noted. */
static struct {
	int32_t id;
	int64_t since_ms;	/* monotonic; 0 = none */
	bool shown;		/* in this look */
} first;

bool
chore_was_ready(struct gw *gw, const struct app *app)
{
	enum livy_state state;

	return app->ready_ms != 0 || (feed_get_state(gw->feed, app->id,
	    app->uid, &state) && state != LIVY_STARTING);
}

static void
begin(struct chores *due UNUSED)
{
	first.shown = false;
}

/* Whether it was noted, and the watch has not told of it yet. */
static bool
is_noted(int32_t id)
{
	size_t at = (size_t)id % NOTED;

	return noted[at].at_ms && noted[at].id == id &&
	    num_mono_ms() - noted[at].at_ms < NOTED_MS;
}

static bool
look(struct chores *due, const struct app *app)
{
	if (chore_gw(due)->conf->start_timeout_ms == 0 ||
	    app->kind != APP_SESSION || app->phase != PHASE_RUNNING ||
	    app->ready_ms != 0 || app_ended(app) || is_noted(app->id) ||
	    !chore_was_ready(chore_gw(due), app))
		return false;
	chore_add(due, &chore_ready, app);
	if (first.since_ms == 0) {
		first.id = app->id;
		first.since_ms = num_mono_ms();
	}
	first.shown = first.shown || first.id == app->id;
	return false;
}

static void
end(struct chores *due UNUSED)
{
	if (!first.shown)
		first.since_ms = 0;
}

static enum chore_end
act(struct gw *gw, const struct cache_view *v, struct buf *reason UNUSED,
    struct err *err)
{
	size_t at = (size_t)v->app.id % NOTED;
	json_object *notes, *body;

	if (v->app.ready_ms != 0 || !chore_was_ready(gw, &v->app))
		return CHORE_NOTHING;
	body = chore_notes_body(v, &notes);
	chore_set_now(notes, ANNOTATION_READY);
	if (!chore_patch(gw, v, body, err))
		return CHORE_FAILED;
	noted[at].id = v->app.id;
	noted[at].at_ms = num_mono_ms();
	return CHORE_NOTHING;
}

/* The leader does not hear this driver, as it seems, and might fail it. */
static void
elsewhere(struct gw *gw)
{
	AUTO_VIEW struct cache_view v = CACHE_VIEW_INIT;
	struct err err = ERR_INIT;

	if (first.since_ms == 0 ||
	    num_mono_ms() - first.since_ms < ELSEWHERE_MS)
		return;
	first.since_ms = 0;
	if (cache_get(gw->cache, APP_SESSION, first.id, &v) == CACHE_FOUND &&
	    act(gw, &v, NULL, &err) == CHORE_FAILED)
		log_warn("session %d is ready, and that cannot be noted: %s",
		    (int)first.id, err.msg);
}

/*
 * Notes on a session that its agent has been ready, so that no replica, now
 * or after a restart, takes it for one that never started.
 */
const struct chore chore_ready = { .begin = begin, .look = look, .end = end,
	.act = act, .elsewhere = elsewhere };

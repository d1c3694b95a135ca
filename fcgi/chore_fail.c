#include "config.h"

#include "agent.h"
#include "buf.h"
#include "chore.h"
#include "conf.h"
#include "feed.h"
#include "gw.h"
#include "jv.h"
#include "livy.h"

#define STORY_MAX 1024

/* The leader's: when it began to look, and so to hear agents. Epoch ms. */
static int64_t begun_ms;

/* Not run yet, and neither is it kept from that nor being run anew. */
static bool
is_on_its_way(const struct app *app)
{
	return app->state == LIVY_STARTING && !app->waits &&
	    app->phase != PHASE_RUNNING && app->phase != PHASE_UNKNOWN &&
	    app->phase != PHASE_PENDING_RERUN &&
	    app->phase != PHASE_INVALIDATING;
}

/* Its driver runs, and its agent has never been ready. */
static bool
is_unready(struct gw *gw, const struct app *app)
{
	return app->kind == APP_SESSION && app->phase == PHASE_RUNNING &&
	    app->state == LIVY_STARTING && !chore_was_ready(gw, app);
}

static void
begin(struct chores *due)
{
	if (begun_ms == 0)
		begun_ms = chore_now(due);
}

static bool
look(struct chores *due, const struct app *app)
{
	struct gw *gw = chore_gw(due);
	int64_t bound = gw->conf->start_timeout_ms;
	int64_t since = app->admitted_ms ? app->admitted_ms : app->created_ms;

	if (bound == 0 || since == 0 || chore_now(due) - since <= bound)
		return false;
	/* an agent has to have had as long to be heard by this process */
	if (is_on_its_way(app) || (is_unready(gw, app) &&
	    chore_now(due) - begun_ms > bound))
		chore_add(due, &chore_fail, app);
	return false;
}

static void
add_line(void *arg, const char *line, size_t len)
{
	struct buf *b = arg;

	if (len > STORY_MAX - b->len - 2)
		len = STORY_MAX - b->len - 2;
	buf_addstr(b, b->len ? "; " : "");
	buf_add(b, line, len);
	/* a whole sentence or the start of a long one is enough */
	b->len = b->len < STORY_MAX - 8 ? b->len : STORY_MAX - 8;
}

/* Why a driver that runs may have no agent that is ready. */
static void
tell_unready(struct gw *gw, const struct cache_view *v, struct buf *reason)
{
	struct feed_session heard;

	if (feed_get(gw->feed, v->app.id, v->app.uid, &heard)) {
		buf_addstr(reason, "its agent answers, but was not ready: the"
		    " driver's log tells what Spark waits for");
		return;
	}
	buf_addf(reason, "its agent has not answered on port %d of the driver"
	    " pod: see in the driver's log whether it listens, that the"
	    " template's image has Python 3 and runs the agent with the"
	    " options that the template passes to it, ",
	    agent_port(gw, &v->app));
	buf_addstr(reason, gw->conf->reach == REACH_PROXY ?
	    "and that this server has the right to pods/proxy" :
	    "that no network policy keeps this server from that port, and that"
	    " sessions.reach is right");
}

static enum chore_end
act(struct gw *gw, const struct cache_view *v, struct buf *reason,
    struct err *err)
{
	json_object *notes, *body;
	AUTO_BUF struct buf story = BUF_INIT(2 * STORY_MAX);
	bool runs = v->app.phase == PHASE_RUNNING;

	if (!is_on_its_way(&v->app) && !is_unready(gw, &v->app))
		return CHORE_NOTHING;
	if (runs)
		tell_unready(gw, v, &story);
	else
		livy_story(&v->app, &v->text, add_line, &story);
	buf_addf(reason, "not %s %lld s after it was admitted, so it was "
	    "stopped: %.*s", runs ? "ready" : "running",
	    (long long)gw->conf->start_timeout_ms / 1000,
	    (int)story.len, story.data);
	body = chore_patch_body(v, /* suspend: */ true, &notes);
	jv_set_str(notes, ANNOTATION_FAILED, reason->data);
	chore_set_now(notes, ANNOTATION_ENDED);
	return chore_patch(gw, v, body, err) ? CHORE_DONE : CHORE_FAILED;
}

/* Stops starts that take too long, and says why in the application. */
const struct chore chore_fail = { .step = AUDIT_FAILED, .begin = begin,
	.look = look, .act = act };

#include "config.h"

#include "chore.h"
#include "err.h"
#include "gw.h"
#include "log.h"
#include "num.h"
#include "session_agent.h"
#include "session_secret.h"

#define WAITS_MS 5000	/* a pod that starts usually has by then */
#define AGAIN_MS 20000
#define MENDED 256	/* sessions looked after lately */

/* The leader's: which sessions have been looked after, and when. */
static struct {
	int32_t id;
	int64_t at_ms;		/* monotonic; 0 = free */
} mended[MENDED];

/*
 * Whether it is another session's turn, or this one's again. With more
 * sessions than there is room for, some have to wait for one of the others.
 */
static bool
is_due(int32_t id)
{
	size_t at = (size_t)id % MENDED;
	int64_t now = num_mono_ms();

	if (mended[at].at_ms && now - mended[at].at_ms <
	    (mended[at].id == id ? AGAIN_MS : WAITS_MS))
		return false;
	mended[at].id = id;
	mended[at].at_ms = now;
	return true;
}

/* Its pod is there and does not start, maybe for want of its volumes. */
static bool
look(struct chores *due, const struct app *app)
{
	int64_t since = app->admitted_ms ? app->admitted_ms : app->created_ms;

	if (app->kind == APP_SESSION && app->state == LIVY_STARTING &&
	    app->key_version > 0 && app->pod_seen && !app->pod_started &&
	    chore_now(due) - since > WAITS_MS && is_due(app->id))
		chore_add(due, &chore_session, app);
	return false;
}

static enum chore_end
act(struct gw *gw, const struct cache_view *v, struct buf *reason,
    struct err *err)
{
	int64_t until = num_mono_ms() + CHORE_MS;
	bool made = false;

	if (!session_secret_offer(gw, &v->app, &v->text, until, &made, err))
		return CHORE_FAILED;
	if (v->app.agent == app_hash(gw->agent->hash) &&
	    !session_agent_offer(gw, v->text.ns, until, err))
		return CHORE_FAILED;
	if (!made)
		return CHORE_NOTHING;
	log_warn("session %d had no token: it has one now", (int)v->app.id);
	buf_addstr(reason, "its token was missing");
	return CHORE_DONE;
}

/* Mends sessions whose worker died before it had made all that they need. */
const struct chore chore_session = { .step = AUDIT_MENDED, .look = look,
	.act = act };

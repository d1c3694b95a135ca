#include "config.h"

#include "session.h"

#include <time.h>

#include "access.h"
#include "apps.h"
#include "audit.h"
#include "chore.h"
#include "conf.h"
#include "create.h"
#include "dryrun.h"
#include "err.h"
#include "feed.h"
#include "gw.h"
#include "jv.h"
#include "log.h"
#include "lookup.h"
#include "num.h"
#include "reply.h"
#include "request.h"
#include "session_agent.h"
#include "session_plan.h"
#include "session_secret.h"
#include "session_token.h"

#define SECRET_MS 3000	/* bound of its call: the leader mends what fails */
#define SEEN_MS 3000	/* longest wait for the watch to tell of a stop */
#define SEEN_LOOK_MS 5

/* The namespace that it is for has the agent. */
static bool
offer_agent(struct gw *gw, const struct request *rq, json_object *manifest,
    struct err *err)
{
	bool good;

	if (!lookup_ready(gw, err) || !lookup_calls_begin(gw, err))
		return false;
	good = session_agent_offer(gw, jv_str(manifest, "metadata.namespace"),
	    rq->deadline_ms, err);
	lookup_calls_end(gw);
	return good;
}

/* Its token; whatever happens the session has been made, and is mended. */
static void
offer_secret(struct gw *gw, const struct request *rq, const struct item *it)
{
	int64_t until = num_mono_ms() + SECRET_MS;
	struct err err = ERR_INIT;
	bool made = false;

	if (!it->obj)
		return;	/* another request's, answered once more */
	if (lookup_calls_begin(gw, &err)) {
		made = session_secret_offer(gw, &it->view.app, &it->view.text,
		    until < rq->deadline_ms ? until : rq->deadline_ms, NULL,
		    &err);
		lookup_calls_end(gw);
	}
	if (!made)
		log_warn("session %d waits for its token: %s",
		    (int)it->view.app.id, err.msg);
}

/*
 * Everything that can be refused is refused before the API server is asked
 * and before an id is taken, so a 4xx leaves nothing behind.
 */
bool
session_create(struct gw *gw, const struct request *rq,
    const struct target *t, struct reply *rp, struct err *err)
{
	AUTO_PLAN struct session_plan plan = SESSION_PLAN_INIT;
	AUTO_JSON json_object *trial = NULL;
	AUTO_ITEM struct item it = ITEM_INIT;	/* what the API server made */
	struct creation c = { .gw = gw, .rq = rq, .kind = t->kind };
	bool dry;

	if (!dryrun_wanted(rq, &dry, err) ||
	    !session_plan(gw->conf, gw->agent,
	    session_keys_version(gw->session_keys), rq, &plan, err))
		return false;
	c.vars = plan.vars;
	c.labels = plan.labels;
	c.notes = plan.notes;
	if (dry)
		return dryrun_answer(&c, rp, err);
	if (!create_manifest(&c, ID_MAX, &trial, err))
		return err_wrap(err, "cannot render this session");
	if (!offer_agent(gw, rq, trial, err) || !create_app(&c, &it, err))
		return false;
	offer_secret(gw, rq, &it);
	rp->status = 201;
	reply_location(rp, "/sessions/%d", (int)it.view.app.id);
	apps_add_view(rq, &it.view, NULL, &rp->body);
	return true;
}

/*
 * Readers of this replica are to see it dead once it is answered. Where the
 * watch is behind, no more workers wait for it than may wait for a call.
 */
static void
wait_dead(struct gw *gw, const struct request *rq, const struct app *app)
{
	const struct timespec pause = { .tv_nsec = SEEN_LOOK_MS * 1000000L };
	int64_t until = num_mono_ms() + SEEN_MS;
	enum livy_state state = LIVY_DEAD;

	if (until > rq->deadline_ms)
		until = rq->deadline_ms;
	while (cache_get_state(gw->cache, app->kind, app->id, &state) ==
	    CACHE_FOUND && state < LIVY_ERROR && num_mono_ms() < until)
		nanosleep(&pause, NULL);
}

/*
 * Marks the application as ended and suspends it: the operator takes its
 * pods down, whatever the driver does, and the record stays.
 */
static bool
suspend(struct gw *gw, const struct request *rq, const struct cache_view *v,
    struct err *err)
{
	json_object *notes;
	json_object *body = chore_patch_body(v, /* suspend: */ true, &notes);
	AUTO_BUF struct buf why = BUF_INIT(1024);
	bool done;

	buf_addf(&why, "stopped by %s", *rq->user ? rq->user : "a client");
	jv_set_str(notes, ANNOTATION_FAILED, why.data);
	chore_set_now(notes, ANNOTATION_ENDED);
	if (!lookup_calls_begin(gw, err)) {
		json_object_put(body);
		return false;
	}
	done = chore_patch(gw, v, body, err);
	if (done)
		wait_dead(gw, rq, &v->app);
	lookup_calls_end(gw);
	return done;
}

bool
session_stop(struct gw *gw, const struct request *rq, const struct target *t,
    struct reply *rp, struct err *err)
{
	AUTO_ITEM struct item it = ITEM_INIT;
	const struct app *app = &it.view.app;

	if (!lookup_item(gw, rq, t, &it, err) ||
	    !access_check(gw->conf, rq, &it.view.text, ACCESS_MODIFY, err))
		return false;
	rp->status = 204;
	if (app_ended(app))
		return true;
	if (!suspend(gw, rq, &it.view, err))
		return err_wrap(err, "cannot stop session %d", (int)app->id);
	audit_write(&(struct audit){ .step = AUDIT_STOPPED,
	    .kind = app->kind, .id = app->id, .user = rq->user,
	    .request_id = rq->id });
	return true;
}

/* What Livy's Java client begins with; the body says nothing. It is use. */
bool
session_connect(struct gw *gw, const struct request *rq,
    const struct target *t, struct reply *rp, struct err *err)
{
	AUTO_ITEM struct item it = ITEM_INIT;

	if (!lookup_item(gw, rq, t, &it, err) ||
	    !access_check(gw->conf, rq, &it.view.text, ACCESS_MODIFY, err))
		return false;
	if (feed_stamp(gw->feed, it.view.app.id, FEED_USED))
		feed_poke(gw->feed);
	return apps_view(gw, rq, t, rp, err);
}

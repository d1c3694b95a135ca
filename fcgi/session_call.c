#include "config.h"

#include "session_call.h"

#include "access.h"
#include "conf.h"
#include "err.h"
#include "feed.h"
#include "gw.h"
#include "live.h"
#include "request.h"

#define WRAPPED "java.util.concurrent.ExecutionException: " \
	"org.apache.livy.rsc.rpc.RpcException: "

void
session_call_release(struct session_call *c)
{
	item_release(&c->it);
	agent_answer_release(&c->answer);
	explicit_bzero(&c->at, sizeof c->at);
}

bool
session_call_find(struct session_call *c, const struct target *t,
    struct err *err)
{
	return lookup_item(c->gw, c->rq, t, &c->it, err) &&
	    access_check(c->gw->conf, c->rq, &c->it.view.text, c->right, err);
}

static bool
refuse_state(enum livy_state state, struct err *err)
{
	return err_bare(err, 500, "java.lang.IllegalStateException: Session "
	    "is in state %s", livy_state_word(state));
}

bool
session_call_ready(const struct session_call *c, struct err *err)
{
	const struct app *app = &c->it.view.app;
	enum livy_state state;

	if (app->state == LIVY_IDLE || app->state == LIVY_BUSY)
		return true;
	/* one that the feed has not heard of (yet): its agent knows */
	if (app->state == LIVY_STARTING && live_has_driver(app) &&
	    !feed_get_state(c->gw->feed, app->id, app->uid, &state))
		return true;
	return refuse_state(app->state, err);
}

bool
session_call_alive(const struct session_call *c, struct err *err)
{
	const struct app *app = &c->it.view.app;

	switch (app->state) {
	case LIVY_SHUTTING_DOWN: case LIVY_DEAD: case LIVY_KILLED:
	case LIVY_SUCCESS:
		return err_set(err, 400,
		    "requirement failed: Session isn't active.");
	case LIVY_NOT_STARTED: case LIVY_STARTING: case LIVY_RECOVERING:
	case LIVY_IDLE: case LIVY_RUNNING: case LIVY_BUSY: case LIVY_ERROR:
		break;
	}
	return live_has_driver(app) || err_set(err, 400, "requirement failed: "
	    "Session is active but client hasn't been created.");
}

/* What the agent refused, as Livy's clients know it. */
static bool
say(const struct session_call *c, struct err *err)
{
	const struct agent_answer *a = &c->answer;

	switch (a->status) {
	case 400:
		return err_bare(err, 500, WRAPPED
		    "java.lang.IllegalArgumentException: %s", a->text);
	case 401:
		return err_retry(err, 503, 5, "the session's driver does not "
		    "know this server's token");
	case 404:
		return err_bare(err, 404, "Statement not found");
	case 409:
		return err_bare(err, 500,
		    "java.lang.IllegalStateException: %s", a->text);
	case 410:
	case 413:
		return err_set(err, (int)a->status, "%s", a->text);
	case 429:
		return err_retry(err, 503, 1, "the session's driver is asked "
		    "by too many: %s", a->text);
	default:
		return err_bare(err, 500, WRAPPED "%s", a->text);
	}
}

bool
session_call(struct session_call *c, const struct agent_req *req, long pass,
    struct err *err)
{
	enum agent_result result;

	if (!agent_find(c->gw, &c->it.view, &c->at, err) ||
	    !agent_calls_begin(c->gw, c->rq, c->it.view.app.id, err))
		return false;
	result = agent_call(c->gw, &c->at, req, c->rq->deadline_ms,
	    &c->answer, err);
	lookup_calls_end(c->gw);
	if (result == AGENT_AWAY && !c->answer.unsure &&
	    c->it.view.app.state == LIVY_STARTING)
		return refuse_state(LIVY_STARTING, err); /* it does not listen */
	if (result == AGENT_AWAY)
		return false;
	return result == AGENT_OK || c->answer.status == pass || say(c, err);
}

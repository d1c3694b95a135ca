#include "config.h"

#include "statement.h"

#include "access.h"
#include "jbody.h"
#include "buf.h"
#include "conf.h"
#include "err.h"
#include "feed.h"
#include "gw.h"
#include "jint.h"
#include "jv.h"
#include "live.h"
#include "num.h"
#include "reply.h"
#include "request.h"
#include "reserve.h"
#include "session_call.h"
#include "statement_kept.h"
#include "statement_list.h"

#define ANSWER_MAX (48u << 20)	/* a statement's code and output */
#define KEPT_MAX (1u << 20)	/* what is kept of an ended session */
#define SMALL_MAX (1u << 20)	/* an answer without either */
#define OTHER_CODE 422	/* the agent has made another statement of this id */
#define NPE_CODE "java.util.concurrent.ExecutionException: " \
	"org.apache.livy.rsc.rpc.RpcException: " \
	"java.lang.NullPointerException: Cannot invoke " \
	"\"String.toCharArray()\" because \"s\" is null"
#define NO_KIND "java.util.concurrent.ExecutionException: " \
	"org.apache.livy.rsc.rpc.RpcException: " \
	"java.lang.IllegalArgumentException: Invalid kind: null"
#define STARTING "java.lang.IllegalStateException: Session is in state starting"

/*
 * Names a request to the agent: sent again, it makes nothing twice. A key is
 * its user's own, whatever others send.
 */
static void
add_request_id(struct buf *b, const struct request *rq)
{
	AUTO_BUF struct buf key = BUF_INIT(1024);
	char id[65];

	buf_addstr(b, ",\"requestId\":");
	if (!*rq->idempotency_key) {
		jv_add_str(b, rq->id);
		return;
	}
	buf_addf(&key, "%s\n%s", rq->user, rq->idempotency_key);
	reserve_hash(key.data, key.len, id);
	jv_add_str(b, id);
}

static void
add_text(struct buf *b, json_object *body, const char *key)
{
	json_object *value = jv_member(body, key);

	if (!value)
		return;
	buf_addf(b, "%s\"%s\":", b->len > 1 ? "," : "", key);
	jv_add_strn(b, json_object_get_string(value),
	    (size_t)json_object_get_string_len(value));
}

/* What the driver would refuse, once it has started and not before. */
static bool
refuse(const struct session_call *c, const char *words, struct err *err)
{
	if (c->it.view.app.state == LIVY_STARTING)
		words = STARTING;
	return err_bare(err, 500, "%s", words);
}

/* An answer that is one statement; ret lends from it. */
static bool
one_statement(const struct agent_answer *a, struct statement *ret,
    struct err *err)
{
	struct jpart whole;

	return (jscan_check(a->body.data, a->body.len, &whole) &&
	    agent_say_statement(whole, ret)) || err_retry(err, 503, 1,
	    "the session's driver gave no statement");
}

bool
statement_create(struct gw *gw, const struct request *rq,
    const struct target *t, struct reply *rp, struct err *err)
{
	AUTO_JSON json_object *body = NULL;
	AUTO_BUF struct buf out = BUF_INIT(2 * rq->body.limit + 1024);
	AUTO_CALL struct session_call c = SESSION_CALL_INIT(gw, rq);
	struct statement s;
	struct agent_req post = { .method = "POST", .path = "/v1/statements",
		.limit = ANSWER_MAX, .timeout_ms = gw->conf->call_timeout_ms };

	if (!jbody_read(&jbody_statement, rq->body.data, rq->body.len, &body,
	    err) || !session_call_find(&c, t, err) ||
	    !session_call_ready(&c, err))
		return false;
	if (!jv_member(body, "code"))
		return refuse(&c, NPE_CODE, err);
	buf_addch(&out, '{');
	add_text(&out, body, "code");
	add_text(&out, body, "kind");
	add_request_id(&out, rq);
	buf_addch(&out, '}');
	if (!buf_ok(&out))
		return err_set(err, 413, "the code is too long");
	post.body = out.data;
	if (!session_call(&c, &post, OTHER_CODE, err))
		return false;
	if (c.answer.status == OTHER_CODE)
		return err_set(err, 400, "%s%s", *rq->idempotency_key ?
		    "Idempotency-Key: " : "", c.answer.text);
	if (!one_statement(&c.answer, &s, err))
		return false;
	feed_posted(gw->feed, c.it.view.app.id, s.id);
	feed_stamp(gw->feed, c.it.view.app.id, FEED_ASKED);
	feed_poke(gw->feed);
	rp->status = 201;
	reply_location(rp, "/sessions/%d/statements/%d",
	    (int)c.it.view.app.id, (int)s.id);
	statement_json(&s, &rp->body);
	return true;
}

static bool
not_found(struct err *err)
{
	return err_bare(err, 404, "Statement not found");
}

/* The feed does not have it, or not all of it. */
static bool
fetch(struct gw *gw, const struct request *rq, const struct target *t,
    int32_t sid, struct reply *rp, struct err *err)
{
	AUTO_CALL struct session_call c = SESSION_CALL_INIT(gw, rq);
	char path[64];
	struct agent_req get = { .method = "GET", .path = path,
		.limit = ANSWER_MAX, .timeout_ms = gw->conf->call_timeout_ms };
	struct statement s;

	c.right = ACCESS_VIEW;
	snprintf(path, sizeof path, "/v1/statements/%d", (int)sid);
	if (!session_call_find(&c, t, err) ||
	    !session_call(&c, &get, 0, err) ||
	    !one_statement(&c.answer, &s, err))
		return false;
	if (s.id != sid)
		return err_retry(err, 503, 1, "the session's driver gave "
		    "another statement than it was asked for");
	statement_json(&s, &rp->body);
	return true;
}

static bool
list_from_agent(struct gw *gw, const struct request *rq,
    const struct target *t, const struct statement_page *p,
    struct reply *rp, struct err *err)
{
	AUTO_CALL struct session_call c = SESSION_CALL_INIT(gw, rq);
	char path[128];
	struct agent_req get = { .method = "GET", .path = path,
		.limit = ANSWER_MAX, .timeout_ms = gw->conf->call_timeout_ms };

	c.right = ACCESS_VIEW;
	snprintf(path, sizeof path, "/v1/statements?from=%lld&size=%lld%s",
	    (long long)p->from, (long long)p->size,
	    p->desc ? "&order=desc" : "");
	return session_call_find(&c, t, err) &&
	    session_call(&c, &get, 0, err) &&
	    (statement_list_text(c.answer.body.data, c.answer.body.len, NULL,
	    &rp->body) || err_retry(err, 503, 1,
	    "the session's driver gave no list of statements"));
}

/* What was kept of a session that has ended. */
static bool
kept(struct gw *gw, const struct request *rq, const struct target *t,
    struct buf *ret, struct err *err)
{
	AUTO_ITEM struct item it = ITEM_INIT;
	bool good;

	if (!lookup_item(gw, rq, t, &it, err) ||
	    !lookup_calls_begin(gw, err))
		return false;
	good = statement_kept_read(gw, &it.view, rq->deadline_ms, ret, err);
	lookup_calls_end(gw);
	return good;
}

static bool
list_from_kept(struct gw *gw, const struct request *rq,
    const struct target *t, const struct statement_page *p,
    struct reply *rp, struct err *err)
{
	AUTO_BUF struct buf list = BUF_INIT(KEPT_MAX);

	return kept(gw, rq, t, &list, err) &&
	    (statement_list_text(list.data, list.len, p, &rp->body) ||
	    err_set(err, 500, "what was kept of the session is broken"));
}

static bool
view_from_kept(struct gw *gw, const struct request *rq,
    const struct target *t, int32_t sid, struct reply *rp, struct err *err)
{
	AUTO_BUF struct buf list = BUF_INIT(KEPT_MAX);
	struct statement s;

	if (!kept(gw, rq, t, &list, err))
		return false;
	if (!statement_list_find(list.data, list.len, sid, &s))
		return not_found(err);
	statement_json(&s, &rp->body);
	return true;
}

/* Whose it is, is asked only where that counts. */
static bool
may_view(struct gw *gw, const struct request *rq, const struct target *t,
    struct err *err)
{
	AUTO_ITEM struct item it = ITEM_INIT;

	if (!access_by_owner(gw->conf, rq))
		return access_do_as(gw->conf, rq, err);
	return lookup_item(gw, rq, t, &it, err) && access_check(gw->conf, rq,
	    &it.view.text, ACCESS_VIEW, err);
}

bool
statement_list(struct gw *gw, const struct request *rq,
    const struct target *t, struct reply *rp, struct err *err)
{
	struct statement_page p;
	struct app app;

	if (!lookup_app(gw, rq, t, &app, err) ||
	    !may_view(gw, rq, t, err) ||
	    !statement_page_read(rq, &p, err))
		return false;
	if (statement_list_feed(gw->feed, &app, &p, &rp->body))
		return true;
	buf_clear(&rp->body);
	if (app_ended(&app))
		return list_from_kept(gw, rq, t, &p, rp, err);
	if (app.state == LIVY_SHUTTING_DOWN)
		return err_set(err, 400,
		    "requirement failed: Session isn't active.");
	if (live_has_driver(&app) && app.state != LIVY_STARTING)
		return list_from_agent(gw, rq, t, &p, rp, err);
	buf_addstr(&rp->body, "{\"total_statements\":0,\"statements\":[]}");
	return true;
}

bool
statement_view(struct gw *gw, const struct request *rq,
    const struct target *t, struct reply *rp, struct err *err)
{
	AUTO_BUF struct buf strings = BUF_INIT(2 * FEED_RUN_MAX);
	AUTO_BUF struct buf text = BUF_INIT(1024);
	enum feed_found found;
	struct statement s;
	struct app app;
	int32_t sid;

	if (!lookup_app(gw, rq, t, &app, err) ||
	    !may_view(gw, rq, t, err) ||
	    !jint_parse(t->sub, &sid, err))
		return false;
	found = feed_statement_soon(gw->feed, app.id, app.uid, sid,
	    num_mono_ms() + FEED_FETCH_MS, &s, &strings);
	if (found == FEED_WHOLE ||
	    (found == FEED_PART && !live_has_driver(&app))) {
		statement_end(&app, &s, &text);
		statement_json(&s, &rp->body);
		return true;
	}
	if (app_ended(&app))
		return view_from_kept(gw, rq, t, sid, rp, err);
	if (sid < 0 || !live_has_driver(&app) || app.state == LIVY_STARTING)
		return not_found(err);
	return fetch(gw, rq, t, sid, rp, err);
}

bool
statement_cancel(struct gw *gw, const struct request *rq,
    const struct target *t, struct reply *rp, struct err *err)
{
	AUTO_CALL struct session_call c = SESSION_CALL_INIT(gw, rq);
	char path[64];
	struct agent_req post = { .method = "POST", .path = path,
		.body = "{}", .limit = SMALL_MAX,
		.timeout_ms = gw->conf->call_timeout_ms };
	int32_t sid;

	if (!session_call_find(&c, t, err) ||
	    !jint_parse(t->sub, &sid, err) || !session_call_ready(&c, err))
		return false;
	snprintf(path, sizeof path, "/v1/statements/%d/cancel", (int)sid);
	if (sid >= 0 && !session_call(&c, &post, 404, err))
		return false;
	feed_poke(gw->feed);
	reply_msg(rp, 200, "canceled");
	return true;
}

bool
statement_interrupt(struct gw *gw, const struct request *rq,
    const struct target *t, struct reply *rp, struct err *err)
{
	AUTO_CALL struct session_call c = SESSION_CALL_INIT(gw, rq);
	struct agent_req post = { .method = "POST", .path = "/v1/interrupt",
		.body = "{}", .limit = SMALL_MAX,
		.timeout_ms = gw->conf->call_timeout_ms };
	enum livy_state state;

	if (!session_call_find(&c, t, err))
		return false;
	state = c.it.view.app.state;
	if ((state == LIVY_IDLE || state == LIVY_BUSY) &&
	    !session_call(&c, &post, 0, err))
		return false;
	feed_poke(gw->feed);
	reply_msg(rp, 200, "interrupted");
	return true;
}

/* {"candidates":[…]} with nothing else in it. */
static bool
add_candidates(const struct agent_answer *a, struct buf *out)
{
	struct jpart whole, key, value, one, list = { NULL, 0 };
	size_t cursor = 0;

	if (!jscan_check(a->body.data, a->body.len, &whole) ||
	    !jscan_is_object(whole))
		return false;
	while (jscan_member(whole, &cursor, &key, &value))
		if (jscan_is(key, "candidates"))
			list = value;
	if (!jscan_is_array(list))
		return false;
	for (cursor = 0; jscan_element(list, &cursor, &one);)
		if (!jscan_is_string(one))
			return false;
	buf_addstr(out, "{\"candidates\":");
	buf_add(out, list.at, list.len);
	buf_addch(out, '}');
	return true;
}

bool
statement_complete(struct gw *gw, const struct request *rq,
    const struct target *t, struct reply *rp, struct err *err)
{
	AUTO_JSON json_object *body = NULL;
	AUTO_BUF struct buf out = BUF_INIT(2 * rq->body.limit + 1024);
	AUTO_CALL struct session_call c = SESSION_CALL_INIT(gw, rq);
	/* a compiler takes its time; asked twice it would take twice as long */
	struct agent_req post = { .method = "POST", .path = "/v1/completion",
		.limit = SMALL_MAX, .timeout_ms = gw->conf->call_budget_ms };

	if (!jbody_read(&jbody_completion, rq->body.data, rq->body.len, &body,
	    err) || !session_call_find(&c, t, err) ||
	    !session_call_ready(&c, err))
		return false;
	if (!jv_member(body, "code"))
		return refuse(&c, NPE_CODE, err);
	if (!jv_member(body, "kind"))
		return refuse(&c, NO_KIND, err);
	buf_addch(&out, '{');
	add_text(&out, body, "code");
	add_text(&out, body, "kind");
	buf_addf(&out, ",\"cursor\":%lld}",
	    (long long)jv_int(body, "cursor", 0));
	if (!buf_ok(&out))
		return err_set(err, 413, "the code is too long");
	post.body = out.data;
	return session_call(&c, &post, 0, err) &&
	    (add_candidates(&c.answer, &rp->body) || err_retry(err, 503, 1,
	    "the session's driver gave no candidates"));
}

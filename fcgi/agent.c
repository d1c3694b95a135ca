#include "config.h"

#include "agent.h"

#include "cache.h"
#include "conf.h"
#include "err.h"
#include "gw.h"
#include "jscan.h"
#include "num.h"
#include "request.h"
#include "slots.h"

#define TOKEN_HEADER "X-Livy-Token"
#define MARK "X-Livy-Agent-Protocol:"
#define TRIES 2

/* Inside the cluster, and on one machine, a pod's address can be dialled. */
static bool
is_direct(const struct gw *gw, const char *ip)
{
	switch (gw->conf->reach) {
	case REACH_DIRECT:
		return true;
	case REACH_PROXY:
		return false;
	case REACH_AUTO:
		break;
	}
	return getenv("KUBERNETES_SERVICE_HOST") ||
	    strncmp(ip, "127.", 4) == 0 || strcmp(ip, "::1") == 0;
}

static bool
copy(char *ret, size_t size, const char *s)
{
	size_t n = s ? strlen(s) : 0;

	if (n == 0 || n >= size)
		return false;
	memcpy(ret, s, n + 1);
	return true;
}

int
agent_port(const struct gw *gw, const struct app *app)
{
	return app->agent_port ? (int)app->agent_port :
	    (int)gw->conf->agent_port;
}

bool
agent_find(const struct gw *gw, const struct cache_view *v,
    struct agent_at *ret, struct err *err)
{
	const struct app_text *t = &v->text;

	ret->direct = is_direct(gw, v->app.pod_ip);
	ret->port = agent_port(gw, &v->app);
	if (!copy(ret->ns, sizeof ret->ns, t->ns) ||
	    !copy(ret->pod, sizeof ret->pod, t->pod) ||
	    !copy(ret->ip, sizeof ret->ip, v->app.pod_ip))
		return err_retry(err, 503, 1, "the driver of session %d has "
		    "no address yet", (int)v->app.id);
	return session_token(gw, &v->app, t, ret->token, err);
}

void
agent_http_set(struct agent_http *h, const struct agent_at *at,
    const struct agent_req *rq)
{
	char port[16];

	buf_clear(&h->path);
	if (!at->direct) {
		kube_path_core(&h->path, at->ns, "pods", at->pod);
		snprintf(port, sizeof port, ":%d/proxy", at->port);
		buf_addstr(&h->path, port);
	}
	buf_addstr(&h->path, rq->path);
	snprintf(h->origin, sizeof h->origin, strchr(at->ip, ':') ?
	    "http://[%s]:%d" : "http://%s:%d", at->ip, at->port);
	snprintf(h->header, sizeof h->header, TOKEN_HEADER ": %s", at->token);
	h->http = (struct kube_http){
		.origin = at->direct ? h->origin : NULL,
		.header = h->header,
		.mark = MARK,
		.upload = rq->upload,
		/* one to the API server is worth keeping */
		.close = rq->close && at->direct,
		.share = rq->share,
		.method = rq->method,
		.path = h->path.data,
		.body = rq->body,
		.content_type = rq->upload ? "application/octet-stream" : NULL,
		.accept = "application/json",
		.timeout_ms = rq->timeout_ms,
		.limit = rq->limit,
	};
}

void
agent_http_release(struct agent_http *h)
{
	buf_release(&h->path);
	explicit_bzero(h->header, sizeof h->header);
}

enum agent_result
agent_judge(const struct kube_answer *a)
{
	if (*a->failure || a->too_long || !a->marked || a->status == 0)
		return AGENT_AWAY;
	return a->status >= 200 && a->status < 300 ? AGENT_OK : AGENT_SAID;
}

void
agent_answer_release(struct agent_answer *a)
{
	buf_release(&a->body);
}

bool
agent_calls_begin(struct gw *gw, const struct request *rq, int32_t id,
    struct err *err)
{
	const struct conf *conf = gw->conf;

	switch (slot_calling_driver(gw->slots, gw->slot, id, rq->user,
	    &(struct slot_limits){ conf->outbound_workers,
	    conf->driver_calls, conf->user_calls })) {
	case SLOT_CALL_GRANTED:
		return true;
	case SLOT_CALL_POOL_FULL:
		return err_retry(err, 503, 1,
		    "too many requests are waiting for the cluster");
	case SLOT_CALL_DRIVER_FULL:
		return err_retry(err, 503, 1, "too many requests are waiting "
		    "for the driver of session %d", (int)id);
	case SLOT_CALL_USER_FULL:
		return err_retry(err, 503, 1, "too many requests of '%s' are "
		    "waiting for drivers", rq->user);
	}
	return false;
}

/* The member "error" of an answer, cut to size; "" if it says none. */
static void
error_text(const struct buf *body, char *ret, size_t size)
{
	AUTO_BUF struct buf text = BUF_INIT(65536);
	struct jpart whole, key, value;
	size_t cursor = 0;

	*ret = '\0';
	if (!jscan_check(body->data, body->len, &whole) ||
	    !jscan_is_object(whole))
		return;
	while (jscan_member(whole, &cursor, &key, &value))
		if (jscan_is(key, "error") && jscan_text(value, &text))
			snprintf(ret, size, "%s", text.data);
	for (char *p = ret; *p; p++)
		if ((unsigned char)*p < 0x20)
			*p = ' ';
}

static void
away(const struct kube_answer *a, struct err *err)
{
	char why[400];

	if (*a->failure)
		snprintf(why, sizeof why, "%s", a->failure);
	else if (a->too_long)
		snprintf(why, sizeof why, "its answer is too long");
	else
		snprintf(why, sizeof why, "status %ld, not from the agent",
		    a->status);
	err_retry(err, 503, 1, "the session's driver cannot be reached: %s",
	    why);
}

static enum agent_result
attempt(struct gw *gw, struct agent_http *h, struct agent_answer *ret,
    struct err *err)
{
	struct kube_answer a = { .body = BUF_INIT(0) };
	enum agent_result result;

	if (!h->http.origin && !kube_credential(gw->agents, err))
		return AGENT_AWAY;
	(void)kube_http(gw->agents, &h->http, &a);
	if (!h->http.origin && a.status == 401 && !a.marked)
		cred_refused(gw->cred, gw->agents->generation);
	result = agent_judge(&a);
	ret->status = a.status;
	ret->unsure = result == AGENT_AWAY && a.sent;
	buf_release(&ret->body);
	ret->text[0] = '\0';
	switch (result) {
	case AGENT_OK:
		ret->body = a.body;
		return result;
	case AGENT_SAID:
		error_text(&a.body, ret->text, sizeof ret->text);
		break;
	case AGENT_AWAY:
		away(&a, err);
		break;
	}
	buf_release(&a.body);
	return result;
}

enum agent_result
agent_call(struct gw *gw, const struct agent_at *at,
    const struct agent_req *rq, int64_t deadline_ms, struct agent_answer *ret,
    struct err *err)
{
	struct agent_http h = AGENT_HTTP_INIT;
	enum agent_result result = AGENT_AWAY;
	int64_t left_ms;
	bool unsure = false;

	agent_http_set(&h, at, rq);
	for (int i = 0; i < TRIES && result == AGENT_AWAY; i++) {
		left_ms = deadline_ms - num_mono_ms();
		if (left_ms <= 0) {
			if (i == 0)
				err_retry(err, 503, 1, "no time was left to "
				    "ask the session's driver");
			break;
		}
		if (h.http.timeout_ms > left_ms)
			h.http.timeout_ms = left_ms;
		result = attempt(gw, &h, ret, err);
		unsure = unsure || ret->unsure;
		if (rq->upload)
			break;	/* what was read is gone */
	}
	ret->unsure = result == AGENT_AWAY && unsure;
	agent_http_release(&h);
	return result;
}

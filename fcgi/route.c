#include "config.h"

#include "route.h"

#include <assert.h>

#include "applog.h"
#include "apps.h"
#include "batch.h"
#include "err.h"
#include "overview.h"
#include "reply.h"
#include "request.h"
#include "server.h"
#include "session.h"
#include "session_files.h"
#include "session_jobs.h"
#include "statement.h"

#define SEGMENTS_MAX 5	/* sessions, id, statements, sid, cancel */

typedef bool handler_fn(struct gw *gw, const struct request *rq,
    const struct target *t, struct reply *rp, struct err *err);

/* {id} and {sid} stand for any segment. */
struct route {
	const char *path[SEGMENTS_MAX];	/* NULL after the last */
	const char *allow;		/* in Livy's order */
	enum app_kind kind;
	struct {
		const char *method;
		handler_fn *fn;
	} does[2];
};

static const struct route routes[] = {
	{ { "batches" }, "POST, GET, HEAD", APP_BATCH,
	  { { "GET", apps_list }, { "POST", batch_create } } },
	{ { "batches", "{id}" }, "DELETE, GET, HEAD", APP_BATCH,
	  { { "GET", apps_view }, { "DELETE", apps_delete } } },
	{ { "batches", "{id}", "state" }, "GET, HEAD", APP_BATCH,
	  { { "GET", apps_state } } },
	{ { "batches", "{id}", "log" }, "GET, HEAD", APP_BATCH,
	  { { "GET", applog_get } } },
	{ { "sessions" }, "POST, GET, HEAD", APP_SESSION,
	  { { "GET", apps_list }, { "POST", session_create } } },
	{ { "sessions", "{id}" }, "DELETE, GET, HEAD", APP_SESSION,
	  { { "GET", apps_view }, { "DELETE", apps_delete } } },
	{ { "sessions", "{id}", "state" }, "GET, HEAD", APP_SESSION,
	  { { "GET", apps_state } } },
	{ { "sessions", "{id}", "log" }, "GET, HEAD", APP_SESSION,
	  { { "GET", applog_get } } },
	{ { "sessions", "{id}", "stop" }, "POST", APP_SESSION,
	  { { "POST", session_stop } } },
	{ { "sessions", "{id}", "connect" }, "POST", APP_SESSION,
	  { { "POST", session_connect } } },
	{ { "sessions", "{id}", "statements" }, "POST, GET, HEAD",
	  APP_SESSION,
	  { { "GET", statement_list }, { "POST", statement_create } } },
	{ { "sessions", "{id}", "statements", "{sid}" }, "GET, HEAD",
	  APP_SESSION, { { "GET", statement_view } } },
	{ { "sessions", "{id}", "statements", "{sid}", "cancel" }, "POST",
	  APP_SESSION, { { "POST", statement_cancel } } },
	{ { "sessions", "{id}", "completion" }, "POST", APP_SESSION,
	  { { "POST", statement_complete } } },
	{ { "sessions", "{id}", "interrupt" }, "POST", APP_SESSION,
	  { { "POST", statement_interrupt } } },
	{ { "sessions", "{id}", "add-jar" }, "POST", APP_SESSION,
	  { { "POST", session_add_jar } } },
	{ { "sessions", "{id}", "upload-jar" }, "POST", APP_SESSION,
	  { { "POST", session_upload_jar } } },
	{ { "sessions", "{id}", "add-pyfile" }, "POST", APP_SESSION,
	  { { "POST", session_add_pyfile } } },
	{ { "sessions", "{id}", "upload-pyfile" }, "POST", APP_SESSION,
	  { { "POST", session_upload_pyfile } } },
	{ { "sessions", "{id}", "add-file" }, "POST", APP_SESSION,
	  { { "POST", session_add_file } } },
	{ { "sessions", "{id}", "upload-file" }, "POST", APP_SESSION,
	  { { "POST", session_upload_file } } },
	{ { "sessions", "{id}", "submit-job" }, "POST", APP_SESSION,
	  { { "POST", session_job_submit } } },
	{ { "sessions", "{id}", "run-job" }, "POST", APP_SESSION,
	  { { "POST", session_job_submit } } },
	{ { "sessions", "{id}", "jobs", "{sid}" }, "GET, HEAD", APP_SESSION,
	  { { "GET", session_job_view } } },
	{ { "sessions", "{id}", "jobs", "{sid}", "cancel" }, "POST",
	  APP_SESSION, { { "POST", session_job_cancel } } },
	{ { "version" }, "GET, HEAD", APP_BATCH,
	  { { "GET", server_version } } },
	{ { "metrics", "ping" }, "GET, HEAD", APP_BATCH,
	  { { "GET", server_ping } } },
	{ { "metrics", "metrics" }, "GET, HEAD", APP_BATCH,
	  { { "GET", server_no_metrics } } },
	{ { "metrics", "healthcheck" }, "GET, HEAD", APP_BATCH,
	  { { "GET", server_no_checks } } },
	{ { "readyz" }, "GET, HEAD", APP_BATCH,
	  { { "GET", server_ready } } },
	{ { "status", "api", "v1", "overview" }, "GET, HEAD", APP_BATCH,
	  { { "GET", overview_get } } },
	{ { NULL }, "GET, HEAD", APP_BATCH,
	  { { "GET", server_root } } },
};

/* Segments of a raw path, without their ;parameters. */
struct path {
	struct {
		const char *start;
		size_t len;
	} seg[SEGMENTS_MAX];
	size_t count;
	bool slash;	/* ends in one */
};

/* False for a path with more segments than any route has. */
static bool
split(const char *raw, struct path *ret)
{
	const char *s;

	*ret = (struct path){ 0 };
	for (s = raw; *s; s += strcspn(s, "/")) {
		s++;	/* a '/': request.c has seen to it */
		if (!*s) {
			ret->slash = true;
			break;
		}
		if (ret->count == SEGMENTS_MAX)
			return false;
		ret->seg[ret->count].start = s;
		ret->seg[ret->count].len = strcspn(s, "/;");
		ret->count++;
	}
	return true;
}

static bool
matches(const struct route *r, const struct path *p)
{
	size_t i;

	for (i = 0; i < SEGMENTS_MAX && r->path[i]; i++) {
		if (i >= p->count)
			return false;
		if (r->path[i][0] != '{' &&
		    (strlen(r->path[i]) != p->seg[i].len ||
		    memcmp(r->path[i], p->seg[i].start, p->seg[i].len) != 0))
			return false;
	}
	/* /batches/ is /batches, but nothing deeper may end in a slash */
	return i == p->count && (!p->slash || i <= 1);
}

static bool
take_target(const struct route *r, const struct path *p, struct target *t,
    struct err *err)
{
	char *to;

	t->kind = r->kind;
	for (size_t i = 0; i < p->count; i++) {
		if (r->path[i][0] != '{')
			continue;
		to = strcmp(r->path[i], "{id}") == 0 ? t->id : t->sub;
		if (!request_decode(p->seg[i].start, p->seg[i].len, to,
		    APP_NAME_MAX + 1) || !*to)
			return err_set(err, 404, "Session '%.64s…' not found.",
			    p->seg[i].start);
	}
	return true;
}

static bool
begins_with(const struct path *p, const char *word)
{
	return p->count > 0 && p->seg[0].len == strlen(word) &&
	    memcmp(p->seg[0].start, word, strlen(word)) == 0;
}

/* Livy's routes for sessions and batches know one version of themselves. */
static bool
accepts(const struct request *rq, const struct path *p, struct err *err)
{
	static const char before[] = "application/vnd.livy.v";
	const char *version = rq->accept + sizeof before - 1;
	size_t n;

	if ((!begins_with(p, "batches") && !begins_with(p, "sessions")) ||
	    strncmp(rq->accept, before, sizeof before - 1) != 0)
		return true;
	n = strspn(version, "0123456789.");
	if (n == 0 || strcmp(version + n, "+json") != 0 ||
	    (n == 3 && strncmp(version, "0.1", 3) == 0))
		return true;
	return err_set(err, 406, "No value found for '%.*s'", (int)n, version);
}

static bool
refuse_method(const struct route *r, struct err *err)
{
	err_shaped(err, 405, ERR_EMPTY);
	err->allow = r->allow;
	return false;
}

static bool
run(const struct route *r, const struct path *p, struct gw *gw,
    const struct request *rq, struct reply *rp, struct err *err)
{
	struct target t;

	t.id[0] = t.sub[0] = '\0';

	for (size_t i = 0; i < ARRAY_LEN(r->does); i++) {
		if (!r->does[i].fn ||
		    strcmp(r->does[i].method, rq->method) != 0)
			continue;
		if (!take_target(r, p, &t, err) ||
		    !r->does[i].fn(gw, rq, &t, rp, err))
			return false;
		return buf_ok(&rp->body) || err_set(err, 500,
		    "the answer is longer than this server sends");
	}
	return refuse_method(r, err);
}

bool
route_request(struct gw *gw, const struct request *rq, struct reply *rp,
    struct err *err)
{
	struct path p;

	if (!split(rq->path, &p))
		return err_shaped(err, 404, ERR_EMPTY);
	if (!accepts(rq, &p, err))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(routes); i++)
		if (matches(&routes[i], &p))
			return run(&routes[i], &p, gw, rq, rp, err);
	return err_shaped(err, 404, ERR_EMPTY);
}

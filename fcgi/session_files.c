#include "config.h"

#include "session_files.h"

#include <sys/types.h>

#include "jbody.h"
#include "buf.h"
#include "conf.h"
#include "err.h"
#include "feed.h"
#include "files.h"
#include "gw.h"
#include "jv.h"
#include "multipart.h"
#include "num.h"
#include "reply.h"
#include "request.h"
#include "session_call.h"
#include "slots.h"

#define ANSWER_MAX (1u << 20)
#define URI_MAX_BYTES (1u << 18)
#define MARGIN_MS 500	/* of the request's deadline, to answer in */

/* What the agent calls it, and the part that holds it. */
struct sort {
	const char *agent;
	const char *part;
};

static const struct sort jar = { "jar", "jar" };
static const struct sort pyfile = { "pyfile", "file" };
static const struct sort file = { "file", "file" };

/* The agent could not make it of use: in words of its own. */
static bool
refused(const struct session_call *c, struct err *err)
{
	if (c->answer.status < 400)
		return true;
	return err_set(err, 400, "requirement failed: %s", c->answer.text);
}

static bool
add(struct gw *gw, const struct request *rq, const struct target *t,
    const struct sort *sort, struct err *err)
{
	AUTO_JSON json_object *body = NULL;
	AUTO_CALL struct session_call c = SESSION_CALL_INIT(gw, rq);
	AUTO_BUF struct buf uri = BUF_INIT(URI_MAX_BYTES);
	AUTO_BUF struct buf out = BUF_INIT(2 * URI_MAX_BYTES);
	char path[32];
	struct agent_req post = { .method = "POST", .path = path,
		.limit = ANSWER_MAX, .timeout_ms = gw->conf->call_budget_ms };

	if (!jbody_read(&jbody_resource, rq->body.data, rq->body.len, &body,
	    err) || !session_call_find(&c, t, err) ||
	    !session_call_alive(&c, err))
		return false;
	if (!jv_str(body, "uri"))
		return err_bare(err, 500, "java.lang.NullPointerException: "
		    "Cannot invoke \"String.length()\" because \"this.input\" "
		    "is null");
	if (!files_resolve_one(gw->conf, jv_str(body, "uri"), &uri, err))
		return false;
	buf_addstr(&out, "{\"uri\":");
	jv_add_str(&out, strncmp(uri.data, "local://", 8) == 0 ?
	    uri.data + 8 : uri.data);
	buf_addch(&out, '}');
	post.body = out.data;
	snprintf(path, sizeof path, "/v1/add/%s", sort->agent);
	return session_call(&c, &post, 400, err) && refused(&c, err);
}

static int64_t
from_request(void *arg, char *data, size_t len)
{
	struct err ignored = ERR_INIT;
	size_t n;

	return request_take(arg, data, len, &n, &ignored) ? (int64_t)n : -1;
}

/* A file on its way from the client to the agent. */
struct passing {
	struct multipart m;
	int64_t size, limit;
	bool cut, over;
};

static ssize_t
pass(void *arg, char *data, size_t len)
{
	struct passing *p = arg;
	int64_t n = multipart_read(&p->m, data, len);

	p->cut = n < 0;
	p->size += n > 0 ? n : 0;
	p->over = p->size > p->limit;
	return p->over ? -1 : (ssize_t)n;
}

/* The part that Livy takes, a file; others are passed over. */
static bool
find_part(struct passing *p, const struct request *rq, const char *name)
{
	size_t n = strlen(name);
	void *arg;

	memcpy(&arg, &rq, sizeof arg);	/* the stream's state is libfcgi's */
	if (!multipart_init(&p->m, rq->content_type, from_request, arg))
		return false;
	while (multipart_next(&p->m))
		if (p->m.is_file && strncmp(p->m.name, name, n) == 0 &&
		    (!p->m.name[n] || strcmp(p->m.name + n, "[]") == 0))
			return true;
	return false;
}

/* The last segment of what the client calls it, whatever its system. */
static const char *
base_name(const char *name)
{
	const char *s;

	for (s = name; *s; s++)
		if (*s == '/' || *s == '\\')
			name = s + 1;
	return *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 ?
	    name : "upload";
}

static bool
say_failed(const struct passing *p, struct err *err)
{
	if (p->over)
		return err_bare(err, 500, "org.scalatra.servlet."
		    "SizeConstraintExceededException: Too large request or "
		    "file");
	if (p->cut)
		return err_set(err, 400, "the file was cut off");
	return false;
}

/*
 * An upload takes as long as the driver and the way to it do. It holds a
 * worker meanwhile, so all of them may have half of those that may call.
 */
static bool
begin_upload(struct gw *gw, struct err *err)
{
	int64_t limit = (gw->conf->outbound_workers + 1) / 2;

	return slot_upload_begin(gw->slots, gw->slot, limit,
	    gw->conf->upload_deadline_ms) || err_retry(err, 503, 5,
	    "%lld files are being uploaded already", (long long)limit);
}

static bool
upload(struct gw *gw, const struct request *rq, const struct target *t,
    const struct sort *sort, struct err *err)
{
	AUTO_CALL struct session_call c = SESSION_CALL_INIT(gw, rq);
	AUTO_BUF struct buf path = BUF_INIT(2048);
	AUTO_FREE struct passing *p = mem_alloc(sizeof *p);
	struct kube_upload up = { .read = pass, .arg = p };
	struct request later = *rq;
	struct agent_req post = { .method = "POST", .upload = &up,
		.limit = ANSWER_MAX, .close = true };

	p->limit = gw->conf->upload_limit;
	if (!session_call_find(&c, t, err) ||
	    !session_call_alive(&c, err) || !begin_upload(gw, err))
		return false;
	if (!find_part(p, rq, sort->part))
		return err_bare(err, 400, "No %s sent!", sort->part);
	buf_addf(&path, "/v1/upload/%s", sort->agent);
	kube_path_query(&path, "name", base_name(p->m.file));
	post.path = path.data;
	/* as long as the master lets us */
	later.deadline_ms = rq->start_ms + gw->conf->upload_deadline_ms -
	    MARGIN_MS;
	post.timeout_ms = later.deadline_ms - num_mono_ms();
	c.rq = &later;
	if (!session_call(&c, &post, 400, err)) {
		(void)say_failed(p, err);
		return false;
	}
	return refused(&c, err);
}

/* A file is work: the idle clock starts again, the agent has seen to it. */
#define HANDLERS(name, sort) \
bool \
session_add_##name(struct gw *gw, const struct request *rq, \
    const struct target *t, struct reply *rp UNUSED, struct err *err) \
{ \
	return add(gw, rq, t, sort, err); \
} \
bool \
session_upload_##name(struct gw *gw, const struct request *rq, \
    const struct target *t, struct reply *rp UNUSED, struct err *err) \
{ \
	return upload(gw, rq, t, sort, err); \
}

HANDLERS(jar, &jar)
HANDLERS(pyfile, &pyfile)
HANDLERS(file, &file)

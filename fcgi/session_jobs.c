#include "config.h"

#include "session_jobs.h"

#include "jbody.h"
#include "err.h"
#include "jackson.h"
#include "jint.h"
#include "jv.h"
#include "request.h"
#include "session_call.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	"abcdefghijklmnopqrstuvwxyz0123456789+/=";

/* Livy decodes the job while it reads the body. */
static bool
check_base64(const struct request *rq, const char *job, struct err *err)
{
	AUTO_BUF struct buf b = BUF_INIT(ERR_MSG_MAX);
	struct jackson_value v = { 0 };
	size_t n = strspn(job, alphabet);

	if (!job[n] && strlen(job) % 4 == 0)
		return true;
	buf_addf(&b, "Cannot deserialize value of type `byte[]` from String "
	    "\"%.100s\": Failed to decode VALUE_STRING as base64 "
	    "(MIME-NO-LINEFEEDS): ", job);
	if (job[n])
		buf_addf(&b, "Illegal character '%c' (code 0x%x) in base64 "
		    "content", job[n], (unsigned char)job[n]);
	else
		buf_addstr(&b, "Unexpected end of base64-encoded String: "
		    "base64 variant 'MIME-NO-LINEFEEDS' expects padding (one "
		    "or more '=' characters) at the end");
	if (jackson_whole(rq->body.data, rq->body.len, &v))
		(void)!jackson_find(rq->body.data, rq->body.len, v.start,
		    "job", 0, &v);
	jackson_source(&b, rq->body.data, v.start);
	buf_addf(&b, " (through reference chain: %s[\"job\"])", jbody_job.name);
	return err_bare(err, 400, "%s", b.data);
}

bool
session_job_submit(struct gw *gw, const struct request *rq,
    const struct target *t, struct reply *rp UNUSED, struct err *err)
{
	AUTO_JSON json_object *body = NULL;
	AUTO_CALL struct session_call c = SESSION_CALL_INIT(gw, rq);
	const char *job;

	if (!jbody_read(&jbody_job, rq->body.data, rq->body.len, &body, err))
		return false;
	job = jv_str(body, "job");
	if ((job && !check_base64(rq, job, err)) ||
	    !session_call_find(&c, t, err))
		return false;
	if (!job || !*job)
		return err_set(err, 400, "requirement failed: no job "
		    "provided.");
	return session_call_alive(&c, err) && err_set(err, 501, "this server "
	    "runs statements only: jobs of Livy's programmatic API need its "
	    "runtime inside the driver, which is not there");
}

bool
session_job_view(struct gw *gw, const struct request *rq,
    const struct target *t, struct reply *rp UNUSED, struct err *err)
{
	AUTO_CALL struct session_call c = SESSION_CALL_INIT(gw, rq);
	int32_t job;

	c.right = ACCESS_VIEW;
	return session_call_find(&c, t, err) &&
	    jint_parse(t->sub, &job, err) && session_call_alive(&c, err) &&
	    err_bare(err, 500, "java.util.NoSuchElementException: key not "
	    "found: %d", (int)job);
}

bool
session_job_cancel(struct gw *gw, const struct request *rq,
    const struct target *t, struct reply *rp UNUSED, struct err *err)
{
	AUTO_CALL struct session_call c = SESSION_CALL_INIT(gw, rq);
	int32_t job;

	return session_call_find(&c, t, err) &&
	    jint_parse(t->sub, &job, err) && session_call_alive(&c, err);
}

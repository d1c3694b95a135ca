#include "config.h"

#include "body.h"

#include <fcgiapp.h>
#include <strings.h>

#include "coding.h"
#include "conf.h"
#include "err.h"
#include "num.h"
#include "query.h"
#include "request.h"

#define FRAME_MAX (1 << 20)	/* of multipart, as nginx allows */

/* The last part of a path below an item of /sessions, or "". */
static const char *
session_verb(const char *path, size_t *ret_len)
{
	static const char under[] = "/sessions/";
	const char *s = "";

	if (strncmp(path, under, sizeof under - 1) == 0)
		s = strchr(path + sizeof under - 1, '/');
	s = s && *s ? s + 1 : "";
	*ret_len = strcspn(s, "/;");
	return s;
}

static bool
verb_in(const char *path, const char *const *verbs, size_t count)
{
	size_t len;
	const char *verb = session_verb(path, &len);

	for (size_t i = 0; i < count; i++)
		if (strlen(verbs[i]) == len &&
		    memcmp(verbs[i], verb, len) == 0)
			return true;
	return false;
}

/* These bodies are passed on in pieces, so only their handler reads them. */
static bool
is_upload(const struct request *rq)
{
	static const char *const verbs[] = { "upload-jar", "upload-pyfile",
		"upload-file" };

	return strcmp(rq->method, "POST") == 0 &&
	    verb_in(rq->path, verbs, ARRAY_LEN(verbs));
}

static size_t
body_limit(const struct request *rq, const struct conf *conf)
{
	static const char *const verbs[] = { "statements", "completion",
		"submit-job", "run-job" };

	return (size_t)(verb_in(rq->path, verbs, ARRAY_LEN(verbs)) ?
	    conf->code_limit : conf->body_limit);
}

static bool
take_upload(struct request *rq, FCGX_Request *fcgi, const struct conf *conf,
    struct err *err)
{
	const char *said = rq->params.value[PARAM_LENGTH];

	rq->rest.in = fcgi->in;
	rq->upload = &rq->rest;
	if (!said || !*said)
		return true;	/* no body */
	if (!num_int(said, 0, INT64_MAX, &rq->rest.left))
		return err_set(err, 400, "bad Content-Length");
	/* what is around the file; its own length is seen as it passes */
	if (rq->rest.left <= conf->upload_limit + FRAME_MAX)
		return true;
	return err_bare(err, 500, "org.scalatra.servlet."
	    "SizeConstraintExceededException: Too large request or file");
}

bool
request_take(const struct request *rq, char *ret, size_t size,
    size_t *ret_len, struct err *err)
{
	struct request_rest *rest = rq->upload;
	int n = 0;

	*ret_len = 0;
	if (!rest || rest->left == 0)
		return true;
	if ((int64_t)size > rest->left)
		size = (size_t)rest->left;
	n = FCGX_GetStr(ret, (int)size, rest->in);
	if (n <= 0 || FCGX_GetError(rest->in) != 0) {
		rest->left = 0;
		return err_set(err, 400, "the body was cut off");
	}
	rest->left -= n;
	*ret_len = (size_t)n;
	return true;
}

static void
drain(const struct request *rq)
{
	struct err err = ERR_INIT;
	char chunk[16384];
	size_t n = 1;

	while (n > 0 && request_take(rq, chunk, sizeof chunk, &n, &err))
		;
	FCGX_GetStr(chunk, 1, rq->rest.in);	/* the record that ends it */
}

void
request_drain(const struct request *rq)
{
	if (rq->upload)
		drain(rq);
}

/* Reads until the end of the stream, or limit bytes past our own limit. */
static size_t
take_body(struct request *rq, FCGX_Request *fcgi)
{
	char chunk[16384];
	size_t total = 0;
	int n;

	while (total <= 2 * rq->body.limit) {
		n = FCGX_GetStr(chunk, sizeof chunk, fcgi->in);
		if (n <= 0)
			break;
		total += (size_t)n;
		if (total <= rq->body.limit)
			buf_add(&rq->body, chunk, (size_t)n);
	}
	return total;
}

/* Livy's container takes forms away before Livy sees the body. */
static bool
is_form(const struct request *rq)
{
	static const char *const types[] = {
		"application/x-www-form-urlencoded", "multipart/form-data" };

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (strncasecmp(rq->content_type, types[i],
		    strlen(types[i])) == 0)
			return true;
	return false;
}

/* A form's parameters count as the query's do; the method is all we use. */
static void
take_form(struct request *rq)
{
	char other[sizeof rq->method];

	if (strcmp(rq->method, "POST") == 0 &&
	    query_param(rq->body.data, "_method", other, sizeof other) &&
	    other[0])
		request_method(rq, other);
	buf_clear(&rq->body);
}

static bool
check_body(struct request *rq, const FCGX_Request *fcgi, size_t total,
    struct err *err)
{
	const char *said = rq->params.value[PARAM_LENGTH];
	int64_t length;

	if (FCGX_GetError(fcgi->in) != 0)
		return err_set(err, 400, "the body was cut off");
	if (total > rq->body.limit)
		return err_set(err, 413, "a body of more than %zu bytes",
		    rq->body.limit);
	if (said && *said) {
		if (!num_int(said, 0, INT64_MAX, &length))
			return err_set(err, 400, "bad Content-Length");
		if ((size_t)length != total)
			return err_set(err, 400, "a body of %zu bytes, where "
			    "%lld were announced", total, (long long)length);
	}
	if (is_form(rq)) {
		take_form(rq);
		return true;
	}
	return coding_undo(rq->params.value[PARAM_ENCODING], &rq->body, err);
}

bool
body_read(struct request *rq, struct FCGX_Request *fcgi,
    const struct conf *conf, bool good, struct err *err)
{
	size_t total;

	if (good && is_upload(rq))
		return take_upload(rq, fcgi, conf, err);
	rq->body.limit = body_limit(rq, conf);
	total = take_body(rq, fcgi);
	return good && check_body(rq, fcgi, total, err);
}

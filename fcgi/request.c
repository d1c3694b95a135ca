#include "config.h"

#include "request.h"

#include <ctype.h>
#include <fastcgi.h>
#include <fcgiapp.h>
#include <sys/random.h>

#include "access.h"
#include "body.h"
#include "conf.h"
#include "err.h"
#include "log.h"
#include "num.h"
#include "query.h"

/* The one path that is asked without an identity: nginx and probes do. */
#define READY_PATH "/readyz"
/* Livy's own, which reads a session strictly: by the fields of its version. */
#define JAVA_CLIENT "livy-client-http"
/* A worker keeps so much memory for bodies from request to request. */
#define KEEP_BYTES (2u << 20)

void
request_init(struct request *rq)
{
	memset(rq, 0, sizeof *rq);
	buf_init(&rq->body, 0);
}

void
request_release(struct request *rq)
{
	buf_release(&rq->body);
}

/* All but what the two longest texts hold, which is most of it. */
static void
clear(struct request *rq)
{
	const size_t rest = offsetof(struct request, user);
	struct buf body = rq->body;	/* keeps its memory */

	if (body.cap > KEEP_BYTES)
		buf_release(&body);
	memset(rq, 0, offsetof(struct request, path));
	rq->path[0] = rq->query[0] = '\0';
	memset((char *)rq + rest, 0, sizeof *rq - rest);
	rq->body = body;
	buf_clear(&rq->body);
}

/* False, and ret is "", if the parameter is longer than its field. */
static bool
copy(char *ret, size_t size, const char *value)
{
	size_t len = value ? strlen(value) : 0;

	*ret = '\0';
	if (len >= size)
		return false;
	if (len > 0)
		memcpy(ret, value, len + 1);
	return true;
}

#define COPY(field, param) \
	copy(rq->field, sizeof rq->field, rq->params.value[param])

/* A comparison whose time tells nothing of where the texts differ. */
static bool
same_secret(const char *secret, const char *sent)
{
	size_t n = strlen(secret), m = sent ? strlen(sent) : 0;
	unsigned char diff = n != m || n == 0;

	for (size_t i = 0; i < m; i++)
		diff |= (unsigned char)(sent[i] ^ secret[i < n ? i : 0]);
	return diff == 0;
}

/* nginx's id, or one of our own where it has none that we would print. */
static void
take_id(struct request *rq)
{
	unsigned char bytes[16];
	bool good = COPY(id, PARAM_ID) && rq->id[0];

	for (const char *s = rq->id; *s; s++)
		good = good && (isalnum((unsigned char)*s) || *s == '-');
	if (good)
		return;
	if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
		log_fatal("no random bytes");
	for (size_t i = 0; i < sizeof bytes; i++)
		snprintf(rq->id + 2 * i, 3, "%02x", bytes[i]);
}

static void
upper(char *s)
{
	for (; *s; s++)
		*s = (char)toupper((unsigned char)*s);
}

void
request_method(struct request *rq, const char *name)
{
	if (!copy(rq->method, sizeof rq->method, name))
		copy(rq->method, sizeof rq->method, "(too long)");
	upper(rq->method);
	rq->head = strcmp(rq->method, "HEAD") == 0;
	if (rq->head)
		copy(rq->method, sizeof rq->method, "GET");
}

/* Livy lets a POST stand for another method, by header or parameter. */
static void
take_method(struct request *rq)
{
	char other[sizeof rq->method];
	const char *name = NULL;

	if (!COPY(sent_method, PARAM_METHOD))
		copy(rq->sent_method, sizeof rq->sent_method, "(too long)");
	if (strcmp(rq->sent_method, "POST") == 0) {
		for (int i = PARAM_OVERRIDE; i <= PARAM_OVERRIDE_LAST && !name;
		    i++)
			name = rq->params.value[i];
		if (!name)
			name = request_param(rq, "_method", other,
			    sizeof other);
	}
	if (!name || !*name)
		name = rq->sent_method;
	request_method(rq, name);
}

static bool
take_uri(struct request *rq, struct err *err)
{
	const char *uri = rq->params.value[PARAM_URI];
	const char *path;
	size_t len;

	if (!uri)
		return err_set(err, 400, "a request without REQUEST_URI");
	path = strstr(uri, "://");
	if (*uri != '/' && path)	/* absolute form: the host is Host's */
		path = strchr(path + 3, '/');
	else
		path = uri;
	if (!path || *path != '/')
		return err_shaped(err, 400, ERR_EMPTY);
	len = strcspn(path, "?");
	if (len >= sizeof rq->path)
		return err_set(err, 414, "a path of %zu bytes is too long",
		    len);
	memcpy(rq->path, path, len);
	rq->path[len] = '\0';
	if (path[len] == '?' &&
	    !copy(rq->query, sizeof rq->query, path + len + 1))
		return err_set(err, 414, "a query of %zu bytes is too long",
		    strlen(path + len + 1));
	return true;
}

static bool
only_reads(const struct request *rq)
{
	return strcmp(rq->sent_method, "GET") == 0 ||
	    strcmp(rq->sent_method, "HEAD") == 0 ||
	    strcmp(rq->sent_method, "OPTIONS") == 0;
}

/*
 * A write that a browser sends for another site. The header's host alone is
 * compared: in front of nginx TLS may have ended already.
 */
static bool
foreign(const struct request *rq)
{
	const char *site = rq->params.value[PARAM_FETCH_SITE];
	const char *origin = rq->params.value[PARAM_ORIGIN];
	const char *host;

	if (only_reads(rq))
		return false;
	if (site && strcmp(site, "same-origin") != 0 &&
	    strcmp(site, "none") != 0)
		return true;
	if (!origin)
		return false;
	host = strstr(origin, "://");
	return !host || !query_same_host(host + 3, rq->host);
}

static bool
has_control(const char *s)
{
	while ((unsigned char)*s >= 0x20 && *s != 0x7f)
		s++;
	return *s;
}

static bool
identity(const struct request *rq, const struct conf *conf, struct err *err)
{
	if (has_control(rq->user) || has_control(rq->groups))
		return err_set(err, 403, "the user's name or teams hold a "
		    "control character");
	if (foreign(rq))
		return err_set(err, 403,
		    "a write that another site's page sent is refused");
	if (!rq->user[0] && conf->identity != IDENTITY_NONE &&
	    strcmp(rq->path, READY_PATH) != 0)
		return err_set(err, 401, "sign in first");
	if (!access_enter(conf, rq, err))
		return false;
	/* any value will do, none too: Livy's rule (contract, section 5) */
	if (!conf->csrf_protection || only_reads(rq) ||
	    rq->params.value[PARAM_REQUESTED_BY])
		return true;
	err_set(err, 400, "Missing Required Header for CSRF protection.");
	err->shape = ERR_PAGE;
	return false;
}

/* Everything but the body; on failure what the access line needs is there. */
static bool
take_params(struct request *rq, const FCGX_Request *fcgi,
    const struct conf *conf, const char *secret, struct err *err)
{
	const char *sent = rq->params.value[PARAM_SECRET];
	const char *agent = rq->params.value[PARAM_AGENT];
	bool whole;

	take_id(rq);
	if (FCGX_GetError(fcgi->in) != 0 ||
	    !rq->params.value[PARAM_METHOD])
		return err_set(err, 400, "a broken FastCGI request");
	if (fcgi->role != FCGI_RESPONDER)	/* 200 would be a permission */
		return err_set(err, 400, "a FastCGI role that is not served");
	if (!take_uri(rq, err)) {
		take_method(rq);
		return false;
	}
	take_method(rq);
	if (!secret || !same_secret(secret, sent)) {
		log_warn("refused a request that does not come from nginx: "
		    "its LIVY_SECRET is %s", sent ? "wrong" : "missing");
		return err_bare(err, 403, "this request did not come through "
		    "the front server");
	}
	whole = COPY(auth, PARAM_AUTH) && COPY(user, PARAM_USER) &&
	    COPY(groups, PARAM_GROUPS);
	if (!whole || !rq->auth[0])
		return err_bare(err, 403, "the front server sent no usable "
		    "identity");
	if (strcmp(rq->auth, "none") == 0)
		rq->user[0] = rq->groups[0] = '\0';
	/* Too long for its field is as good as not there, for these. */
	(void)COPY(remote, PARAM_REMOTE);
	(void)COPY(host, PARAM_HOST);
	(void)COPY(scheme, PARAM_SCHEME);
	(void)COPY(content_type, PARAM_TYPE);
	(void)COPY(accept, PARAM_ACCEPT);
	(void)COPY(prefix, PARAM_PREFIX);
	rq->old_client = agent && strncmp(agent, JAVA_CLIENT,
	    sizeof JAVA_CLIENT - 1) == 0;
	rq->observer = rq->params.value[PARAM_OBSERVER];
	if (!COPY(idempotency_key, PARAM_IDEMPOTENCY_KEY))
		return err_set(err, 400, "Idempotency-Key is longer than %zu",
		    sizeof rq->idempotency_key - 1);
	return identity(rq, conf, err) && query_check_path(rq->path, err);
}

bool
request_read(struct request *rq, struct FCGX_Request *fcgi,
    const struct conf *conf, const char *secret, struct err *err)
{
	bool good;

	clear(rq);
	params_read(&rq->params, fcgi->envp);
	rq->start_ms = num_mono_ms();
	rq->deadline_ms = rq->start_ms + conf->call_budget_ms;
	good = take_params(rq, fcgi, conf, secret, err);
	/* A body that is left unread would break the answer's way back. */
	return body_read(rq, fcgi, conf, good, err);
}

#include "config.h"

#include "reply.h"

#include <fcgiapp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "err.h"
#include "jv.h"
#include "request.h"

#define TYPE_JSON "application/json;charset=utf-8"
#define TYPE_HTML "text/html;charset=utf-8"
#define HEADERS_MAX 4096	/* ours are about 600 bytes */
#define AT_ONCE_BYTES (32u << 10) /* well below what any socket buffers */
#define REPLY_SILENCE_S 5	/* of a peer that takes nothing */

/* Livy's own, on each answer and in its order. */
#define SECURITY_HEADERS \
	"X-Frame-Options: SAMEORIGIN\r\n" \
	"X-XSS-Protection: 1; mode=block\r\n" \
	"Content-Security-Policy: default-src 'self'; " \
	"script-src 'self' 'unsafe-inline'; img-src 'self'; " \
	"frame-src 'self';\r\n" \
	"X-Content-Type-Options: nosniff\r\n"

static const struct {
	int status;
	const char *phrase;
} phrases[] = {
	{ 200, "OK" }, { 201, "Created" }, { 204, "No Content" },
	{ 302, "Found" }, { 400, "Bad Request" }, { 401, "Unauthorized" },
	{ 403, "Forbidden" }, { 404, "Not Found" },
	{ 405, "Method Not Allowed" }, { 406, "Not Acceptable" },
	{ 409, "Conflict" }, { 413, "Payload Too Large" },
	{ 414, "URI Too Long" }, { 500, "Server Error" },
	{ 501, "Not Implemented" },
	{ 502, "Bad Gateway" },
	/* nginx's phrase, which Prophecy looks for */
	{ 503, "Service Temporarily Unavailable" },
	{ 504, "Gateway Timeout" },
};

void
reply_init(struct reply *rp, size_t limit)
{
	memset(rp, 0, sizeof *rp);
	buf_init(&rp->head, HEADERS_MAX);
	buf_init(&rp->body, limit);
	reply_clear(rp);
}

void
reply_release(struct reply *rp)
{
	buf_release(&rp->head);
	buf_release(&rp->body);
}

void
reply_clear(struct reply *rp)
{
	rp->status = 200;
	rp->type = TYPE_JSON;
	rp->allow = NULL;
	rp->retry_after_s = 0;
	rp->location[0] = '\0';
	buf_clear(&rp->body);
}

void
reply_location(struct reply *rp, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(rp->location, sizeof rp->location, fmt, ap);
	va_end(ap);
	/* half an address is worse than none */
	if (n < 0 || (size_t)n >= sizeof rp->location)
		rp->location[0] = '\0';
	for (const char *s = rp->location; *s; s++)
		if ((unsigned char)*s <= 0x20 || *s == 0x7f)
			rp->location[0] = '\0';
}

void
reply_msg(struct reply *rp, int status, const char *text)
{
	buf_clear(&rp->body);
	rp->status = status;
	buf_addstr(&rp->body, "{\"msg\":");
	jv_add_str(&rp->body, text);
	buf_addch(&rp->body, '}');
}

/*
 * What Livy's filters answer by Jetty (contract, section 2.4): text is ours
 * and needs no escapes; a DELETE gets nothing.
 */
static void
page(struct reply *rp, const struct request *rq, int status, const char *text)
{
	struct buf *b = &rp->body;

	if (strcmp(rq->method, "DELETE") == 0)
		return;
	if (strstr(rq->accept, "application/json")) {
		buf_addf(b, "{\n\"servlet\":\"org.apache.livy.server.%s\",\n"
		    "\"message\":\"%s\",\n\"url\":",
		    strncmp(rq->path, "/batches", 8) == 0 ?
		    "batch.BatchSessionServlet" :
		    "interactive.InteractiveSessionServlet", text);
		jv_add_str(b, rq->path);
		buf_addf(b, ",\n\"status\":\"%d\"\n}", status);
		return;
	}
	rp->type = TYPE_HTML;
	buf_addf(b, "<html>\n<head>\n<title>Error %d %s</title>\n</head>\n"
	    "<body><h2>HTTP ERROR %d %s</h2></body>\n</html>\n", status, text,
	    status, text);
}

void
reply_err(struct reply *rp, const struct request *rq, const struct err *err)
{
	reply_clear(rp);
	rp->status = err->status;
	rp->allow = err->allow;
	rp->retry_after_s = err->retry_after_s;
	switch (err->shape) {
	case ERR_MSG:
		reply_msg(rp, err->status, err->msg);
		break;
	case ERR_BARE:
		jv_add_str(&rp->body, err->msg);
		break;
	case ERR_OBJECT:
		buf_addstr(&rp->body, "{}");
		break;
	case ERR_EMPTY:
		break;
	case ERR_PAGE:
		page(rp, rq, err->status, err->msg);
		break;
	}
}

static const char *
phrase(int status)
{
	for (size_t i = 0; i < ARRAY_LEN(phrases); i++)
		if (phrases[i].status == status)
			return phrases[i].phrase;
	return "Unknown";
}

/* Under Livy's JSON routes even an empty answer is typed as JSON. */
static bool
under_json_route(const char *path)
{
	static const char *const routes[] = { "/sessions", "/batches",
		"/version" };
	size_t n;

	for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
		n = strlen(routes[i]);
		if (strncmp(path, routes[i], n) == 0 &&
		    strchr("/;", path[n]))	/* or its end */
			return true;
	}
	return false;
}

static void
add_headers(const struct reply *rp, const struct request *rq, struct buf *out)
{
	const char *type = rp->type;

	if (rp->body.len == 0 && !under_json_route(rq->path))
		type = TYPE_HTML;
	buf_addstr(out, "Status: ");
	buf_addint(out, rp->status);
	buf_addch(out, ' ');
	buf_addstr(out, phrase(rp->status));
	buf_addstr(out, "\r\n" SECURITY_HEADERS);
	if (rp->location[0])
		buf_addf(out, "Location: %s%s\r\n",
		    rp->location[0] == '/' ? rq->prefix : "", rp->location);
	buf_addstr(out, "Content-Type: ");
	buf_addstr(out, type);
	buf_addstr(out, "\r\n");
	if (rp->allow)
		buf_addf(out, "Allow: %s\r\n", rp->allow);
	if (rp->status == 401)	/* what makes clients send what they have */
		buf_addstr(out, "WWW-Authenticate: Basic realm=\"livy\"\r\n");
	if (rp->retry_after_s > 0)
		buf_addf(out, "Retry-After: %d\r\n", rp->retry_after_s);
	if (rp->status != 204) {
		buf_addstr(out, "Content-Length: ");
		buf_addint(out, (int64_t)rp->body.len);
		buf_addstr(out, "\r\n");
	}
	buf_addstr(out, "\r\n");
}

/* What the socket may not hold at once waits for the peer to take it. */
static void
bound_sending(int fd)
{
	const struct timeval timeout = { .tv_sec = REPLY_SILENCE_S };

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
}

bool
reply_send(struct reply *rp, const struct request *rq,
    struct FCGX_Request *fcgi)
{
	buf_clear(&rp->head);
	add_headers(rp, rq, &rp->head);
	if (rp->body.len > AT_ONCE_BYTES)
		bound_sending(fcgi->ipcFd);
	if (FCGX_PutStr(rp->head.data, (int)rp->head.len, fcgi->out) < 0)
		return false;
	if (!rq->head && rp->body.len > 0 &&
	    FCGX_PutStr(rp->body.data, (int)rp->body.len, fcgi->out) < 0)
		return false;
	return FCGX_GetError(fcgi->out) == 0;
}

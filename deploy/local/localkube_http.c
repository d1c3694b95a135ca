#include "config.h"

#include "localkube_http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "err.h"
#include "jv.h"
#include "localkube_answer.h"
#include "localkube_proxy.h"
#include "localkube_route.h"
#include "log.h"

#define CONNECTIONS_MAX 4000
#define STACK_SIZE (512 * 1024)
#define HEADERS_MEMORY (64 * 1024)
#define IDLE_S 300	/* a kept connection without a request */
#define BACKLOG 1024

struct khttp {
	const struct khttp_conf *conf;
	struct MHD_Daemon *daemon;
};

/* One request, from its first line to its last byte. */
struct exchange {
	char *uri;
	bool started;
	bool refused;		/* the body was too long */
	struct buf body;
	struct kfault fault;
	struct kproxy *proxy;
};

static void *
on_uri(void *cls UNUSED, const char *uri,
    struct MHD_Connection *c UNUSED)
{
	struct exchange *x = mem_alloc(sizeof *x);

	x->uri = mem_strdup(uri);
	buf_init(&x->body, KAPI_BODY_MAX);
	return x;
}

static void
on_done(void *cls UNUSED, struct MHD_Connection *c UNUSED, void **con_cls,
    enum MHD_RequestTerminationCode code UNUSED)
{
	struct exchange *x = *con_cls;

	if (!x)
		return;
	kproxy_close(x->proxy);
	buf_release(&x->body);
	free(x->uri);
	free(x);
	*con_cls = NULL;
}

static bool
known_token(const char *tokens, const char *given)
{
	size_t n = strlen(given);

	for (const char *line = tokens; *line;) {
		size_t len = strcspn(line, ",\r\n");

		if (len == n && n > 0 && *line != '#' &&
		    memcmp(line, given, n) == 0)
			return true;
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return false;
}

static bool
authorized(const struct khttp *h, struct MHD_Connection *c)
{
	const char *header = MHD_lookup_connection_value(c, MHD_HEADER_KIND,
	    "Authorization");

	return header && strncasecmp(header, "Bearer ", 7) == 0 &&
	    known_token(h->conf->tokens, header + 7);
}

static enum MHD_Result
control(struct MHD_Connection *c, const char *method, struct exchange *x)
{
	AUTO_KST struct kst st = KST_INIT;
	AUTO_JSON json_object *list = NULL;

	if (strcmp(method, "PUT") == 0) {
		if (!kfault_put(x->body.data, x->body.len, &st))
			return kanswer_status(c, &st);
	} else if (strcmp(method, "DELETE") == 0) {
		kfault_clear();
	} else if (strcmp(method, "GET") != 0) {
		kst_set(&st, 405, "MethodNotAllowed",
		    "faults know GET, PUT and DELETE");
		return kanswer_status(c, &st);
	}
	list = kfault_show();
	return kanswer_text(c, 200, "application/json", jv_print(list));
}

static bool
is_control(const struct khttp *h, const char *uri)
{
	return h->conf->control && strcmp(uri, "/localkube/faults") == 0;
}

/* The part of a fault that is before the work; true: it took its place. */
static bool
fault_before(struct MHD_Connection *c, struct exchange *x,
    enum MHD_Result *ret)
{
	AUTO_KST struct kst st = KST_INIT;

	if (x->fault.kind == KFAULT_STATUS ||
	    (x->fault.kind == KFAULT_GONE && x->fault.status == 410)) {
		kfault_status(&x->fault, &st);
		*ret = kanswer_status(c, &st);
		return true;
	}
	if (x->fault.kind == KFAULT_STALL) {
		int64_t ms = x->fault.ms > 0 ? x->fault.ms : INT32_MAX;

		if (kstream_sleep(kanswer_fd(c), ms) && x->fault.ms > 0)
			return false;
		*ret = MHD_NO;
		return true;
	}
	if (x->fault.kind == KFAULT_RESET) {
		*ret = kanswer_reset(c);
		return true;
	}
	return false;
}

static enum MHD_Result
work(struct khttp *h, struct MHD_Connection *c, struct kreq *rq,
    struct exchange *x)
{
	AUTO_KST struct kst st = KST_INIT;
	struct kreply rp = { .body = BUF_INIT(4 * KAPI_BODY_MAX) };
	struct kstream *stream = NULL;
	enum MHD_Result result;
	bool ok = kroute(h->conf->store, rq, x->uri, &x->fault, &rp, &stream,
	    &st);

	if (x->fault.kind == KFAULT_RESET_AFTER) {
		result = kanswer_reset(c);
	} else if (x->fault.kind == KFAULT_STATUS_AFTER) {
		kst_release(&st);
		kfault_status(&x->fault, &st);
		result = kanswer_status(c, &st);
	} else if (!ok) {
		result = kanswer_status(c, &st);
	} else if (stream) {
		result = kanswer_stream(c, 200, strcmp(rq->path.sub, "log") ?
		    "application/json" : "text/plain", stream, &x->fault,
		    NULL);
		stream = NULL;
	} else {
		result = kanswer_reply(c, &rp, &x->fault);
	}
	if (stream)
		stream->free(stream);
	buf_release(&rp.body);
	json_object_put(rp.warnings);
	return result;
}

static enum MHD_Result
answer_path(struct khttp *h, struct MHD_Connection *c, struct kreq *rq,
    struct exchange *x)
{
	AUTO_KST struct kst st = KST_INIT;
	AUTO_FREE char *path = mem_strndup(x->uri, strcspn(x->uri, "?"));

	switch (kpath_parse(path, &rq->path)) {
	case KPATH_OK:
		break;
	case KPATH_NO_PAGE:
		return kanswer_text(c, 404, "text/plain; charset=utf-8",
		    "404 page not found\n");
	case KPATH_NO_RESOURCE:
		kst_set(&st, 404, "NotFound",
		    "the server could not find the requested resource");
		kst_add_details(&st, NULL, NULL);
		return kanswer_status(c, &st);
	}
	return work(h, c, rq, x);
}

/* The whole request is there. */
static enum MHD_Result
answer(struct khttp *h, struct MHD_Connection *c, const char *method,
    struct exchange *x)
{
	AUTO_KST struct kst st = KST_INIT;
	/* of HEAD, the library leaves the body out */
	struct kreq rq = { .method = strcmp(method, "HEAD") == 0 ? "GET" :
	    method };
	const char *type = "", *page = kroute_open_page(x->uri, &type);
	enum MHD_Result result;

	if (page)
		return kanswer_text(c, 200, type, page);
	if (!authorized(h, c)) {
		kst_set(&st, 401, "Unauthorized", "Unauthorized");
		return kanswer_status(c, &st);
	}
	if (x->refused) {
		kst_set(&st, 413, "RequestEntityTooLarge",
		    "Request entity too large: limit is %d", KAPI_BODY_MAX);
		return kanswer_status(c, &st);
	}
	if (is_control(h, x->uri))
		return control(c, method, x);
	if (strchr(x->uri, '?'))
		kquery_parse(strchr(x->uri, '?') + 1, &rq.query);
	x->fault = kfault_take(method, x->uri,
	    kquery_true(&rq.query, "watch"));
	rq.type = MHD_lookup_connection_value(c, MHD_HEADER_KIND,
	    "Content-Type");
	rq.body = x->body.data;
	rq.len = x->body.len;
	if (!fault_before(c, x, &result))
		result = answer_path(h, c, &rq, x);
	kquery_release(&rq.query);
	log_debug("%s %s", method, x->uri);
	return result;
}

/* A proxied request's body goes on as it comes; others are gathered. */
static enum MHD_Result
take_body(struct exchange *x, const char *data, size_t *size)
{
	if (x->proxy) {
		kproxy_send(x->proxy, data, *size);
	} else if (!x->refused) {
		buf_add(&x->body, data, *size);
		x->refused = !buf_ok(&x->body);
	}
	*size = 0;
	return MHD_YES;
}

static enum MHD_Result
on_request(void *cls, struct MHD_Connection *c, const char *url UNUSED,
    const char *method, const char *http_version UNUSED, const char *data,
    size_t *size, void **con_cls)
{
	struct khttp *h = cls;
	struct exchange *x = *con_cls;

	if (!x->started) {
		x->started = true;
		if (kproxy_is_path(x->uri) && authorized(h, c)) {
			enum MHD_Result result;

			x->fault = kfault_take(method, x->uri, false);
			if (fault_before(c, x, &result))
				return result;
			x->proxy = kproxy_open(h->conf->store, c, method,
			    x->uri);
		}
		return MHD_YES;
	}
	if (*size > 0)
		return take_body(x, data, size);
	if (x->proxy)
		return kproxy_answer(x->proxy, c, &x->fault);
	return answer(h, c, method, x);
}

static int
listen_on(const struct khttp_conf *conf, uint16_t *ret_port, struct err *err)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
	    .sin_port = htons(conf->port) };
	socklen_t len = sizeof at;
	int on = 1, fd;

	if (inet_pton(AF_INET, conf->address, &at.sin_addr) != 1 ||
	    ntohl(at.sin_addr.s_addr) >> 24 != 127) {
		err_set(err, 500, "'%s' is not an address of the loopback "
		    "network (127.x.y.z): localkube listens nowhere else",
		    conf->address);
		return -1;
	}
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0 ||
	    listen(fd, BACKLOG) != 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &len) != 0) {
		err_set(err, 500, "cannot listen on %s:%d: %s", conf->address,
		    conf->port, errno == EADDRINUSE ?
		    "another program has taken the port" : strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	*ret_port = ntohs(at.sin_port);
	return fd;
}

struct khttp *
khttp_start(const struct khttp_conf *conf, uint16_t *ret_port,
    struct err *err)
{
	struct khttp *h = mem_alloc(sizeof *h);
	int fd = listen_on(conf, ret_port, err);

	h->conf = conf;
	if (fd >= 0)
		h->daemon = MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION |
		    MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL |
		    MHD_USE_TLS | MHD_USE_ITC, 0, NULL, NULL, on_request, h,
		    MHD_OPTION_LISTEN_SOCKET, fd,
		    MHD_OPTION_HTTPS_MEM_CERT, conf->cert,
		    MHD_OPTION_HTTPS_MEM_KEY, conf->key,
		    MHD_OPTION_URI_LOG_CALLBACK, on_uri, NULL,
		    MHD_OPTION_NOTIFY_COMPLETED, on_done, NULL,
		    MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
		    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
		    MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		    (size_t)HEADERS_MEMORY,
		    MHD_OPTION_THREAD_STACK_SIZE, (size_t)STACK_SIZE,
		    MHD_OPTION_END);
	if (h->daemon)
		return h;
	if (fd >= 0) {
		close(fd);
		err_set(err, 500, "cannot start the HTTPS server: is the "
		    "certificate one, and the key its own?");
	}
	free(h);
	return NULL;
}

void
khttp_stop(struct khttp *h)
{
	if (!h)
		return;
	kstream_stop();
	kstore_wake(h->conf->store);
	MHD_stop_daemon(h->daemon);
	free(h);
}

#include "config.h"

#include "localkube_proxy.h"

#include <pthread.h>

#include <curl/curl.h>

#include "jv.h"
#include "localkube_answer.h"
#include "localkube_ring.h"
#include "num.h"

#define CONNECT_MS 5000
#define HEADERS_MAX 200

struct kproxy {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t moved;
	int refs;		/* the exchange's and the answer's */
	bool started;
	bool head;		/* status and headers are there */
	bool ended;		/* the transfer is over */
	struct kring up, down;	/* the request's body, the answer's */
	char *url;
	char peer[64];		/* address and port, for messages */
	const char *method;
	bool has_body;
	int64_t length;		/* of the body; -1: chunked */
	struct curl_slist *request;
	json_object *headers;	/* of the answer */
	long status;
	char reason[CURL_ERROR_SIZE];
	struct kst refusal;	/* why nothing was sent */
};

static const char *const hop_by_hop[] = { "Connection", "Keep-Alive",
    "Proxy-Authenticate", "Proxy-Authorization", "TE", "Trailer",
    "Transfer-Encoding", "Upgrade", "Content-Length", "Date" };
/* and what is the client's affair with the API server alone */
static const char *const private[] = { "Authorization", "Host", "Expect" };

static bool
is_one_of(const char *name, size_t len, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(list[i]) == len &&
		    strncasecmp(list[i], name, len) == 0)
			return true;
	return false;
}

static void
mark(struct kproxy *p, bool *flag)
{
	pthread_mutex_lock(&p->lock);
	*flag = true;
	pthread_cond_broadcast(&p->moved);
	pthread_mutex_unlock(&p->lock);
}

static size_t
on_upload(char *to, size_t size, size_t n, void *cls)
{
	struct kproxy *p = cls;

	return kring_read(&p->up, to, size * n);
}

static size_t
on_body(char *data, size_t size, size_t n, void *cls)
{
	struct kproxy *p = cls;

	return kring_write(&p->down, data, size * n) ? size * n : 0;
}

static size_t
on_header(char *line, size_t size, size_t n, void *cls)
{
	struct kproxy *p = cls;
	size_t len = size * n, name = 0, from;

	if (len > 12 && strncmp(line, "HTTP/", 5) == 0) {
		json_object_put(p->headers);
		p->headers = json_object_new_object();
		p->status = (line[9] - '0') * 100 + (line[10] - '0') * 10 +
		    (line[11] - '0');
		return len;
	}
	/* the blank line ends a head, unless that was 100 Continue */
	if (*line == '\r' && p->status >= 200)
		mark(p, &p->head);
	while (name < len && line[name] != ':')
		name++;
	if (name < len && !is_one_of(line, name, hop_by_hop,
	    ARRAY_LEN(hop_by_hop)) &&
	    json_object_object_length(p->headers) < HEADERS_MAX) {
		AUTO_FREE char *key = mem_strndup(line, name);

		for (from = name + 1; from < len && line[from] == ' '; from++)
			continue;
		while (len > from && strchr("\r\n ", line[len - 1]))
			len--;
		json_object_object_add(p->headers, key,
		    json_object_new_string_len(line + from,
		    (int)(len - from)));
	}
	return size * n;
}

static int
on_progress(void *cls, curl_off_t a UNUSED, curl_off_t b UNUSED,
    curl_off_t c UNUSED, curl_off_t d UNUSED)
{
	struct kproxy *p = cls;

	return kring_is_broken(&p->down) || kstream_stopping();
}

static void
set_method(struct kproxy *p, CURL *curl)
{
	if (strcmp(p->method, "HEAD") == 0) {
		curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
	} else if (p->has_body) {
		curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, p->method);
		curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_upload);
		curl_easy_setopt(curl, CURLOPT_READDATA, p);
		if (p->length >= 0)
			curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE,
			    (curl_off_t)p->length);
	} else {
		curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, p->method);
	}
}

static void *
transfer(void *cls)
{
	struct kproxy *p = cls;
	CURL *curl = curl_easy_init();
	CURLcode rc;

	curl_easy_setopt(curl, CURLOPT_URL, p->url);
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION,
	    (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	/* as the real proxy: a pod's certificate is its own affair */
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, p->reason);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, p->request);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, p);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, p);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, p);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	set_method(p, curl);
	rc = curl_easy_perform(curl);
	if (rc == CURLE_COULDNT_CONNECT)
		snprintf(p->reason, sizeof p->reason, "dial tcp %s: connect: "
		    "connection refused", p->peer);
	else if (rc != CURLE_OK && !*p->reason)
		snprintf(p->reason, sizeof p->reason, "%s",
		    curl_easy_strerror(rc));
	kring_break(&p->up);
	if (rc != CURLE_OK)
		kring_break(&p->down);
	kring_close(&p->down);
	mark(p, &p->ended);
	curl_easy_cleanup(curl);
	return NULL;
}

static enum MHD_Result
copy_header(void *cls, enum MHD_ValueKind kind UNUSED, const char *key,
    const char *value)
{
	struct kproxy *p = cls;
	AUTO_BUF struct buf line = BUF_INIT(64 * 1024);
	int64_t n;

	if (strcasecmp(key, "Content-Length") == 0 &&
	    num_int(value, 0, INT64_MAX, &n)) {
		p->has_body = n > 0;
		p->length = n;
	}
	if (strcasecmp(key, "Transfer-Encoding") == 0)
		p->has_body = true;
	if (is_one_of(key, strlen(key), hop_by_hop, ARRAY_LEN(hop_by_hop)) ||
	    is_one_of(key, strlen(key), private, ARRAY_LEN(private)))
		return MHD_YES;
	/* libcurl sends an empty header if it ends in a semicolon */
	buf_addf(&line, value && *value ? "%s: %s" : "%s;", key,
	    value ? value : "");
	if (buf_ok(&line))
		p->request = curl_slist_append(p->request, line.data);
	return MHD_YES;
}

/* The target of [SCHEME:]NAME[:PORT]: a pod's address and port. */
struct target {
	const char *scheme;
	char name[KUBE_NAME_MAX + 16];
	int64_t port;		/* -1: the pod's first, or 80 */
};

static bool
read_target(const char *text, struct target *ret, struct kst *st)
{
	const char *first = strchr(text, ':');
	char *colon;

	ret->scheme = "http";
	ret->port = -1;
	if (first && strchr(first + 1, ':')) {
		if (strncmp(text, "https:", 6) == 0)
			ret->scheme = "https";
		else if (strncmp(text, "http:", 5) != 0)
			return kst_set(st, 400, "BadRequest",
			    "invalid pod request \"%s\"", text);
		text = first + 1;
	}
	snprintf(ret->name, sizeof ret->name, "%s", text);
	colon = strchr(ret->name, ':');
	if (!colon)
		return true;
	*colon = '\0';
	if (colon[1] && !num_int(colon + 1, 1, 65535, &ret->port))
		return kst_set(st, 400, "BadRequest",
		    "invalid pod request \"%s\"", text);
	return true;
}

static bool
find_target(struct kproxy *p, struct kstore *s, const char *uri)
{
	AUTO_FREE char *path = mem_strndup(uri, strcspn(uri, "?"));
	AUTO_BUF struct buf url = BUF_INIT(64 * 1024);
	AUTO_KVER struct kver *v = NULL;
	AUTO_JSON json_object *pod = NULL;
	struct target to;
	struct kpath at;
	const char *ip, *query = strchr(uri, '?');
	json_object *ports;

	if (kpath_parse(path, &at) != KPATH_OK ||
	    !read_target(at.name, &to, &p->refusal))
		return false;
	v = kstore_get(s, at.res, at.ns, to.name);
	if (!v)
		return kst_not_found(&p->refusal, at.res, to.name);
	pod = kver_json(v);
	ip = jv_str(pod, "status.podIP");
	ports = jv_member(json_object_array_get_idx(
	    jv_get(pod, "spec.containers"), 0), "ports");
	if (to.port < 0)
		to.port = json_object_is_type(ports, json_type_array) ?
		    jv_int(json_object_array_get_idx(ports, 0),
		    "containerPort", 80) : 80;
	if (!ip)
		return kst_set(&p->refusal, 503, "ServiceUnavailable",
		    "error trying to reach service: the pod has no address");
	snprintf(p->peer, sizeof p->peer, "%s:%lld", ip, (long long)to.port);
	buf_addf(&url, "%s://%s%s%s", to.scheme, p->peer,
	    at.rest && *at.rest ? at.rest : "/", query ? query : "");
	p->url = buf_steal(&url);
	return p->url != NULL;
}

bool
kproxy_is_path(const char *uri)
{
	AUTO_FREE char *path = mem_strndup(uri, strcspn(uri, "?"));
	struct kpath at;

	return kpath_parse(path, &at) == KPATH_OK &&
	    at.res->id == KRES_POD && *at.ns &&
	    strcmp(at.sub, "proxy") == 0;
}

struct kproxy *
kproxy_open(struct kstore *s, struct MHD_Connection *c, const char *method,
    const char *uri)
{
	struct kproxy *p = mem_alloc(sizeof *p);

	p->refs = 1;
	p->method = method;
	p->length = -1;
	p->headers = json_object_new_object();
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->moved, NULL);
	kring_init(&p->up);
	kring_init(&p->down);
	if (!find_target(p, s, uri))
		return p;
	MHD_get_connection_values(c, MHD_HEADER_KIND, copy_header, p);
	p->request = curl_slist_append(p->request, "Expect:");
	p->started = pthread_create(&p->thread, NULL, transfer, p) == 0;
	if (!p->started)
		kst_set(&p->refusal, 500, "InternalError",
		    "Internal error occurred: no thread for the proxy");
	return p;
}

void
kproxy_send(struct kproxy *p, const char *data, size_t len)
{
	if (p->started)
		kring_write(&p->up, data, len);
}

void
kproxy_close(struct kproxy *p)
{
	bool last;

	if (!p)
		return;
	kring_break(&p->up);
	kring_break(&p->down);
	pthread_mutex_lock(&p->lock);
	last = --p->refs == 0;
	pthread_mutex_unlock(&p->lock);
	if (!last)
		return;
	if (p->started)
		pthread_join(p->thread, NULL);
	curl_slist_free_all(p->request);
	json_object_put(p->headers);
	kst_release(&p->refusal);
	kring_release(&p->up);
	kring_release(&p->down);
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->moved);
	free(p->url);
	free(p);
}

struct body {
	struct kstream stream;
	struct kproxy *proxy;
};

static ssize_t
body_read(struct kstream *stream, char *to, size_t max)
{
	struct kproxy *p = ((struct body *)stream)->proxy;
	size_t n = kring_read(&p->down, to, max);

	if (n > 0)
		return (ssize_t)n;
	return kring_is_broken(&p->down) ? KSTREAM_BROKEN : KSTREAM_END;
}

static void
body_free(struct kstream *stream)
{
	kproxy_close(((struct body *)stream)->proxy);
	free(stream);
}

/* Until the pod has answered; false if the client has gone meanwhile. */
static bool
wait_for_head(struct kproxy *p, int fd)
{
	struct timespec ts;
	bool gone = false;

	kring_close(&p->up);
	pthread_mutex_lock(&p->lock);
	while (!p->head && !p->ended && !gone) {
		clock_gettime(CLOCK_REALTIME, &ts);
		ts.tv_sec++;
		pthread_cond_timedwait(&p->moved, &p->lock, &ts);
		gone = kstream_hung_up(fd) || kstream_stopping();
	}
	pthread_mutex_unlock(&p->lock);
	return !gone;
}

enum MHD_Result
kproxy_answer(struct kproxy *p, struct MHD_Connection *c,
    const struct kfault *fault)
{
	struct body *body;

	if (!p->refusal.code && !wait_for_head(p, kanswer_fd(c)))
		return MHD_NO;
	if (!p->refusal.code && !p->head)
		kst_set(&p->refusal, 503, "ServiceUnavailable",
		    "error trying to reach service: %s", p->reason);
	if (p->refusal.code)
		return kanswer_status(c, &p->refusal);
	body = mem_alloc(sizeof *body);
	body->stream.read = body_read;
	body->stream.free = body_free;
	body->proxy = p;
	pthread_mutex_lock(&p->lock);
	p->refs++;
	pthread_mutex_unlock(&p->lock);
	return kanswer_stream(c, (int)p->status, NULL, &body->stream, fault,
	    p->headers);
}

#include "config.h"

#include "kube_http.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "err.h"
#include "num.h"

#define TICK_MS 200		/* how often a stream looks up */
#define KEEP_IDLE_S 5		/* of a stream's connection, then it is tried */
#define KEEP_AGAIN_S 2
#define DEAD_MS 7000		/* and if nothing comes back, it is dead */
#define ERROR_BODY_MAX 65536	/* of a stream's error answer */

static bool
url_part(CURLU *url, CURLUPart part, unsigned flags, char *ret, size_t size)
{
	char *text = NULL;
	bool good;

	if (curl_url_get(url, part, &text, flags) != CURLUE_OK)
		return false;
	good = strlen(text) < size;
	if (good)
		snprintf(ret, size, "%s", text);
	curl_free(text);
	return good;
}

/*
 * tls-server-name: the URL names the certificate's host and CONNECT_TO the
 * real one, so that libcurl verifies what it must; Host stays the real one.
 */
static bool
rename_host(struct kube *k, CURLU *url, const char *host, const char *port)
{
	char rule[2 * CRED_URL_MAX];

	if (curl_url_set(url, CURLUPART_HOST, k->secret->cred.tls_name, 0) !=
	    CURLUE_OK)
		return false;
	snprintf(rule, sizeof rule, "::%s:%s", host, port);
	k->connect_to = curl_slist_append(NULL, rule);
	snprintf(k->host_header, sizeof k->host_header, "Host: %s", k->host);
	return k->connect_to != NULL;
}

static bool
set_server(struct kube *k)
{
	const struct cred *cred = &k->secret->cred;
	CURLU *url = curl_url();
	char host[CRED_URL_MAX - 8], port[8];
	size_t n;
	bool good;

	curl_slist_free_all(k->connect_to);
	k->connect_to = NULL;
	k->host_header[0] = '\0';
	good = url && curl_url_set(url, CURLUPART_URL, cred->server, 0) ==
	    CURLUE_OK &&
	    url_part(url, CURLUPART_HOST, 0, host, sizeof host) &&
	    url_part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT, port,
	    sizeof port);
	if (good) {
		snprintf(k->host, sizeof k->host, "%s:%s", host, port);
		good = !*cred->tls_name || rename_host(k, url, host, port);
	}
	good = good && url_part(url, CURLUPART_URL, 0, k->base,
	    sizeof k->base);
	curl_url_cleanup(url);
	n = good ? strlen(k->base) : 0;
	while (n > 0 && k->base[n - 1] == '/')
		k->base[--n] = '\0';
	return good;
}

bool
kube_credential(struct kube *k, struct err *err)
{
	struct kube_secret *s = k->secret;
	uint32_t now = atomic_load(&k->opts.cred->generation);
	uint32_t generation;

	if (now != k->generation || now == 0) {
		k->generation = 0;
		if (!cred_copy(k->opts.cred, &s->cred, &generation))
			return err_retry(err, 503, 5, "the gateway has no "
			    "credential for the Kubernetes API yet");
		if (!set_server(k))
			return err_retry(err, 503, 5,
			    "the Kubernetes API server's URL is not valid");
		s->authorization[0] = '\0';
		if (*s->cred.token)
			snprintf(s->authorization, sizeof s->authorization,
			    "Authorization: Bearer %s", s->cred.token);
		k->generation = generation;
	}
	return true;
}

static size_t
on_body(char *data, size_t size, size_t count, void *arg)
{
	struct kube_transfer *t = arg;
	struct kube_answer *a = t->answer;
	size_t len = size * count, room;

	t->last_ms = num_mono_ms();
	if (t->rq->stream && a->status == 0)
		curl_easy_getinfo(t->k->easy, CURLINFO_RESPONSE_CODE,
		    &a->status);
	if (t->rq->stream && a->status == 200) {
		t->stopped = !t->rq->stream->on_data(t->rq->stream->arg, data,
		    len);
		return t->stopped ? CURL_WRITEFUNC_ERROR : len;
	}
	room = a->body.limit - a->body.len;
	buf_add(&a->body, data, len < room ? len : room);
	t->full = len > room;
	return t->full ? CURL_WRITEFUNC_ERROR : len;
}

static size_t
on_header(char *data, size_t size, size_t count, void *arg)
{
	struct kube_transfer *t = arg;
	const char *mark = t->rq->mark;
	long status = 0;

	t->last_ms = num_mono_ms();
	if (mark && size * count > strlen(mark) &&
	    strncasecmp(data, mark, strlen(mark)) == 0)
		t->answer->marked = true;
	/* the empty line ends the headers, those of a 1xx as well */
	if (!t->rq->stream || t->open || size * count > 2)
		return size * count;
	curl_easy_getinfo(t->k->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200) {
		t->open = true;
		t->answer->status = status;
		if (t->rq->stream->on_open)
			t->rq->stream->on_open(t->rq->stream->arg);
	}
	return size * count;
}

static void
set_credential(struct kube *k)
{
	struct cred *cred = &k->secret->cred;
	const struct {
		CURLoption option;
		char *pem;
	} blobs[] = {
		{ CURLOPT_CAINFO_BLOB, cred->ca },
		{ CURLOPT_SSLCERT_BLOB, cred->cert },
		{ CURLOPT_SSLKEY_BLOB, cred->key },
	};
	struct curl_blob blob = { .flags = CURL_BLOB_NOCOPY };

	for (size_t i = 0; i < ARRAY_LEN(blobs); i++) {
		if (!*blobs[i].pem)
			continue;
		blob.data = blobs[i].pem;
		blob.len = strlen(blobs[i].pem);
		curl_easy_setopt(k->easy, blobs[i].option, &blob);
	}
	curl_easy_setopt(k->easy, CURLOPT_SSL_VERIFYPEER,
	    cred->insecure ? 0L : 1L);
	curl_easy_setopt(k->easy, CURLOPT_SSL_VERIFYHOST,
	    cred->insecure ? 0L : 2L);
	curl_easy_setopt(k->easy, CURLOPT_PROXY, cred->proxy);
	curl_easy_setopt(k->easy, CURLOPT_CONNECT_TO, k->connect_to);
	/* plain HTTP is for a proxy of our own on this machine: kubeconf */
	curl_easy_setopt(k->easy, CURLOPT_PROTOCOLS_STR,
	    strncmp(cred->server, "http:", 5) == 0 ? "http" : "https");
}

/* Past the API server: no credential, no proxy of the environment. */
static void
set_origin(struct kube *k)
{
	curl_easy_setopt(k->easy, CURLOPT_PROXY, "");
	curl_easy_setopt(k->easy, CURLOPT_PROTOCOLS_STR, "http");
}

static size_t
on_upload(char *data, size_t size, size_t count, void *arg)
{
	const struct kube_upload *up = arg;
	ssize_t n = up->read(up->arg, data, size * count);

	return n < 0 ? CURL_READFUNC_ABORT : (size_t)n;
}

static void
set_upload(CURL *c, const struct kube_upload *up)
{
	void *arg;

	memcpy(&arg, &up, sizeof arg);	/* curl's parameter is not const */
	curl_easy_setopt(c, CURLOPT_POST, 1L);
	curl_easy_setopt(c, CURLOPT_READFUNCTION, on_upload);
	curl_easy_setopt(c, CURLOPT_READDATA, arg);
}

static void
set_wire(struct kube *k, struct kube_transfer *t)
{
	CURL *c = k->easy;

	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, k->errbuf);
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(c, CURLOPT_USERAGENT, k->opts.user_agent);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS,
	    (long)k->opts.connect_timeout_ms);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
}

/*
 * A network that swallows what is sent: the kernel finds out while the
 * stream is at rest, and no call is made for it. A connection that many
 * share has to end as well: a call that is given up only leaves it.
 */
static int
on_socket(void *arg UNUSED, curl_socket_t fd, curlsocktype purpose UNUSED)
{
	unsigned int ms = DEAD_MS;

	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
	return CURL_SOCKOPT_OK;
}

static void
set_dead_after(CURL *c)
{
	curl_easy_setopt(c, CURLOPT_TCP_KEEPIDLE, (long)KEEP_IDLE_S);
	curl_easy_setopt(c, CURLOPT_TCP_KEEPINTVL, (long)KEEP_AGAIN_S);
	curl_easy_setopt(c, CURLOPT_SOCKOPTFUNCTION, on_socket);
}

static void
set_request(struct kube *k, const struct kube_http *rq, const char *url)
{
	CURL *c = k->easy;

	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)rq->timeout_ms);
	if (rq->stream || (rq->share && !rq->origin))
		set_dead_after(c);
	if (!rq->stream && !rq->origin)
		curl_easy_setopt(c, CURLOPT_ACCEPT_ENCODING, "");
	curl_easy_setopt(c, CURLOPT_FORBID_REUSE, rq->close ? 1L : 0L);
	if (rq->share && !rq->origin) {
		curl_easy_setopt(c, CURLOPT_HTTP_VERSION,
		    (long)CURL_HTTP_VERSION_2TLS);
		curl_easy_setopt(c, CURLOPT_PIPEWAIT, 1L);
	}
	if (rq->upload)
		set_upload(c, rq->upload);
	else if (rq->body || strcmp(rq->method, "POST") == 0) {
		curl_easy_setopt(c, CURLOPT_POSTFIELDS,
		    rq->body ? rq->body : "");
		curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)(rq->body ? strlen(rq->body) : 0));
	}
	if (strcmp(rq->method, "GET") != 0)
		curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, rq->method);
}

/* A stream's silence and its reader's wishes; false = end it. */
bool
kube_http_look_up(struct kube_transfer *t)
{
	const struct kube_stream *s = t->rq->stream;
	int64_t silent_ms = num_mono_ms() - t->last_ms;
	int64_t bound_ms;

	if (!s)
		return true;
	if (s->on_tick && !s->on_tick(s->arg)) {
		t->stopped = true;
		return false;
	}
	bound_ms = t->open || !s->open_ms ? s->idle_ms : s->open_ms;
	if (silent_ms < bound_ms)
		return true;
	snprintf(t->answer->failure, sizeof t->answer->failure,
	    "silent for %lld ms", (long long)silent_ms);
	return false;
}

/* Drives the transfer to its end; CURLE_OK also when we ended it. */
static CURLcode
drive(struct kube *k, struct kube_transfer *t)
{
	CURLMsg *msg;
	int running = 1, left;

	for (;;) {
		if (curl_multi_perform(k->multi, &running) != CURLM_OK)
			return CURLE_FAILED_INIT;
		if (running == 0)
			break;
		if (!kube_http_look_up(t))
			return CURLE_OK;
		if (curl_multi_poll(k->multi, NULL, 0,
		    t->rq->stream ? TICK_MS : 1000, NULL) != CURLM_OK)
			return CURLE_FAILED_INIT;
	}
	while ((msg = curl_multi_info_read(k->multi, &left)) != NULL)
		if (msg->msg == CURLMSG_DONE)
			return msg->data.result;
	return CURLE_FAILED_INIT;
}

static bool
is_hopeless(CURLcode rc)
{
	return rc == CURLE_PEER_FAILED_VERIFICATION ||
	    rc == CURLE_SSL_CERTPROBLEM || rc == CURLE_SSL_CACERT_BADFILE ||
	    rc == CURLE_UNSUPPORTED_PROTOCOL || rc == CURLE_URL_MALFORMAT;
}

static void
note_answer(struct kube *k, const struct kube_transfer *t, CURLcode rc)
{
	struct kube_answer *a = t->answer;
	curl_off_t wait_s = 0;
	char *type = NULL;
	long size = 0;

	curl_easy_getinfo(k->easy, CURLINFO_RESPONSE_CODE, &a->status);
	curl_easy_getinfo(k->easy, CURLINFO_REQUEST_SIZE, &size);
	curl_easy_getinfo(k->easy, CURLINFO_RETRY_AFTER, &wait_s);
	curl_easy_getinfo(k->easy, CURLINFO_CONTENT_TYPE, &type);
	a->retry_after_s = wait_s;
	a->sent = size > 0;
	a->too_long = t->full;
	a->hopeless = is_hopeless(rc);
	snprintf(a->type, sizeof a->type, "%s", type ? type : "");
	if (rc != CURLE_OK && !t->stopped && !t->full)
		snprintf(a->failure, sizeof a->failure, "%s",
		    *k->errbuf ? k->errbuf : curl_easy_strerror(rc));
}

/* Links the header lines, which live on; curl takes no copy of a list. */
static struct curl_slist *
link_headers(const char **lines, size_t count, struct curl_slist *nodes)
{
	struct curl_slist *head = NULL;

	for (size_t i = count; i-- > 0;) {
		if (!*lines[i])
			continue;
		memcpy(&nodes[i].data, &lines[i], sizeof nodes[i].data);
		nodes[i].next = head;
		head = &nodes[i];
	}
	return head;
}

bool
kube_http_start(struct kube *k, const struct kube_http *rq,
    struct kube_answer *ret, struct kube_transfer *t)
{
	AUTO_BUF struct buf url = BUF_INIT(sizeof k->base + 8192);
	const char *lines[] = { "Expect:", t->accept,
		rq->body || rq->upload ? t->type : "",
		rq->origin ? "" : k->host_header,
		rq->origin ? "" : k->secret->authorization,
		rq->header ? rq->header : "",
		rq->upload ? "Transfer-Encoding: chunked" : "" };

	_Static_assert(ARRAY_LEN(lines) == ARRAY_LEN(t->headers),
	    "each line has its node");
	*t = (struct kube_transfer){ .k = k, .rq = rq, .answer = ret,
		.last_ms = num_mono_ms() };
	*ret = (struct kube_answer){ .body = BUF_INIT(rq->stream ?
	    ERROR_BODY_MAX : rq->limit) };
	buf_addstr(&url, rq->origin ? rq->origin : k->base);
	buf_addstr(&url, rq->path);
	if (!buf_ok(&url)) {
		snprintf(ret->failure, sizeof ret->failure,
		    "the request's URL is too long");
		return false;
	}
	snprintf(t->accept, sizeof t->accept, "Accept: %s", rq->accept);
	snprintf(t->type, sizeof t->type, "Content-Type: %s",
	    rq->content_type ? rq->content_type : "application/json");
	curl_easy_reset(k->easy);
	k->errbuf[0] = '\0';
	set_wire(k, t);
	if (rq->origin)
		set_origin(k);
	else
		set_credential(k);
	set_request(k, rq, url.data);
	curl_easy_setopt(k->easy, CURLOPT_HTTPHEADER,
	    link_headers(lines, ARRAY_LEN(lines), t->headers));
	curl_multi_add_handle(k->multi, k->easy);
	return true;
}

bool
kube_http_end(struct kube_transfer *t, CURLcode rc)
{
	struct kube *k = t->k;
	const struct kube_answer *a = t->answer;

	note_answer(k, t, rc);
	curl_multi_remove_handle(k->multi, k->easy);
	curl_easy_setopt(k->easy, CURLOPT_HTTPHEADER, NULL);
	return t->stopped || (!*a->failure && !a->too_long &&
	    a->status >= 200 && a->status < 300);
}

bool
kube_http(struct kube *k, const struct kube_http *rq, struct kube_answer *ret)
{
	struct kube_transfer t;

	return kube_http_start(k, rq, ret, &t) &&
	    kube_http_end(&t, drive(k, &t));
}

struct kube *
kube_lane_new(struct kube *k)
{
	struct kube *lane = mem_alloc(sizeof *lane);

	lane->easy = curl_easy_init();
	if (!lane->easy)
		abort();	/* as running out of memory always does */
	lane->opts = k->opts;
	lane->multi = k->multi;
	lane->secret = k->secret;
	return lane;
}

void
kube_lane_free(struct kube *lane)
{
	if (!lane)
		return;
	curl_easy_cleanup(lane->easy);
	free(lane);
}

void
kube_lane_sync(struct kube *lane, const struct kube *k)
{
	lane->connect_to = k->connect_to;
	lane->generation = k->generation;
	memcpy(lane->base, k->base, sizeof lane->base);
	memcpy(lane->host, k->host, sizeof lane->host);
	memcpy(lane->host_header, k->host_header, sizeof lane->host_header);
}

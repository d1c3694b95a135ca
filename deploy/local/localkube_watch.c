#include "config.h"

#include "localkube_watch.h"

#include "jv.h"
#include "num.h"

#define PENDING_MAX ((size_t)1024 * 1024 * 1024) /* the first, full state */
#define BATCH (64 * 1024)	/* bytes gathered before they are sent */
#define BOOKMARK_MS 60000
#define LAST_BOOKMARK_MS 2000	/* before the watch's own end */
#define TIMEOUT_S 2400		/* where the client asks for none */
#define CHECK_MS 1000		/* between looks at the peer */

struct watch {
	struct kstream stream;
	struct kstore *store;
	const struct kres *res;
	char *ns;		/* NULL: all */
	char *uri;
	struct kpick pick;
	int64_t rv;		/* the last change that was looked at */
	int64_t end_ms, bookmark_ms;	/* bookmark_ms 0: not wanted */
	int64_t delay_ms;
	uint64_t faults;
	bool ended, broken;
	struct buf pending;
	size_t sent;		/* bytes of pending */
};

static bool
selected(struct watch *w, const struct kver *v)
{
	return v && v->res == w->res &&
	    (!w->ns || strcmp(v->ns, w->ns) == 0) &&
	    kpick_match(&w->pick, v);
}

static void
add(struct watch *w, const char *type, const char *text, size_t len)
{
	buf_addf(&w->pending, "{\"type\":\"%s\",\"object\":", type);
	buf_add(&w->pending, text, len);
	buf_addstr(&w->pending, "}\n");
}

/* An object that leaves the selection: as it was, at this change's number. */
static void
add_left(struct watch *w, const struct kevent *e)
{
	AUTO_JSON json_object *o = kver_json(e->before);
	json_object *rv = json_object_new_int64(e->now->rv);
	const char *text;

	json_object_object_add(jv_member(o, "metadata"), "resourceVersion",
	    json_object_new_string(json_object_get_string(rv)));
	json_object_put(rv);
	text = jv_print(o);
	add(w, "DELETED", text, strlen(text));
}

static void
add_event(struct watch *w, const struct kevent *e)
{
	bool was, is;

	if (e->now->res != w->res)
		return;
	was = selected(w, e->before);
	is = !e->gone && selected(w, e->now);
	if (is)
		add(w, was ? "MODIFIED" : "ADDED", e->now->text, e->now->len);
	else if (was && e->gone)
		add(w, "DELETED", e->now->text, e->now->len);
	else if (was)
		add_left(w, e);
}

static void
add_bookmark(struct watch *w, bool initial)
{
	char version[96];

	kres_api_version(w->res, version);
	buf_addf(&w->pending, "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":"
	    "\"%s\",\"apiVersion\":\"%s\",\"metadata\":{\"resourceVersion\":"
	    "\"%lld\",\"creationTimestamp\":null%s}}}\n", w->res->kind,
	    version, (long long)w->rv, initial ?
	    ",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}" : "");
}

static void
add_expired(struct watch *w, int64_t rv)
{
	AUTO_KST struct kst st = KST_INIT;
	const char *text;

	kst_set(&st, 410, "Expired", "too old resource version: %lld (%lld)",
	    (long long)rv, (long long)kstore_oldest(w->store) + 1);
	text = jv_print(st.body);
	add(w, "ERROR", text, strlen(text));
	w->ended = true;
}

/* A fault that came while the watch was open. */
static void
apply_faults(struct watch *w)
{
	struct kfault f = kfault_take_live(w->uri, &w->faults);

	if (f.kind == KFAULT_GONE)
		add_expired(w, w->rv);
	w->broken = f.kind == KFAULT_RESET;
}

/* Milliseconds until there can be more, 0 if something was gathered. */
static int64_t
gather(struct watch *w)
{
	int64_t now = num_mono_ms(), wait = CHECK_MS;
	struct kevent e;

	apply_faults(w);
	while (!w->ended && w->pending.len < BATCH &&
	    kstore_event(w->store, w->rv + 1, &e)) {
		if (e.at_ms + w->delay_ms > now) {
			wait = e.at_ms + w->delay_ms - now;
			kevent_release(&e);
			break;
		}
		add_event(w, &e);
		kevent_release(&e);
		w->rv++;
	}
	if (!w->ended && w->rv < kstore_oldest(w->store))
		add_expired(w, w->rv);
	if (w->bookmark_ms && now >= w->bookmark_ms && !w->ended) {
		w->bookmark_ms = now + BOOKMARK_MS;
		add_bookmark(w, /* initial= */ false);
	}
	if (w->end_ms - now < wait)
		wait = w->end_ms - now;
	if (w->bookmark_ms && w->bookmark_ms - now < wait)
		wait = w->bookmark_ms - now;
	return w->pending.len || w->broken ? 0 : wait > 0 ? wait : 1;
}

static ssize_t
watch_read(struct kstream *stream, char *to, size_t max)
{
	struct watch *w = (struct watch *)stream;
	int64_t wait;
	size_t n;

	while (w->sent == w->pending.len) {
		buf_clear(&w->pending);
		w->sent = 0;
		if (w->ended || kstream_stopping() ||
		    num_mono_ms() >= w->end_ms)
			return KSTREAM_END;
		if (w->broken || kstream_hung_up(stream->fd))
			return KSTREAM_BROKEN;
		wait = gather(w);
		if (wait && w->delay_ms)
			kstream_sleep(stream->fd, wait);
		else if (wait)
			kstore_wait(w->store, w->rv, wait);
	}
	n = w->pending.len - w->sent;
	if (n > max)
		n = max;
	memcpy(to, w->pending.data + w->sent, n);
	w->sent += n;
	return (ssize_t)n;
}

static void
watch_free(struct kstream *stream)
{
	struct watch *w = (struct watch *)stream;

	kpick_release(&w->pick);
	buf_release(&w->pending);
	free(w->ns);
	free(w->uri);
	free(w);
}

/* Without a version to start from: all that is there, as ADDED. */
static void
add_state(struct watch *w)
{
	struct kstore_page page;

	kstore_list(w->store, w->res, w->ns, NULL, NULL, 0, kpick_match,
	    &w->pick, &page);
	for (size_t i = 0; i < page.n; i++)
		add(w, "ADDED", page.v[i]->text, page.v[i]->len);
	w->rv = page.rv;
	kstore_page_release(&page);
}

static bool
start(struct watch *w, const struct kreq *rq, struct kst *st)
{
	const char *text = kquery_get(&rq->query, "resourceVersion");
	bool initial = kquery_true(&rq->query, "sendInitialEvents");
	bool bookmarks = kquery_true(&rq->query, "allowWatchBookmarks");
	int64_t now = num_mono_ms(), seconds;

	if (!kapi_int(rq, "timeoutSeconds", 0, &seconds, st))
		return false;
	if (seconds <= 0 || seconds > INT32_MAX)
		seconds = TIMEOUT_S;
	w->end_ms = now + seconds * 1000;
	if (bookmarks) {
		w->bookmark_ms = now + BOOKMARK_MS;
		if (w->end_ms - LAST_BOOKMARK_MS > now &&
		    w->end_ms - LAST_BOOKMARK_MS < w->bookmark_ms)
			w->bookmark_ms = w->end_ms - LAST_BOOKMARK_MS;
	}
	if (text && *text && !num_int(text, 0, INT64_MAX, &w->rv))
		return kst_set(st, 500, "", "resourceVersion: Invalid value: "
		    "\"%s\": strconv.ParseUint: parsing \"%s\": invalid "
		    "syntax", text, text);
	if (w->rv == 0 || initial)
		add_state(w);
	else if (w->rv < kstore_oldest(w->store))
		add_expired(w, w->rv);
	if (initial && bookmarks)
		add_bookmark(w, /* initial= */ true);
	return true;
}

bool
kwatch_open(struct kstore *s, const struct kreq *rq, const char *uri,
    const struct kfault *fault, struct kstream **ret, struct kst *st)
{
	struct watch *w = mem_alloc(sizeof *w);

	w->stream.read = watch_read;
	w->stream.free = watch_free;
	w->stream.fd = -1;
	w->store = s;
	w->res = rq->path.res;
	w->ns = *rq->path.ns ? mem_strdup(rq->path.ns) : NULL;
	w->uri = mem_strdup(uri);
	buf_init(&w->pending, PENDING_MAX);
	w->faults = kfault_generation();
	if (fault->kind == KFAULT_WATCH_DELAY)
		w->delay_ms = fault->ms;
	if (!kpick_parse(rq, &w->pick, st) || !start(w, rq, st)) {
		watch_free(&w->stream);
		return false;
	}
	if (fault->kind == KFAULT_GONE) {
		buf_clear(&w->pending);
		add_expired(w, w->rv);
	}
	*ret = &w->stream;
	return true;
}

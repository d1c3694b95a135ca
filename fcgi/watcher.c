#include "config.h"

#include "watcher.h"

#include <signal.h>

#include "audit.h"
#include "buf.h"
#include "cache.h"
#include "cache_write.h"
#include "conf.h"
#include "cred.h"
#include "err.h"
#include "gw.h"
#include "informer.h"
#include "jv.h"
#include "known.h"
#include "kube_streams.h"
#include "livy.h"
#include "log.h"
#include "num.h"
#include "own.h"
#include "settle.h"
#include "slots.h"
#include "stall.h"

#define POLL_MS 250		/* longest sleep: signals, silence, settling */
#define GONE_MAX 1024		/* ids remembered for deletes told later */
#define CREDENTIAL_MS 2000	/* longest wait for the first one */
#define SETTLE_MS 60000		/* a write that no event told of is settled */
#define OPEN_MS 15000		/* for the first byte of an answer */
#define GAP_MS 5000		/* between two watches: nothing is missed in it */
#define DOUBT_MS 1000		/* calls may fail for long: begin anew seldom */
#define BACKOFF_MS 100		/* first wait after a failure */
#define PART_MAX (1 << 20)	/* bytes of a part of a view */

struct watcher;

enum what { APPS, PODS };

/* One collection, in one namespace or in all. */
struct source {
	struct watcher *w;
	struct informer *informer;
	enum what what;
	const char *ns;		/* NULL = all of them */
	uint32_t mark;		/* of its last list */
	enum kube_result trouble; /* logged last; KUBE_OK = all is well */
};

struct gone {
	enum app_kind kind;
	int32_t id;
};

struct watcher {
	const struct gw *gw;
	const struct conf *conf;
	struct cache_writer *cache;
	struct own *own;
	struct cache *reader;	/* of what is published */
	struct known *known;
	struct kube_streams *streams;
	struct stall *stall;
	int64_t answered_ms;	/* the last answer in doubt was asked for */
	struct source *source;
	size_t count;
	bool published;
	int64_t well_since_ms;	/* all watches are kept up; 0 = they are not */
	int64_t gap_ms;		/* not all of them are open since; 0 = all are */
	struct gone gone[GONE_MAX];	/* the last ones, a ring */
	size_t gone_count;		/* of all there were */
	struct buf part[4];
};

static volatile sig_atomic_t stopped;

static void
on_signal(int sig UNUSED)
{
	stopped = 1;
}

/*
 * A write is settled only once readers see the arena that is being filled,
 * and after what they are to see there is in it.
 */
static void
on_change(void *arg, const struct app *app, const struct app_text *text)
{
	struct watcher *w = arg;
	struct livy_view view = { &w->part[0], &w->part[1], &w->part[2],
		&w->part[3] };

	for (size_t i = 0; i < ARRAY_LEN(w->part); i++)
		buf_clear(&w->part[i]);
	livy_render(w->conf, app, text, &view);
	if (!cache_put(w->cache, app, text, &view))
		log_debug("no room in the cache for all of '%s'",
		    text->object);
	if (w->published)
		own_settle(w->own, app->kind, app->id, /* gone= */ false);
}

static void
on_gone(void *arg, enum app_kind kind, int32_t id)
{
	struct watcher *w = arg;
	enum app_kind other;
	int32_t other_id;

	cache_remove(w->cache, kind, id);
	w->gone[w->gone_count++ % GONE_MAX] = (struct gone){ kind, id };
	if (w->published)
		own_settle(w->own, kind, id, /* gone= */ true);
	if (cache_next_dropped(w->cache, &other, &other_id))
		known_repeat(w->known, other, other_id);
}

static const char *
source_word(const struct source *s)
{
	return s->what == APPS ? "applications" : "driver pods";
}

static const char *
source_ns(const struct source *s)
{
	return s->ns ? s->ns : "(all)";
}

static void
on_object(void *arg, enum informer_change change, json_object *object)
{
	struct source *s = arg;
	struct known *k = s->w->known;
	struct err err = ERR_INIT;
	bool taken = true;

	if (change == INFORMER_GONE && s->what == APPS)
		known_app_gone(k, object);
	else if (change == INFORMER_GONE)
		known_pod_gone(k, object);
	else if (s->what == APPS)
		taken = known_app(k, object, s->mark, &err);
	else
		taken = known_pod(k, object, s->mark, &err);
	if (!taken) {
		const char *name = jv_str(object, "metadata.name");

		log_debug("passed over '%s' of the %s: %s", name ? name : "",
		    source_word(s), err.msg);
	}
}

static void
on_list_begin(void *arg)
{
	struct source *s = arg;

	s->mark = known_mark(s->w->known);
}

static void
on_list_end(void *arg)
{
	struct source *s = arg;

	if (s->what == APPS)
		known_sweep_apps(s->w->known, s->ns, s->mark);
	else
		known_sweep_pods(s->w->known, s->ns, s->mark);
	log_info("listed the %s of namespace %s, %zu applications in all",
	    source_word(s), source_ns(s), known_count(s->w->known));
}

static void
on_live(void *arg)
{
	struct source *s = arg;

	if (s->trouble != KUBE_OK)
		log_info("watching the %s of namespace %s again",
		    source_word(s), source_ns(s));
	s->trouble = KUBE_OK;
}

/* A warning once for each kind of trouble, then quietly. */
static void
on_trouble(void *arg, enum kube_result result, const char *why,
    int64_t retry_ms)
{
	struct source *s = arg;

	if (result == KUBE_GONE || result == s->trouble) {
		log_debug("the %s of namespace %s again in %lld ms: %s",
		    source_word(s), source_ns(s), (long long)retry_ms, why);
		return;
	}
	s->trouble = result;
	log_warn("cannot watch the %s of namespace %s, trying again: %s",
	    source_word(s), source_ns(s), why);
}

static void
source_add(struct watcher *w, const char *ns, enum what what)
{
	AUTO_BUF struct buf path = BUF_INIT(4096), selector = BUF_INIT(512);
	struct source *s = &w->source[w->count];
	struct informer_opts opts = {
		.page = w->conf->list_page,
		.limit = (size_t)w->conf->reply_limit,
		.watch_timeout_s = w->conf->watch_timeout_s,
		.idle_ms = w->conf->watch_idle_ms,
		.backoff_ms = BACKOFF_MS,
		.open_ms = w->conf->watch_idle_ms < OPEN_MS ?
		    w->conf->watch_idle_ms : OPEN_MS,
	};
	struct informer_listener to = { .on_list_begin = on_list_begin,
		.on_list_end = on_list_end, .on_object = on_object,
		.on_live = on_live, .on_trouble = on_trouble, .arg = s };

	*s = (struct source){ .w = w, .what = what, .ns = ns };
	if (what == PODS) {
		kube_path_core(&path, ns, "pods", NULL);
		buf_addstr(&selector, "spark-role=driver,");
	} else {
		kube_path_apps(&path, ns, NULL);
	}
	buf_addf(&selector, LABEL_GATEWAY "=%s", w->conf->gateway);
	opts.path = path.data;
	opts.selector = selector.data;
	s->informer = informer_new(w->streams, w->count, &opts, &to);
	w->count++;
}

/* The first source's list, of one object, as old as it may be. */
static void
stall_init(struct watcher *w)
{
	AUTO_BUF struct buf path = BUF_INIT(4096), selector = BUF_INIT(512);

	kube_path_apps(&path, w->source[0].ns, NULL);
	buf_addf(&selector, LABEL_GATEWAY "=%s", w->conf->gateway);
	kube_path_query(&path, "labelSelector", selector.data);
	kube_path_query(&path, "limit", "1");
	kube_path_query(&path, "resourceVersion", "0");
	w->stall = stall_new(w->streams, w->count, path.data);
}

/* Since when the API server's silence is doubtful; 0 = it is not. */
static int64_t
doubt_since(const struct watcher *w, int64_t now_ms, int64_t silent_ms)
{
	int64_t since = silent_ms > w->answered_ms &&
	    now_ms - w->answered_ms >= DOUBT_MS ? silent_ms : 0;

	for (size_t i = 0; i < w->count && since == 0; i++)
		since = informer_waits(w->source[i].informer, now_ms);
	return since;
}

static void
doubt(struct watcher *w)
{
	int64_t silent_ms = atomic_load(&w->gw->slots->silent_ms);
	int64_t since = doubt_since(w, num_mono_ms(), silent_ms);
	int64_t asked_ms;

	if (!stall_over(w->stall, since, &asked_ms))
		return;
	w->answered_ms = asked_ms;
	for (size_t i = 0; i < w->count; i++)
		informer_answered(w->source[i].informer, asked_ms,
		    silent_ms < asked_ms ? silent_ms : asked_ms);
}

static void
sources_init(struct watcher *w)
{
	const struct conf *conf = w->conf;
	size_t namespaces = conf->cluster_wide ? 1 : conf->namespaces.count;
	struct kube_opts opts = { .cred = w->gw->cred,
		.user_agent = "livy-fcgi-watcher",
		.connect_timeout_ms = conf->connect_timeout_ms,
		.attempt_ms = conf->call_timeout_ms,
		.reply_limit = conf->reply_limit };

	/* a lane for each, and one to ask whether anybody is there */
	w->streams = kube_streams_new(&opts, namespaces * 2 + 1);
	w->source = mem_alloc(namespaces * 2 * sizeof *w->source);
	for (size_t i = 0; i < namespaces; i++) {
		const char *ns = conf->cluster_wide ? NULL :
		    conf->namespaces.items[i];

		source_add(w, ns, APPS);
		source_add(w, ns, PODS);
	}
	stall_init(w);
}

/* How the sources are, together. */
struct condition {
	bool listed;		/* each is listed or refused, one app list is */
	bool live;		/* each that is not refused is watched now */
	int64_t spoke_ms;	/* the oldest last word of those; 0 = none */
	int64_t whole_ms;	/* each app list was begun since; 0 = none was */
};

static struct condition
condition(const struct watcher *w)
{
	struct condition c = { .live = true, .whole_ms = INT64_MAX };
	bool all = true;

	for (size_t i = 0; i < w->count; i++) {
		struct informer_state s = informer_state(w->source[i].informer);

		all = all && (s.listed || s.refused);
		c.listed = c.listed || (s.listed && w->source[i].what == APPS);
		if (w->source[i].what == APPS && s.whole_ms < c.whole_ms)
			c.whole_ms = s.whole_ms;
		if (s.refused)
			continue;
		c.live = c.live && s.live;
		if (c.spoke_ms == 0 || s.spoke_ms < c.spoke_ms)
			c.spoke_ms = s.spoke_ms;
	}
	c.listed = c.listed && all;
	return c;
}

static bool
is_gone(const struct watcher *w, enum app_kind kind, int32_t id)
{
	size_t n = w->gone_count < GONE_MAX ? w->gone_count : GONE_MAX;

	for (size_t i = 0; i < n; i++)
		if (w->gone[i].id == id && w->gone[i].kind == kind)
			return true;
	return false;
}

/*
 * Settles what no event will: writes that their worker told of after the
 * event had come, and those of applications that came and went while nobody
 * watched: of these, lists that were begun after the write know nothing. With
 * older lists they are passed over as long as an event may still come.
 */
static void
settle(struct watcher *w, int64_t now_ms, int64_t whole_ms)
{
	struct own_write write;
	size_t cursor = 0;
	bool old;

	while (own_next(w->own, &cursor, &write)) {
		if (known_has(w->known, write.kind, write.id)) {
			if (write.op == OWN_CREATED)
				own_settle(w->own, write.kind, write.id,
				    false);
			continue;
		}
		old = w->well_since_ms && now_ms - SETTLE_MS >
		    (w->well_since_ms > write.since_ms ? w->well_since_ms :
		    write.since_ms);
		if (old || whole_ms > write.since_ms ||
		    is_gone(w, write.kind, write.id))
			own_settle(w->own, write.kind, write.id, true);
	}
}

/*
 * A watch that ends is followed by one that goes on where it was; of many,
 * one always does. Only what stays away for long tells of trouble.
 */
static void
note_gap(struct watcher *w, int64_t now_ms, bool live)
{
	if (live) {
		w->gap_ms = 0;
		if (w->well_since_ms == 0)
			w->well_since_ms = now_ms;
		return;
	}
	if (w->gap_ms == 0)
		w->gap_ms = now_ms;
	if (now_ms - w->gap_ms >= GAP_MS)
		w->well_since_ms = 0;
}

static void
chores(struct watcher *w, int64_t now_ms)
{
	struct condition c = condition(w);

	note_gap(w, now_ms, c.live);
	if (!w->published && c.listed) {
		cache_publish(w->cache);
		w->published = true;
		log_info("the cache is complete, %zu applications",
		    known_count(w->known));
	}
	if (!w->published)
		return;
	if (c.spoke_ms)
		cache_spoke(w->cache, c.spoke_ms);
	settle(w, now_ms, c.whole_ms);
	settle_orphans(w->gw, w->reader, w->well_since_ms, c.spoke_ms);
}

/* The first list need not wait for a back-off: auth starts beside us. */
static void
wait_credential(const struct gw *gw)
{
	const struct timespec pause = { .tv_nsec = 2000000 };
	int64_t end_ms = num_mono_ms() + CREDENTIAL_MS;

	while (!stopped && atomic_load(&gw->cred->generation) == 0 &&
	    num_mono_ms() < end_ms)
		nanosleep(&pause, NULL);
}

static void
run(struct watcher *w)
{
	int64_t now_ms, due_ms, next_ms;

	while (!stopped) {
		now_ms = num_mono_ms();
		next_ms = now_ms + POLL_MS;
		for (size_t i = 0; i < w->count; i++) {
			due_ms = informer_tick(w->source[i].informer, now_ms);
			next_ms = due_ms < next_ms ? due_ms : next_ms;
		}
		kube_streams_run(w->streams, (int)(next_ms - now_ms));
		doubt(w);
		chores(w, num_mono_ms());
	}
}

static void
watcher_release(struct watcher *w)
{
	kube_streams_free(w->streams);
	stall_free(w->stall);
	for (size_t i = 0; i < w->count; i++)
		informer_free(w->source[i].informer);
	free(w->source);
	known_free(w->known);
	cache_writer_free(w->cache);
	cache_close(w->reader);
	own_close(w->own);
	for (size_t i = 0; i < ARRAY_LEN(w->part); i++)
		buf_release(&w->part[i]);
}

void
watcher_main(struct gw *gw)
{
	struct watcher w = { .gw = gw, .conf = gw->conf };
	struct known_listener to = { on_change, on_gone, &w };

	log_role("watcher");
	signal(SIGTERM, on_signal);
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < ARRAY_LEN(w.part); i++)
		buf_init(&w.part[i], PART_MAX);
	w.cache = cache_writer_new(gw->cache_mem);
	w.own = own_open(gw->own_mem, gw->slots->count);
	w.reader = cache_open(gw->cache_mem, NULL);
	if (!audit_open(gw->conf))
		log_error("cannot open the audit log '%s'",
		    gw->conf->audit_log);
	w.known = known_new(w.conf->gateway,
	    (size_t)w.conf->cache_objects * 2, &to);
	sources_init(&w);
	wait_credential(gw);
	run(&w);
	watcher_release(&w);
	exit(0);
}

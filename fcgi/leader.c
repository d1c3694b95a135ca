#include "config.h"

#include "leader.h"

#include <signal.h>

#include "admit.h"
#include "audit.h"
#include "cache.h"
#include "conf.h"
#include "err.h"
#include "gw.h"
#include "jv.h"
#include "kube.h"
#include "lease.h"
#include "livy.h"
#include "log.h"
#include "num.h"
#include "remove.h"

#define LOOK_MS 250	/* how often the cache is looked at */
#define CHORE_MS 5000	/* bound of one chore's calls */
#define ROUND 64	/* chores of one look, then the cache is read again */
#define REASON_MAX 1024
#define LET_GO_MS 30000	/* longest that the watch is believed to be late */

enum chore { CHORE_ADMIT, CHORE_FAIL, CHORE_RETIRE };

struct due {
	enum chore chore;
	enum app_kind kind;
	int32_t id;
};

/* The one that has waited longest in a namespace. */
struct waiting {
	uint32_t ns_hash;
	enum app_kind kind;
	int32_t id;		/* -1 = nobody that we have not let go */
	int64_t let_go;		/* those that the cache still shows waiting */
};

/* One that we let go, until the watch tells of it. */
struct let_go {
	enum app_kind kind;
	int32_t id;
	int64_t at_ms;		/* monotonic */
	bool shown;		/* as waiting, in this look */
};

struct leader {
	struct gw *gw;
	struct lease lease;
	struct due due[ROUND];
	size_t count;
	struct waiting waiting[CONF_NAMESPACES_MAX];
	size_t waiting_count;
	struct let_go let_go[ROUND];
	size_t let_go_count;
	int64_t now_ms;		/* epoch, of this look */
	int64_t admit_ms;	/* monotonic: not before */
	int64_t idle_ms;	/* monotonic: since when nothing was due */
	int64_t warned_ms;
};

static void
add(struct leader *l, enum chore chore, enum app_kind kind, int32_t id)
{
	if (l->count < ROUND)
		l->due[l->count++] = (struct due){ chore, kind, id };
}

static bool
was_let_go(struct leader *l, const struct app *app)
{
	for (size_t i = 0; i < l->let_go_count; i++)
		if (l->let_go[i].id == app->id &&
		    l->let_go[i].kind == app->kind)
			return l->let_go[i].shown = true;
	return false;
}

/* Forgets those that wait no more, and those that wait again or still. */
static void
let_go_sweep(struct leader *l)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->let_go_count; i++)
		if (l->let_go[i].shown && num_mono_ms() -
		    l->let_go[i].at_ms < LET_GO_MS) {
			l->let_go[kept] = l->let_go[i];
			l->let_go[kept++].shown = false;
		}
	l->let_go_count = kept;
}

/* The first of a namespace that is seen is the one that goes first. */
static void
add_waiting(struct leader *l, const struct app *app)
{
	struct waiting *w = l->waiting;

	while (w < l->waiting + l->waiting_count &&
	    w->ns_hash != app->ns_hash)
		w++;
	if (w == l->waiting + l->waiting_count) {
		if (l->waiting_count == ARRAY_LEN(l->waiting))
			return;
		l->waiting_count++;
		*w = (struct waiting){ .ns_hash = app->ns_hash, .id = -1 };
	}
	if (was_let_go(l, app)) {
		w->let_go++;
	} else if (w->id < 0) {
		w->kind = app->kind;
		w->id = app->id;
	}
}

/* Not run yet, and neither is it kept from that nor being run anew. */
static bool
is_on_its_way(const struct app *app)
{
	return app->state == LIVY_STARTING && !app->waits &&
	    app->phase != PHASE_RUNNING && app->phase != PHASE_UNKNOWN &&
	    app->phase != PHASE_PENDING_RERUN &&
	    app->phase != PHASE_INVALIDATING;
}

static bool
is_late(const struct conf *conf, const struct app *app, int64_t now_ms)
{
	int64_t since = app->admitted_ms ? app->admitted_ms : app->created_ms;

	return conf->start_timeout_ms > 0 && since > 0 &&
	    is_on_its_way(app) && now_ms - since > conf->start_timeout_ms;
}

static bool
is_done_with(const struct conf *conf, const struct app *app, int64_t now_ms)
{
	int64_t keep = app->kind == APP_SESSION ? conf->session_retention_ms :
	    conf->batch_retention_ms;

	return app_ended(app) && app->ended_ms > 0 &&
	    now_ms - app->ended_ms > keep;
}

static bool
look(void *arg, const struct app *app)
{
	struct leader *l = arg;
	const struct conf *conf = l->gw->conf;

	if (is_done_with(conf, app, l->now_ms))
		add(l, CHORE_RETIRE, app->kind, app->id);
	else if (is_late(conf, app, l->now_ms))
		add(l, CHORE_FAIL, app->kind, app->id);
	else if (app->waits && !app_ended(app))
		add_waiting(l, app);
	return true;
}

/* All that is due now, sessions first: somebody waits for them. */
static void
look_for_chores(struct leader *l)
{
	const struct waiting *w = l->waiting;

	l->count = l->waiting_count = 0;
	l->now_ms = num_wall_ms();
	cache_each(l->gw->cache, APP_SESSION, look, l);
	cache_each(l->gw->cache, APP_BATCH, look, l);
	let_go_sweep(l);
	if (num_mono_ms() < l->admit_ms || l->let_go_count == ROUND)
		return;
	for (size_t i = 0; i < l->waiting_count; i++, w++)
		if (w->id >= 0 && admit_room(l->gw, w->ns_hash) > w->let_go)
			add(l, CHORE_ADMIT, w->kind, w->id);
}

/* Merge-patches an application; a patch that is repeated changes nothing. */
static bool
patch(struct leader *l, const struct cache_view *v, json_object *take_body,
    struct err *err)
{
	AUTO_BUF struct buf path = BUF_INIT(1024);
	AUTO_JSON json_object *body = take_body;
	struct kube_req rq = { .method = "PATCH", .body = body,
		.content_type = "application/merge-patch+json",
		.deadline_ms = num_mono_ms() + CHORE_MS };
	enum kube_result r;

	kube_path_apps(&path, v->text.ns, v->text.object);
	rq.path = path.data;
	r = kube_call(l->gw->kube, &rq, NULL, NULL, err);
	return r == KUBE_OK || r == KUBE_NOT_FOUND;
}

/* {"metadata":{"uid":…,"annotations":{}},"spec":{"suspend":…}} */
static json_object *
patch_of(const struct cache_view *v, bool suspend, json_object **ret_notes)
{
	json_object *o = json_object_new_object();
	json_object *meta = json_object_new_object();
	json_object *spec = json_object_new_object();

	*ret_notes = json_object_new_object();
	/* a namesake's uid differs, and the API server then refuses */
	jv_set_str(meta, "uid", v->app.uid);
	json_object_object_add(meta, "annotations", *ret_notes);
	json_object_object_add(o, "metadata", meta);
	json_object_object_add(spec, "suspend",
	    json_object_new_boolean(suspend));
	json_object_object_add(o, "spec", spec);
	return o;
}

static void
set_now(json_object *notes, const char *key)
{
	char text[24];

	snprintf(text, sizeof text, "%lld", (long long)num_wall_ms());
	jv_set_str(notes, key, text);
}

static bool
admit(struct leader *l, const struct cache_view *v, struct err *err)
{
	json_object *notes;
	json_object *body = patch_of(v, /* suspend: */ false, &notes);

	json_object_object_add(notes, ANNOTATION_WAITS, NULL);
	set_now(notes, ANNOTATION_ADMITTED);
	if (!patch(l, v, body, err))
		return false;
	l->admit_ms = num_mono_ms() + l->gw->conf->admission_pace_ms;
	l->let_go[l->let_go_count++] = (struct let_go){ v->app.kind,
		v->app.id, num_mono_ms(), true };
	return true;
}

static void
add_line(void *arg, const char *line, size_t len)
{
	struct buf *b = arg;

	if (len > REASON_MAX - b->len - 2)
		len = REASON_MAX - b->len - 2;
	buf_addstr(b, b->len ? "; " : "");
	buf_add(b, line, len);
	/* a whole sentence or the start of a long one is enough */
	b->len = b->len < REASON_MAX - 8 ? b->len : REASON_MAX - 8;
}

static bool
fail(struct leader *l, const struct cache_view *v, struct buf *reason,
    struct err *err)
{
	json_object *notes, *body;
	AUTO_BUF struct buf story = BUF_INIT(2 * REASON_MAX);

	livy_story(&v->app, &v->text, add_line, &story);
	buf_addf(reason, "not running %lld s after it was admitted, so it was "
	    "stopped: %.*s", (long long)l->gw->conf->start_timeout_ms / 1000,
	    (int)story.len, story.data);
	body = patch_of(v, /* suspend: */ true, &notes);
	jv_set_str(notes, ANNOTATION_FAILED, reason->data);
	set_now(notes, ANNOTATION_ENDED);
	return patch(l, v, body, err);
}

/* One chore, on what the cache says now. */
static bool
do_one(struct leader *l, const struct due *d, struct err *err)
{
	static const enum audit_step steps[] = {
		[CHORE_ADMIT] = AUDIT_RESUMED, [CHORE_FAIL] = AUDIT_FAILED,
		[CHORE_RETIRE] = AUDIT_RETIRED,
	};
	AUTO_BUF struct buf reason = BUF_INIT(4 * REASON_MAX);
	AUTO_VIEW struct cache_view v = CACHE_VIEW_INIT;
	bool done = false;

	if (cache_get(l->gw->cache, d->kind, d->id, &v) != CACHE_FOUND)
		return true;
	switch (d->chore) {
	case CHORE_ADMIT:
		if (num_mono_ms() < l->admit_ms)
			return true;	/* in another round */
		done = admit(l, &v, err);
		break;
	case CHORE_FAIL:
		done = fail(l, &v, &reason, err);
		break;
	case CHORE_RETIRE:
		done = remove_app(l->gw, &v, num_mono_ms() + CHORE_MS, err);
		break;
	}
	if (done)
		audit_write(&(struct audit){ .step = steps[d->chore],
		    .kind = d->kind, .id = d->id,
		    .reason = reason.len ? reason.data : NULL });
	return done;
}

static void
warn(struct leader *l, const struct err *err)
{
	int64_t now = num_mono_ms();

	if (l->warned_ms && now - l->warned_ms < 60000)
		return;
	l->warned_ms = now;
	log_warn("chores have to wait: %s", err->msg);
}

static void
round_of(struct leader *l)
{
	struct cache_health health;
	struct err err = ERR_INIT;
	bool held = false;

	cache_health(l->gw->cache, &health);
	if (!health.synced)
		return;
	look_for_chores(l);
	if (l->count > 0)
		l->idle_ms = num_mono_ms();
	else if (l->lease.held_ms && num_mono_ms() - l->idle_ms >
	    LEASE_S * 1000)
		lease_release(l->gw, &l->lease);
	if (l->count == 0)
		return;
	if (!lease_hold(l->gw, &l->lease, &held, &err)) {
		warn(l, &err);
		return;
	}
	for (size_t i = 0; held && i < l->count; i++) {
		if (!lease_is_ours(&l->lease))
			return;
		if (!do_one(l, &l->due[i], &err))
			warn(l, &err);
	}
}

void
leader_main(struct gw *gw)
{
	const struct timespec pause = { .tv_nsec = LOOK_MS * 1000000L };
	struct leader l = { .gw = gw };

	log_role("leader");
	signal(SIGPIPE, SIG_IGN);
	gw->cache = cache_open(gw->cache_mem, NULL);
	gw->kube = gw_client(gw);
	if (!audit_open(gw->conf))
		log_error("cannot open the audit log '%s'",
		    gw->conf->audit_log);
	lease_init(&l.lease);
	for (;;) {
		round_of(&l);
		nanosleep(&pause, NULL);
	}
}

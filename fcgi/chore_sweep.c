#include "config.h"

#include "buf.h"
#include "chore.h"
#include "conf.h"
#include "err.h"
#include "gw.h"
#include "ids.h"
#include "jv.h"
#include "kube.h"
#include "log.h"
#include "num.h"
#include "reserve.h"

#define EVERY_MS (3600 * 1000)
#define SOON_MS (600 * 1000)	/* the first one after a start */
#define SETTLED_MS 60000	/* a create may arrive so late */
#define PAGE 100
#define ACT_MS (CHORE_MS / 2)	/* of one act's calls, all together */
#define MORE_BYTES 4096

/* What there was to see when the last whole sweep began. */
struct sight {
	int64_t objects;
	int32_t highest[APP_KINDS];
};

/* Of the leader process, of which a replica has one. */
static struct {
	int64_t next_ms;	/* monotonic: not before; 0 = just started */
	struct buf more;	/* continue token; "" = from the beginning */
	struct sight begun, swept;
	bool later;		/* some have to be looked at again */
	bool unswept;		/* no sweep was whole yet */
	int64_t dropped;	/* in this sweep */
} sweep = { .more = BUF_INIT(MORE_BYTES), .unswept = true };

static int64_t
every(const struct conf *conf)
{
	return conf->key_retention_ms < EVERY_MS ? conf->key_retention_ms :
	    EVERY_MS;
}

static struct sight
look_around(struct gw *gw)
{
	struct cache_health health;
	struct sight s = { 0 };

	cache_health(gw->cache, &health);
	s.objects = health.objects;
	for (int kind = 0; kind < APP_KINDS; kind++)
		s.highest[kind] = cache_highest(gw->cache,
		    (enum app_kind)kind);
	return s;
}

static bool
is_same(const struct sight *a, const struct sight *b)
{
	return a->objects == b->objects &&
	    memcmp(a->highest, b->highest, sizeof a->highest) == 0;
}

/* Where nothing has come or gone there is nothing new to sweep. */
static void
end(struct chores *due)
{
	const struct conf *conf = chore_gw(due)->conf;
	int64_t now = num_mono_ms();
	struct sight s;

	if (sweep.next_ms == 0)
		sweep.next_ms = now + (every(conf) < SOON_MS ? every(conf) :
		    SOON_MS);
	if (now < sweep.next_ms)
		return;
	s = look_around(chore_gw(due));
	if (sweep.more.len == 0 && !sweep.later && !sweep.unswept &&
	    is_same(&s, &sweep.swept))
		sweep.next_ms = now + every(conf);
	else
		chore_add(due, &chore_sweep, NULL);
}

enum verdict { KEEP, LATER, MARK, DROP };

/* Whether nobody has it any more: asks every namespace there may be. */
static enum verdict
if_missing(struct gw *gw, enum app_kind kind, int32_t id, enum verdict then)
{
	const struct conf_list *ns = &gw->conf->namespaces;
	char object[KUBE_LABEL_MAX + 1];
	struct err ignored = ERR_INIT;
	enum kube_result r;

	if (!app_object_name(object, gw->conf->gateway, kind, id))
		return KEEP;
	for (size_t i = 0; i < ns->count; i++) {
		AUTO_BUF struct buf path = BUF_INIT(1024);
		struct kube_req rq = { .method = "GET",
			.deadline_ms = num_mono_ms() + ACT_MS };

		kube_path_apps(&path, ns->items[i], object);
		rq.path = path.data;
		r = kube_call(gw->kube, &rq, NULL, NULL, &ignored);
		if (r != KUBE_NOT_FOUND)
			return r == KUBE_OK ? KEEP : LATER;
	}
	return then;
}

static enum verdict
judge(struct gw *gw, const struct reservation *r, enum reserve_scope scope,
    enum app_kind kind)
{
	AUTO_VIEW struct cache_view v = CACHE_VIEW_INIT;
	const struct conf *conf = gw->conf;
	int64_t age = num_wall_ms() - r->at_ms;
	int64_t young = conf->key_retention_ms < SETTLED_MS ?
	    conf->key_retention_ms : SETTLED_MS;

	if (r->gone)
		return age > conf->key_retention_ms ? DROP : LATER;
	if (age < 2 * conf->request_deadline_ms + young)
		return LATER;
	if (r->id < 0)
		return DROP;	/* its holder died before it had an id */
	if (cache_get(gw->cache, kind, r->id, &v) == CACHE_FOUND &&
	    reserve_is_of(conf, r, scope, &v))
		return KEEP;
	return if_missing(gw, kind, r->id, scope == RESERVE_KEY && r->made ?
	    MARK : DROP);
}

static void
sweep_one(struct gw *gw, json_object *o)
{
	struct err ignored = ERR_INIT;
	int64_t deadline_ms = num_mono_ms() + ACT_MS;
	enum reserve_scope scope;
	struct reservation r;
	enum app_kind kind;

	if (!reserve_read(gw->conf, o, &r, &scope, &kind))
		return;
	switch (judge(gw, &r, scope, kind)) {
	case KEEP:
		return;
	case DROP:
		reserve_drop(gw, &r, deadline_ms);
		sweep.dropped++;
		return;
	case MARK:
		if (!reserve_use_up(gw, kind, r.object, r.id, deadline_ms,
		    &ignored))
			log_debug("not marked: %s", ignored.msg);
		break;
	case LATER:
		break;
	}
	sweep.later = true;
}

static enum kube_result
fetch_page(struct gw *gw, json_object **ret_new, struct err *err)
{
	AUTO_BUF struct buf path = BUF_INIT(MORE_BYTES * 4);
	AUTO_BUF struct buf selector = BUF_INIT(512);
	struct kube_req rq = { .method = "GET",
		.deadline_ms = num_mono_ms() + ACT_MS };
	char digits[24];

	kube_path_core(&path, ids_home(gw->conf), "configmaps", NULL);
	buf_addf(&selector, LABEL_GATEWAY "=%s," LABEL_RESERVATION,
	    gw->conf->gateway);
	kube_path_query(&path, "labelSelector", selector.data);
	snprintf(digits, sizeof digits, "%d", PAGE);
	kube_path_query(&path, "limit", digits);
	if (sweep.more.len)
		kube_path_query(&path, "continue", sweep.more.data);
	rq.path = path.data;
	return kube_call(gw->kube, &rq, ret_new, NULL, err);
}

static void
finish(struct gw *gw)
{
	if (sweep.dropped)
		log_info("%lld reservations that nobody has any more are "
		    "deleted", (long long)sweep.dropped);
	sweep.swept = sweep.begun;
	sweep.unswept = false;
	sweep.next_ms = num_mono_ms() + every(gw->conf);
}

/* One page, or the part of it that there is time for. */
static enum chore_end
act(struct gw *gw, const struct cache_view *none UNUSED,
    struct buf *reason UNUSED, struct err *err)
{
	AUTO_JSON json_object *list = NULL;
	int64_t until = num_mono_ms() + ACT_MS;
	json_object *items;
	const char *more;
	enum kube_result r;

	if (sweep.more.len == 0) {
		sweep.begun = look_around(gw);
		sweep.later = false;
		sweep.dropped = 0;
	}
	r = fetch_page(gw, &list, err);
	if (r != KUBE_OK) {
		buf_clear(&sweep.more);
		sweep.next_ms = num_mono_ms() + every(gw->conf);
		return r == KUBE_GONE ? CHORE_NOTHING : CHORE_FAILED;
	}
	items = jv_get(list, "items");
	for (size_t i = 0; items && i < json_object_array_length(items); i++) {
		if (num_mono_ms() >= until)
			return CHORE_NOTHING;	/* the same page again */
		sweep_one(gw, json_object_array_get_idx(items, i));
	}
	buf_clear(&sweep.more);
	more = jv_str(list, "metadata.continue");
	if (more && strlen(more) < MORE_BYTES)
		buf_addstr(&sweep.more, more);
	if (sweep.more.len == 0)
		finish(gw);
	return CHORE_NOTHING;
}

/* Whoever leads sweeps for us, too. */
static void
elsewhere(struct gw *gw)
{
	buf_clear(&sweep.more);
	sweep.begun = look_around(gw);
	sweep.later = false;
	sweep.dropped = 0;
	finish(gw);
}

/*
 * Deletes reservations that nobody needs any more: those of keys when their
 * application has been gone for long enough, those of names without an
 * application, and what a request that was cut off has left. Seldom, and
 * only where something has changed.
 */
const struct chore chore_sweep = { .end = end, .act = act,
	.elsewhere = elsewhere };

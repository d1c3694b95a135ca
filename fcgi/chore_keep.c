#include "config.h"

#include "buf.h"
#include "cache.h"
#include "chore.h"
#include "conf.h"
#include "err.h"
#include "gw.h"
#include "jv.h"
#include "kept.h"
#include "kube.h"
#include "log.h"
#include "num.h"
#include "tail.h"

#define DUE_MAX 64
#define OTHERS_MS 5000		/* then who does not hold the Lease writes, too */
#define GIVE_UP_MS 20000	/* a log that is not there is kept as none */
#define TURN_MS 15000		/* of one log, then it is another one's */
#define TURNS 2			/* in vain; then others may take its place */
#define AGAIN_MS 10000		/* after a write: its watch event may be late */
#define FAILED_MS 2000		/* after one that failed */
#define PATH_BYTES_MAX 1024

struct due {
	struct app app;
	bool seen;		/* in this look */
	int64_t since_ms;
	int64_t turn_ms;	/* since when it is asked for; 0 = it is not */
	int64_t again_ms;	/* not before */
	int turns;		/* it had, and was not whole */
	bool asked;		/* in this look */
};

/* Of the leader process, of which a replica has one. */
static struct {
	struct due due[DUE_MAX];
	size_t count;
} keep;

static void
begin(struct chores *due UNUSED)
{
	for (size_t i = 0; i < keep.count; i++)
		keep.due[i].seen = keep.due[i].asked = false;
}

/* Its container has run to its end, or its pod has gone. */
static bool
is_over(const struct app *app)
{
	return app->exit_code >= 0 || !app->pod_seen || app_ended(app);
}

static struct due *
due_of(const struct app *app)
{
	for (size_t i = 0; i < keep.count; i++)
		if (keep.due[i].app.id == app->id &&
		    keep.due[i].app.kind == app->kind &&
		    keep.due[i].app.pod_run == app->pod_run)
			return &keep.due[i];
	return NULL;
}

/* Where there is no room, what had its turns in vain makes it. */
static struct due *
place_of_new(void)
{
	struct due *most = keep.due;

	if (keep.count < DUE_MAX)
		return &keep.due[keep.count++];
	for (size_t i = 1; i < DUE_MAX; i++)
		if (keep.due[i].turns > most->turns)
			most = &keep.due[i];
	return most->turns >= TURNS ? most : NULL;
}

/* One whose pod is being deleted is read while it can be. */
static bool
look(struct chores *due UNUSED, const struct app *app)
{
	struct due *d = due_of(app);

	if (app->pod_run == 0 || (app->kept && app->kept_run == app->pod_run)
	    || (!is_over(app) && !app->pod_deleting))
		return false;
	if (!d) {
		d = place_of_new();
		if (d)
			*d = (struct due){ .since_ms = num_mono_ms() };
	}
	if (d) {
		d->app = *app;
		d->seen = true;
	}
	return false;
}

static enum kube_result
call(struct gw *gw, const char *method, const char *path, json_object *body,
    struct err *err)
{
	struct kube_req rq = { .method = method, .path = path, .body = body,
		.content_type = strcmp(method, "PATCH") == 0 ?
		    "application/merge-patch+json" : NULL,
		.deadline_ms = num_mono_ms() + CHORE_MS };

	return kube_call(gw->kube, &rq, NULL, NULL, err);
}

static bool
write_map(struct gw *gw, const struct kept_log *log, struct err *err)
{
	AUTO_BUF struct buf path = BUF_INIT(PATH_BYTES_MAX);
	AUTO_BUF struct buf one = BUF_INIT(PATH_BYTES_MAX);
	AUTO_JSON json_object *map = kept_map(gw->conf, log);
	char name[KUBE_NAME_MAX + 1];
	enum kube_result r;

	kept_name(name, log->view->text.object);
	kube_path_core(&path, log->view->text.ns, "configmaps", NULL);
	kube_path_core(&one, log->view->text.ns, "configmaps", name);
	r = call(gw, "POST", path.data, map, err);
	/* ours of before, or of a run before this one */
	if (r == KUBE_EXISTS)
		r = call(gw, "PATCH", one.data, map, err);
	return r == KUBE_OK;
}

/*
 * The annotations come last: they say that the rest is there. Without the
 * right to make the rest, views at least have the last lines.
 */
static bool
write_log(struct gw *gw, const struct kept_log *log, struct err *err)
{
	struct err of_map = ERR_INIT;
	bool mapped = write_map(gw, log, &of_map);

	if (!mapped && (of_map.status == 503 || of_map.status == 404)) {
		*err = of_map;
		return false;
	}
	if (!mapped)
		log_warn("only the last lines of the log of %s are kept: %s",
		    log->view->text.object, of_map.msg);
	if (!chore_patch(gw, log->view, kept_notes(log), err) &&
	    err->status != 409)
		return false;
	log_info("kept the log of %s, %lld lines in all",
	    log->view->text.object, log->lines ?
	    (long long)log->lines->span.count : 0LL);
	return true;
}

/*
 * Whether all that will ever come has come, as far as can be known. What may
 * not be read, with a right that is missing, never comes.
 */
static bool
is_complete(const struct due *d, const struct tail_facts *facts)
{
	bool late = num_mono_ms() - d->since_ms > GIVE_UP_MS;

	if (!is_over(&d->app))
		return false;
	if (facts->state == TAIL_GONE)
		return late || facts->span.count > 0;
	return facts->state == TAIL_ENDED || (late &&
	    facts->state == TAIL_TROUBLE && facts->status != 503);
}

/* What is known of a driver's log, and where; false: nothing yet. */
static bool
find(const struct gw *gw, const struct due *d, const struct cache_view *v,
    struct tail_ask *ret_ask, struct tail_facts *ret, size_t *ret_place)
{
	return tail_ask_of(&v->app, &v->text, ret_ask) &&
	    tail_find(gw->tail, &ret_ask->key, ret, ret_place) &&
	    is_complete(d, ret);
}

static enum chore_end
act(struct gw *gw, const struct cache_view *v, struct buf *reason UNUSED,
    struct err *err)
{
	struct tail_copy copy = { .bytes = BUF_INIT(
	    tail_line_bytes(gw->tail)) };
	struct kept_log log = { v, &copy, gw->conf->kept_lines };
	struct due *d = due_of(&v->app);
	struct tail_facts facts;
	struct tail_ask ask;
	size_t place;
	bool done;

	if (!d || !find(gw, d, v, &ask, &facts, &place))
		return CHORE_NOTHING;
	if (!tail_lines(gw->tail, place, &facts, &copy))
		log.lines = NULL;
	done = write_log(gw, &log, err);
	d->again_ms = num_mono_ms() + (done ? AGAIN_MS : FAILED_MS);
	buf_release(&copy.bytes);
	return done ? CHORE_NOTHING : CHORE_FAILED;
}

/* One that takes long keeps no other from being read. */
static void
end_turn(struct due *d, int64_t now)
{
	if (d->turn_ms == 0)
		d->turn_ms = now;
	if (now - d->turn_ms < TURN_MS)
		return;
	d->turn_ms = 0;
	d->turns++;
	d->again_ms = now + AGAIN_MS;
}

/* The next to be asked for: who has its turn, then who had fewest. */
static struct due *
next_of(int64_t now)
{
	struct due *best = NULL;

	for (size_t i = 0; i < keep.count; i++) {
		struct due *d = &keep.due[i];

		if (d->asked || now < d->again_ms)
			continue;
		if (!best || (d->turn_ms != 0) > (best->turn_ms != 0) ||
		    ((d->turn_ms != 0) == (best->turn_ms != 0) &&
		    d->turns < best->turns))
			best = d;
	}
	return best;
}

/*
 * Asks the tailer for one, and has it written once all of it is there. Every
 * replica reads; the holder of the Lease writes, and after a while whoever
 * has lines that nobody wrote.
 */
static void
ask_for(struct chores *due, struct due *d, size_t box)
{
	AUTO_VIEW struct cache_view v = CACHE_VIEW_INIT;
	struct gw *gw = chore_gw(due);
	int64_t now = num_mono_ms();
	struct tail_facts facts;
	struct tail_ask ask = { .object = "" };
	struct err err = ERR_INIT;
	size_t place;
	bool complete;

	if (cache_get(gw->cache, d->app.kind, d->app.id, &v) != CACHE_FOUND)
		return;
	complete = find(gw, d, &v, &ask, &facts, &place);
	if (*ask.object)
		tail_ask(gw->tail, box, &ask);
	if (!complete) {
		end_turn(d, now);
		return;
	}
	chore_add(due, &chore_keep, &d->app);
	if (now - d->since_ms > OTHERS_MS && facts.span.count > 0 &&
	    act(gw, &v, NULL, &err) == CHORE_FAILED)
		d->again_ms = now + AGAIN_MS;
}

static void
end(struct chores *due)
{
	size_t last = tail_boxes(chore_gw(due)->tail), kept = 0;
	int64_t now = num_mono_ms();

	for (size_t i = 0; i < keep.count; i++)
		if (keep.due[i].seen)
			keep.due[kept++] = keep.due[i];
	keep.count = kept;
	for (size_t used = 0; used < TAIL_BOXES_MORE; used++) {
		struct due *d = next_of(now);

		if (!d)
			break;
		d->asked = true;
		ask_for(due, d, last - 1 - used);
	}
}

/*
 * What a driver that has ended, or is being ended, wrote last is read by the
 * tailer and kept in the cluster (kept.h). Both writes may be repeated.
 */
const struct chore chore_keep = { .begin = begin, .look = look, .end = end,
	.act = act };

#include "config.h"

#include "admit.h"
#include "buf.h"
#include "chore.h"
#include "conf.h"
#include "err.h"
#include "gw.h"
#include "jv.h"
#include "kube.h"
#include "livy.h"
#include "num.h"
#include "tally.h"

#define LET_GO_MS 30000	/* longest that the watch is believed to be late */
#define LET_GO_MAX 64
#define WAITING_MAX 512	/* namespaces and teams together; others in a while */

/*
 * The one that has waited longest in a namespace for its team: one team at
 * its limit holds up no other.
 */
struct waiting {
	uint32_t ns, team;
	enum app_kind kind;
	int32_t id;
};

/* One that we let go, until the watch tells of it. */
struct let_go {
	enum app_kind kind;
	int32_t id;
	uint32_t ns, team;
	int64_t at_ms;		/* monotonic */
	bool shown;		/* as waiting, in this look */
};

/* Of the leader process, of which a replica has one. */
static struct {
	struct waiting waiting[WAITING_MAX];
	size_t waiting_count;
	struct let_go let_go[LET_GO_MAX];
	size_t let_go_count;
	int64_t next_ms;	/* monotonic: not before */
} queue;

static bool
was_let_go(const struct app *app)
{
	for (size_t i = 0; i < queue.let_go_count; i++)
		if (queue.let_go[i].id == app->id &&
		    queue.let_go[i].kind == app->kind)
			return queue.let_go[i].shown = true;
	return false;
}

/* Forgets those that wait no more, and those that wait again or still. */
static void
let_go_sweep(void)
{
	size_t kept = 0;

	for (size_t i = 0; i < queue.let_go_count; i++)
		if (queue.let_go[i].shown && num_mono_ms() -
		    queue.let_go[i].at_ms < LET_GO_MS) {
			queue.let_go[kept] = queue.let_go[i];
			queue.let_go[kept++].shown = false;
		}
	queue.let_go_count = kept;
}

static void
begin(struct chores *due UNUSED)
{
	queue.waiting_count = 0;
}

/* In the order in which they go, unless the API server refuses one. */
static bool
look(struct chores *due, const struct app *app)
{
	struct waiting *w = queue.waiting;

	if (!app->waits || app_ended(app))
		return false;
	if (was_let_go(app) || chore_is_stuck(due, &chore_admit, app))
		return true;
	while (w < queue.waiting + queue.waiting_count &&
	    (w->ns != app->ns_hash || w->team != app->team_hash))
		w++;
	if (w == queue.waiting + queue.waiting_count &&
	    queue.waiting_count < ARRAY_LEN(queue.waiting)) {
		queue.waiting_count++;
		*w = (struct waiting){ app->ns_hash, app->team_hash,
			app->kind, app->id };
	}
	return true;
}

static void
end(struct chores *due)
{
	static struct tally tally;	/* too much for a stack */
	const struct waiting *w = queue.waiting;
	bool whole = queue.waiting_count > 0 &&
	    admit_count(chore_gw(due), &tally);

	for (size_t i = 0; whole && i < queue.let_go_count; i++)
		if (queue.let_go[i].shown)	/* the cache has it waiting */
			tally_add(&tally, queue.let_go[i].ns,
			    queue.let_go[i].team, /* waits= */ false);
	let_go_sweep();
	if (!whole || num_mono_ms() < queue.next_ms ||
	    queue.let_go_count == LET_GO_MAX)
		return;
	for (size_t i = 0; i < queue.waiting_count; i++, w++)
		if (tally_may_go(&tally, w->ns, w->team)) {
			chore_add(due, &chore_admit, &(struct app){
			    .kind = w->kind, .id = w->id });
			tally_add(&tally, w->ns, w->team, /* waits= */ false);
		}
}

/*
 * It as it is at the API server: what was stopped a moment ago still waits in
 * the cache, and nobody would stop it a second time. *ret_new is NULL if it
 * is gone.
 */
static bool
fetch(struct gw *gw, const struct cache_view *v, json_object **ret_new,
    struct err *err)
{
	AUTO_BUF struct buf path = BUF_INIT(1024);
	struct kube_req rq = { .method = "GET",
		.deadline_ms = num_mono_ms() + CHORE_MS };
	enum kube_result r;

	kube_path_apps(&path, v->text.ns, v->text.object);
	rq.path = path.data;
	r = kube_call(gw->kube, &rq, ret_new, NULL, err);
	return r == KUBE_OK || r == KUBE_NOT_FOUND;
}

/* Lets it go, unless something else becomes of it meanwhile. */
static bool
let_it_go(struct gw *gw, const struct cache_view *v, json_object *obj,
    struct err *err)
{
	json_object *notes;
	json_object *body = chore_patch_body(v, /* suspend: */ false, &notes);

	jv_set_str(jv_member(body, "metadata"), "resourceVersion",
	    jv_str(obj, "metadata.resourceVersion"));
	json_object_object_add(notes, ANNOTATION_WAITS, NULL);
	chore_set_now(notes, ANNOTATION_ADMITTED);
	return chore_patch(gw, v, body, err);
}

static enum chore_end
act(struct gw *gw, const struct cache_view *v, struct buf *reason UNUSED,
    struct err *err)
{
	AUTO_JSON json_object *obj = NULL;
	struct err ignored = ERR_INIT;
	struct app_text text;
	struct app app;
	bool waits;

	/* in another round; one look may ask for several queues */
	if (num_mono_ms() < queue.next_ms || queue.let_go_count == LET_GO_MAX)
		return CHORE_NOTHING;
	if (!fetch(gw, v, &obj, err))
		return CHORE_FAILED;
	waits = obj && livy_app(obj, gw->conf->gateway, &app, &text,
	    &ignored) && app.waits && !app_ended(&app);
	if (waits && !let_it_go(gw, v, obj, err))
		return CHORE_FAILED;
	queue.next_ms = num_mono_ms() + gw->conf->admission_pace_ms;
	queue.let_go[queue.let_go_count++] = (struct let_go){ v->app.kind,
		v->app.id, v->app.ns_hash, v->app.team_hash, num_mono_ms(),
		true };
	return waits ? CHORE_DONE : CHORE_NOTHING;
}

/* Lets waiting applications go where there is room, at a set pace. */
const struct chore chore_admit = { .step = AUDIT_RESUMED, .begin = begin,
	.look = look, .end = end, .act = act };

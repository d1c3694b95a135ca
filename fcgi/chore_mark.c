#include "config.h"

#include "buf.h"
#include "cache.h"
#include "chore.h"
#include "conf.h"
#include "err.h"
#include "gw.h"
#include "jv.h"
#include "num.h"
#include "tail.h"

#define MARKS_MAX 256
#define ROUND 8			/* marks of one look */
#define BYTES (1u << 20)	/* of a log after which one is due in any case, */
#define BYTES_MS 1000		/* or if somebody asks, but so often at most */

/* When a mark of that log was last seen to change, or was written here. */
struct marked {
	enum app_kind kind;
	int32_t id;		/* -1 = free */
	uint32_t run;
	int64_t line;
	int64_t asked_line;	/* a later one was asked for; -1 = not */
	uint64_t end;		/* of the log's bytes, then */
	int64_t at_ms;		/* monotonic */
};

/* One that is due. */
struct mark {
	struct app app;
	struct tail_facts facts;
	bool ask;		/* for another replica's */
};

/* Of the leader process, of which a replica has one. */
static struct {
	struct marked marked[MARKS_MAX];
	size_t next;		/* to be forgotten */
	size_t count;
	struct mark due[ROUND];
	size_t due_count;
} marks;

static struct marked *
marked_of(const struct app *app)
{
	struct marked *m;

	for (size_t i = 0; i < marks.count; i++) {
		m = &marks.marked[i];
		if (m->id == app->id && m->kind == app->kind &&
		    m->run == app->pod_run)
			return m;
	}
	if (marks.count < MARKS_MAX)
		m = &marks.marked[marks.count++];
	else
		m = &marks.marked[marks.next++ % MARKS_MAX];
	*m = (struct marked){ .kind = app->kind, .id = app->id,
		.run = app->pod_run, .line = -1, .asked_line = -1 };
	return m;
}

static bool
read_here(struct gw *gw, const struct app *app, struct tail_facts *ret)
{
	struct tail_key key = { .kind = app->kind, .id = app->id,
		.run = app->pod_run };
	size_t place;

	memcpy(key.uid, app->uid, sizeof key.uid);
	return tail_find(gw->tail, &key, ret, &place);
}

/* Between lines: a part of one has no number. */
static bool
is_place(const struct tail_facts *facts)
{
	return facts->place.stamp_ns > 0 && facts->place.part == 0 &&
	    facts->span.count <= INT32_MAX;
}

static void
begin(struct chores *due UNUSED)
{
	marks.due_count = 0;
}

static bool
write_mark(struct gw *gw, const struct cache_view *v, const struct mark *one,
    struct err *err)
{
	const struct tail_facts *f = &one->facts;
	const struct app *app = &one->app;
	json_object *notes;
	json_object *body = chore_notes_body(v, &notes);
	char text[80];

	if (one->ask)	/* what is there stays, for who reads it meanwhile */
		snprintf(text, sizeof text, "%u %lld %u %lld ?",
		    (unsigned)app->mark_run, (long long)app->mark_ns,
		    (unsigned)app->mark_same, (long long)app->mark_line);
	else
		snprintf(text, sizeof text, "%u %lld %llu %lld",
		    (unsigned)f->key.run, (long long)f->place.stamp_ns,
		    (unsigned long long)f->place.same,
		    (long long)f->span.count);
	jv_set_str(notes, ANNOTATION_MARK, text);
	return chore_patch(gw, v, body, err);
}

/*
 * Whether a mark is due of a log that this replica follows and no longer
 * holds all of: nodes keep more of one than that, 10 MiB by default.
 */
static bool
is_due(struct gw *gw, const struct app *app, const struct tail_facts *f,
    const struct marked *m, int64_t now)
{
	bool asked = app->mark_asked && f->span.count > app->mark_line;

	if (f->state != TAIL_LIVE || f->span.first == 0 || !is_place(f) ||
	    (f->span.count <= m->line && !asked))
		return false;
	return m->at_ms == 0 || now - m->at_ms >= gw->conf->log_mark_ms ||
	    ((asked || f->span.end - m->end >= BYTES) &&
	    now - m->at_ms >= BYTES_MS);
}

static bool
look(struct chores *due, const struct app *app)
{
	struct gw *gw = chore_gw(due);
	int64_t now = num_mono_ms();
	struct mark *one = &marks.due[marks.due_count];
	struct marked *m;

	if (marks.due_count == ROUND || !app->pod_started ||
	    app->pod_run == 0 || app->exit_code >= 0 || app_ended(app) ||
	    !read_here(gw, app, &one->facts) ||
	    (one->facts.span.first == 0 && !one->facts.unsure))
		return false;
	m = marked_of(app);
	if (app->mark_run == app->pod_run && app->mark_line > m->line) {
		m->line = app->mark_line;
		m->end = one->facts.span.end;
		m->at_ms = now;
	}
	/*
	 * Once: the tailer may not have been told yet of the answer, nor the
	 * cache of the question, which would then be put over its answer.
	 */
	one->ask = one->facts.unsure && !app->mark_asked &&
	    app->mark_run == app->pod_run &&
	    app->mark_line <= one->facts.unsure_line &&
	    m->asked_line < one->facts.unsure_line;
	if (one->ask || is_due(gw, app, &one->facts, m, now)) {
		one->app = *app;
		marks.due_count++;
	}
	return false;
}

/* Whoever counts writes, whichever replica leads: no other knows. */
static void
end(struct chores *due)
{
	struct gw *gw = chore_gw(due);

	for (size_t i = 0; i < marks.due_count; i++) {
		AUTO_VIEW struct cache_view v = CACHE_VIEW_INIT;
		const struct mark *one = &marks.due[i];
		struct marked *m = marked_of(&one->app);
		struct err err = ERR_INIT;

		m->at_ms = num_mono_ms();	/* of a failure, too */
		if (cache_get(gw->cache, one->app.kind, one->app.id, &v) !=
		    CACHE_FOUND || !write_mark(gw, &v, one, &err))
			continue;
		if (one->ask) {
			m->asked_line = one->facts.unsure_line;
			continue;
		}
		m->line = one->facts.span.count;
		m->end = one->facts.span.end;
	}
}

/*
 * Nodes rotate long logs away, and with them the numbers of their lines. A
 * replica that has counted notes now and then how far, in an annotation, and
 * one that comes later counts from there. If that place is gone by then, it
 * puts a '?' behind the note, and who follows the log notes another. Nothing is
 * noted of short logs.
 */
const struct chore chore_mark = { .begin = begin, .look = look, .end = end };

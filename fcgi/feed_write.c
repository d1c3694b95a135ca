#include "config.h"

#include "feed_write.h"

#include <assert.h>

#include "blocks.h"
#include "feed_shm.h"
#include "num.h"

#define QUEUE_MIN 1024

/* A run in the order of storing; stale once its slot holds another one. */
struct stored {
	uint32_t place;		/* of the record */
	uint32_t slot;
	uint64_t at;
	bool output;
};

struct feed_writer {
	void *mem;
	struct feed_shm *shm;
	struct feed_layout layout;
	char *arena;
	struct blocks *blocks;
	int64_t sessions;	/* records in use */
	struct stored *queue;	/* a ring */
	size_t first, count, room;
};

static struct feed_record *
place_at(const struct feed_writer *w, uint32_t place)
{
	return (struct feed_record *)(void *)w->arena + place;
}

static uint32_t
place_of(const struct feed_writer *w, const struct feed_record *r)
{
	return (uint32_t)(r - (struct feed_record *)(void *)w->arena);
}

/*
 * The predecessor's arena stays readable unless it never became complete:
 * then the one before it still knows more.
 */
struct feed_writer *
feed_writer_new(void *mem)
{
	struct feed_writer *w = mem_alloc(sizeof *w);
	struct feed_shm *shm = mem;
	uint32_t view = atomic_load(&shm->view);
	bool whole = atomic_load(&shm->complete);
	uint32_t next = whole ? view + 1 : view + 2;

	w->mem = mem;
	w->shm = shm;
	feed_layout(&w->layout, shm->sessions, shm->bytes);
	w->arena = feed_arena(mem, &w->layout, next);
	/* readers may be in it: tell them before and after it is emptied */
	if (!whole) {
		atomic_store(&shm->view, next);
		next += 2;
	}
	shm_forget(w->arena, w->layout.arena);
	w->blocks = blocks_new(w->layout.bytes, FEED_RUN_MAX);
	w->room = QUEUE_MIN;
	w->queue = mem_alloc(w->room * sizeof *w->queue);
	atomic_store(&shm->complete, false);
	atomic_store(&shm->view, next);
	return w;
}

void
feed_writer_free(struct feed_writer *w)
{
	if (!w)
		return;
	blocks_free(w->blocks);
	free(w->queue);
	free(w);
}

void
feed_complete(struct feed_writer *w)
{
	uint32_t view = atomic_load(&w->shm->view);

	if (atomic_load(&w->shm->complete))
		return;
	atomic_store(&w->shm->complete, true);
	shm_forget(feed_arena(w->mem, &w->layout, view + 1),
	    w->layout.arena);
}

static struct feed_record *
find(const struct feed_writer *w, int32_t id)
{
	for (uint32_t i = 0; i < FEED_WINDOW; i++) {
		struct feed_record *r = feed_place(w->arena, &w->layout, id, i);

		if (atomic_load(&r->number) == id + 1)
			return r;
	}
	return NULL;
}

static struct feed_run *
run_of(struct feed_slot *s, bool output)
{
	return output ? &s->output : &s->code;
}

/* Inside the record's counter. */
static void
drop_run(struct feed_writer *w, struct feed_run *run)
{
	if (run->len != FEED_NONE && run->len > 0)
		blocks_give(w->blocks, run->at);
	run->len = FEED_NONE;
}

static bool
is_stale(const struct feed_writer *w, const struct stored *q)
{
	struct feed_slot *s = &place_at(w, q->place)->ring[q->slot];
	const struct feed_run *run = run_of(s, q->output);

	return s->number == 0 || run->len == FEED_NONE || run->at != q->at;
}

static void
enqueue(struct feed_writer *w, const struct stored *q)
{
	w->queue[(w->first + w->count++) % w->room] = *q;
}

/* Room for one more: stale ones are left out, or the ring grows. */
static void
queue_room(struct feed_writer *w)
{
	struct stored *old = w->queue;
	size_t first = w->first, count = w->count, room = w->room;

	if (count < room)
		return;
	w->first = w->count = 0;
	w->room = 2 * room;
	w->queue = mem_alloc(w->room * sizeof *w->queue);
	for (size_t i = 0; i < count; i++)
		if (!is_stale(w, &old[(first + i) % room]))
			enqueue(w, &old[(first + i) % room]);
	free(old);
	if (w->count < room / 2) {
		w->room = room;
		w->queue = mem_realloc(w->queue, room * sizeof *w->queue);
	}
}

static bool
slot_over(const struct feed_slot *s)
{
	return statement_state_over((enum statement_state)s->state);
}

/* Frees the oldest run of a statement that is over; false if none is left. */
static bool
evict(struct feed_writer *w)
{
	for (size_t n = w->count; n > 0; n--) {
		struct stored q = w->queue[w->first];
		struct feed_record *r = place_at(w, q.place);
		struct feed_slot *s = &r->ring[q.slot];
		uint32_t had;

		w->first = (w->first + 1) % w->room;
		w->count--;
		if (is_stale(w, &q))
			continue;
		if (!slot_over(s)) {
			enqueue(w, &q);
			continue;
		}
		/* it may be the record that is being written just now */
		had = atomic_load(&r->seq.n);
		if (!(had & 1))
			seq_write_begin(&r->seq);
		drop_run(w, run_of(s, q.output));
		s->fetch = FETCH_OVER;
		if (!(had & 1))
			seq_write_end(&r->seq);
		return true;
	}
	return false;
}

/* Inside the record's counter: keeps text as a run of the slot, if it can. */
static void
store(struct feed_writer *w, struct feed_record *r, struct feed_slot *s,
    bool output, struct jpart text)
{
	struct feed_run *run = run_of(s, output);
	size_t at;

	drop_run(w, run);
	if (!text.at || text.len == 0 || text.len > FEED_RUN_MAX)
		return;
	while (!blocks_take(w->blocks, text.len, &at))
		if (!evict(w))
			return;
	memcpy(w->arena + w->layout.strings + at, text.at, text.len);
	run->at = at;
	run->len = (uint32_t)text.len;
	queue_room(w);
	enqueue(w, &(struct stored){ place_of(w, r),
	    (uint32_t)(s - r->ring), at, output });
}

static void
put_slot(struct feed_writer *w, struct feed_record *r,
    const struct statement *st)
{
	struct feed_slot *s = &r->ring[(uint32_t)st->id % FEED_RING];
	bool was_over;

	if (s->number > st->id + 1)
		return;		/* an older one, of a long answer */
	if (s->number != st->id + 1) {
		if (s->number) {
			drop_run(w, &s->code);
			drop_run(w, &s->output);
		}
		*s = (struct feed_slot){ .number = st->id + 1,
			.code.len = FEED_NONE, .output.len = FEED_NONE };
	}
	was_over = slot_over(s);
	s->state = (uint8_t)st->state;
	if (slot_over(s) && !was_over)
		s->fetch = FETCH_TO_COME;
	memcpy(s->progress, st->progress, sizeof s->progress);
	s->started = st->started;
	s->completed = st->completed;
	/* a statement by itself does not say what of it was left out */
	if (st->output_bytes || st->output.at)
		s->output_bytes = st->output_bytes ? st->output_bytes :
		    (int64_t)st->output.len;
	if (st->code.at && s->code.len == FEED_NONE)
		store(w, r, s, /* output= */ false, st->code);
	if (st->output.at)
		store(w, r, s, /* output= */ true, st->output);
}

static void
set_reason(struct feed_record *r, const char *reason)
{
	snprintf(r->reason, sizeof r->reason, "%s", reason);
}

/* A new record for an id; NULL if there is no room. */
static struct feed_record *
make(struct feed_writer *w, int32_t id, const char *uid)
{
	if (w->sessions >= w->shm->sessions)
		return NULL;
	for (uint32_t i = 0; i < FEED_WINDOW; i++) {
		struct feed_record *r = feed_place(w->arena, &w->layout, id, i);

		if (atomic_load(&r->number))
			continue;
		w->sessions++;
		seq_write_begin(&r->seq);
		snprintf(r->uid, sizeof r->uid, "%s", uid);
		atomic_store(&r->told_ms, 0);
		seq_write_end(&r->seq);
		return r;
	}
	return NULL;
}

bool
feed_put(struct feed_writer *w, int32_t id, const char *uid,
    const struct agent_state *say)
{
	struct feed_record *r = find(w, id);
	struct statement st;
	struct jpart one;
	size_t cursor = 0;

	if (r && strcmp(r->uid, uid) != 0) {
		feed_remove(w, id);
		r = NULL;
	}
	if (!r)
		r = make(w, id, uid);
	if (!r)
		return false;
	seq_write_begin(&r->seq);
	while (jscan_element(say->changed, &cursor, &one))
		if (agent_say_statement(one, &st))
			put_slot(w, r, &st);
	r->total = say->total;
	set_reason(r, say->reason);
	memcpy(r->instance, say->instance, sizeof r->instance);
	atomic_store(&r->next, say->next);
	atomic_store(&r->state, (int32_t)say->state);
	atomic_store(&r->told_ms, num_mono_ms());
	atomic_store(&r->number, id + 1);
	seq_write_end(&r->seq);
	return true;
}

void
feed_put_state(struct feed_writer *w, int32_t id, enum livy_state state,
    const char *reason)
{
	struct feed_record *r = find(w, id);

	if (!r)
		return;
	seq_write_begin(&r->seq);
	set_reason(r, reason);
	atomic_store(&r->state, (int32_t)state);
	seq_write_end(&r->seq);
}

void
feed_put_statement(struct feed_writer *w, int32_t id,
    const struct statement *s)
{
	struct feed_record *r = find(w, id);

	if (!r || s->id >= atomic_load(&r->next))
		return;
	seq_write_begin(&r->seq);
	put_slot(w, r, s);
	seq_write_end(&r->seq);
}

static void
move_fetch(struct feed_writer *w, int32_t id, int32_t sid,
    enum feed_fetch from, enum feed_fetch to)
{
	struct feed_record *r = find(w, id);
	struct feed_slot *s = r ? &r->ring[(uint32_t)sid % FEED_RING] : NULL;

	if (!s || s->number != sid + 1 || s->fetch != from)
		return;
	seq_write_begin(&r->seq);
	s->fetch = (uint8_t)to;
	seq_write_end(&r->seq);
}

void
feed_fetch_begin(struct feed_writer *w, int32_t id, int32_t sid)
{
	move_fetch(w, id, sid, FETCH_TO_COME, FETCH_UNDER_WAY);
}

void
feed_fetch_over(struct feed_writer *w, int32_t id, int32_t sid)
{
	move_fetch(w, id, sid, FETCH_UNDER_WAY, FETCH_OVER);
}

void
feed_remove(struct feed_writer *w, int32_t id)
{
	struct feed_record *r = find(w, id);

	if (!r)
		return;
	seq_write_begin(&r->seq);
	atomic_store(&r->number, 0);
	for (size_t i = 0; i < FEED_RING; i++) {
		struct feed_slot *s = &r->ring[i];

		if (!s->number)
			continue;
		drop_run(w, &s->code);
		drop_run(w, &s->output);
		s->number = 0;
	}
	seq_write_end(&r->seq);
	w->sessions--;
}

static bool
lacks(const struct feed_slot *s)
{
	return s->code.len == FEED_NONE || (slot_over(s) &&
	    s->output.len == FEED_NONE && s->output_bytes > 0 &&
	    s->output_bytes <= FEED_RUN_MAX);
}

int32_t
feed_missing(const struct feed_writer *w, int32_t id)
{
	const struct feed_record *r = find(w, id);
	const struct feed_slot *newest = NULL;

	for (size_t i = 0; r && i < FEED_RING; i++) {
		const struct feed_slot *s = &r->ring[i];

		if (s->number && s->fetch == FETCH_TO_COME && lacks(s) &&
		    (!newest || s->number > newest->number))
			newest = s;
	}
	return newest ? newest->number - 1 : -1;
}

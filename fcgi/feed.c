#include "config.h"

#include "feed.h"

#include <assert.h>
#include <unistd.h>

#include "feed_shm.h"
#include "num.h"

#define TRIES 64	/* of a read whose record keeps changing */
#define ALIGN 65536	/* arenas: the largest page size there is */
#define WAIT_STEP_US 300

struct feed {
	void *mem;
	struct feed_shm *shm;
	struct feed_layout layout;
	int poke;
};

static size_t
aligned(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

void
feed_layout(struct feed_layout *ret, int64_t sessions, int64_t bytes)
{
	struct feed_layout l = { .places = 2 * FEED_WINDOW };

	while (l.places < 2 * sessions)
		l.places *= 2;
	l.bytes = aligned((size_t)bytes, FEED_RUN_MAX);
	l.stamps = aligned(sizeof(struct feed_shm), 64);
	l.first = aligned(l.stamps +
	    l.places * sizeof(struct feed_stamp_record), ALIGN);
	l.strings = aligned(l.places * sizeof(struct feed_record), 4096);
	l.arena = aligned(l.strings + l.bytes, ALIGN);
	*ret = l;
}

size_t
feed_size(int64_t sessions, int64_t bytes)
{
	struct feed_layout l;

	feed_layout(&l, sessions, bytes);
	return l.first + 2 * l.arena;
}

void
feed_format(void *mem, int64_t sessions, int64_t bytes)
{
	struct feed_shm *shm = mem;

	shm->magic = FEED_MAGIC;
	shm->version = FEED_VERSION;
	shm->sessions = sessions;
	shm->bytes = bytes;
}

struct feed *
feed_open(void *mem, int poke)
{
	struct feed *f = mem_alloc(sizeof *f);

	f->mem = mem;
	f->shm = mem;
	f->poke = poke;
	assert(f->shm->magic == FEED_MAGIC &&
	    f->shm->version == FEED_VERSION);
	feed_layout(&f->layout, f->shm->sessions, f->shm->bytes);
	return f;
}

void
feed_close(struct feed *f)
{
	free(f);
}

static struct feed_record *
find(const struct feed *f, uint32_t which, int32_t id)
{
	char *arena = feed_arena(f->mem, &f->layout, which);
	struct feed_record *r;

	for (uint32_t i = 0; i < FEED_WINDOW; i++) {
		r = feed_place(arena, &f->layout, id, i);
		if (atomic_load(&r->number) == id + 1)
			return r;
	}
	return NULL;
}

/* What of a record one read copies out, all at one moment. */
struct copy {
	int32_t state, next, total;
	int64_t told_ms;
	char uid[UID_MAX];
	char reason[AGENT_REASON_MAX + 1];
	char instance[AGENT_INSTANCE_MAX + 1];
	struct feed_slot slot;
};

static bool
run_is_inside(const struct feed *f, struct feed_run run)
{
	return run.len != FEED_NONE && run.len <= FEED_RUN_MAX &&
	    run.at <= f->layout.bytes && run.len <= f->layout.bytes - run.at;
}

/* Appends a run's bytes; ret->at is set once strings no longer moves. */
static void
copy_run(const struct feed *f, const char *arena, struct feed_run run,
    struct buf *strings, struct jpart *ret)
{
	char *room = run_is_inside(f, run) ?
	    buf_room(strings, run.len) : NULL;

	*ret = (struct jpart){ NULL, 0 };
	if (!room)
		return;
	memcpy(room, arena + f->layout.strings + run.at, run.len);
	buf_wrote(strings, run.len);
	ret->len = run.len;
}

/*
 * Reads a record, and a statement of it if strings is there. False if it is
 * another's by now, or could not be read whole.
 */
static bool
read_record(const struct feed *f, const char *arena,
    const struct feed_record *r, int32_t id, int32_t sid, struct copy *copy,
    struct statement *ret, struct buf *strings)
{
	struct jpart code, output;
	bool ours;
	uint32_t n;

	do {
		n = seq_read_begin(&r->seq);
		ours = atomic_load(&r->number) == id + 1;
		copy->state = atomic_load(&r->state);
		copy->next = atomic_load(&r->next);
		copy->total = r->total;
		copy->told_ms = atomic_load(&r->told_ms);
		memcpy(copy->uid, r->uid, sizeof copy->uid);
		if (!strings) {
			memcpy(copy->reason, r->reason, sizeof copy->reason);
			memcpy(copy->instance, r->instance,
			    sizeof copy->instance);
			continue;
		}
		copy->slot = r->ring[(uint32_t)sid % FEED_RING];
		buf_clear(strings);
		if (copy->slot.number != sid + 1)
			continue;
		copy_run(f, arena, copy->slot.code, strings, &code);
		copy_run(f, arena, copy->slot.output, strings, &output);
	} while (seq_read_retry(&r->seq, n));
	copy->uid[UID_MAX - 1] = '\0';
	copy->reason[AGENT_REASON_MAX] = '\0';
	copy->instance[AGENT_INSTANCE_MAX] = '\0';
	if (!ours || seq_is_torn(n))
		return false;
	if (!strings || copy->slot.number != sid + 1)
		return true;
	*ret = (struct statement){ .id = sid,
		.state = copy->slot.state <= STATEMENT_CANCELLED ?
		    (enum statement_state)copy->slot.state : STATEMENT_WAITING,
		.started = copy->slot.started,
		.completed = copy->slot.completed,
		.output_bytes = copy->slot.output_bytes };
	memcpy(ret->progress, copy->slot.progress, AGENT_PROGRESS_MAX - 1);
	if (code.len > 0)
		ret->code = (struct jpart){ strings->data, code.len };
	if (output.len > 0)
		ret->output = (struct jpart){ strings->data + code.len,
			output.len };
	return true;
}

/*
 * Which arenas are there to be read. An arena is emptied only after this has
 * changed, and never while it is the one in use: what was read in between
 * two equal ones was nobody's to empty.
 */
static uint64_t
moment(const struct feed *f)
{
	uint64_t view;

	atomic_thread_fence(memory_order_acquire);
	view = atomic_load(&f->shm->view);
	return view << 1 | atomic_load(&f->shm->complete);
}

/* The record of a session, this feeder's or the last one's, and its arena. */
static struct feed_record *
record(const struct feed *f, uint64_t moment, int32_t id,
    const char **ret_arena)
{
	uint32_t view = (uint32_t)(moment >> 1);
	struct feed_record *r = id >= 0 ? find(f, view, id) : NULL;

	if (!r && id >= 0 && !(moment & 1))
		r = find(f, ++view, id);
	*ret_arena = feed_arena(f->mem, &f->layout, view);
	return r;
}

bool
feed_get(struct feed *f, int32_t id, const char *uid,
    struct feed_session *ret)
{
	struct feed_record *r;
	struct copy copy = { 0 };
	const char *arena;
	uint64_t at;

	for (int i = 0; i < TRIES; i++) {
		at = moment(f);
		r = record(f, at, id, &arena);
		if ((r && !read_record(f, arena, r, id, 0, &copy, NULL,
		    NULL)) || at != moment(f))
			continue;
		if (!r || strcmp(copy.uid, uid) != 0)
			return false;
		*ret = (struct feed_session){
			.state = (enum livy_state)copy.state,
			.next = copy.next, .total = copy.total,
			.told_ms = copy.told_ms };
		memcpy(ret->reason, copy.reason, sizeof ret->reason);
		memcpy(ret->instance, copy.instance, sizeof ret->instance);
		return ret->state <= LIVY_SUCCESS;
	}
	return false;
}

static struct feed_stamp_record *
stamp_place(const struct feed *f, int32_t id, uint32_t i)
{
	struct feed_stamp_record *s = (struct feed_stamp_record *)(void *)
	    ((char *)f->mem + f->layout.stamps);

	return &s[((uint32_t)id + i) & (f->layout.places - 1)];
}

/* The stamps of a session, NULL if it has none and none are to be made. */
static struct feed_stamp_record *
stamps(const struct feed *f, int32_t id, bool make)
{
	struct feed_stamp_record *s;
	int32_t nobody = 0;

	for (uint32_t i = 0; i < FEED_WINDOW; i++) {
		s = stamp_place(f, id, i);
		if (atomic_load(&s->number) == id + 1)
			return s;
	}
	for (uint32_t i = 0; make && i < FEED_WINDOW; i++, nobody = 0) {
		s = stamp_place(f, id, i);
		if (atomic_compare_exchange_strong(&s->number, &nobody,
		    id + 1))
			return s;
	}
	return NULL;
}

/*
 * No counter is needed for these: what is written last is as good as what
 * was written before, and each is read on its own.
 */
bool
feed_get_state(struct feed *f, int32_t id, const char *uid,
    enum livy_state *ret)
{
	struct feed_stamp_record *s = NULL;
	struct feed_record *r;
	const char *arena;
	int32_t state = -1, next = 0;
	uint64_t at;

	do {
		at = moment(f);
		r = record(f, at, id, &arena);
		if (r && strncmp(r->uid, uid, UID_MAX) != 0)
			r = NULL;
		if (r) {
			state = atomic_load(&r->state);
			next = atomic_load(&r->next);
			s = stamps(f, id, /* make= */ false);
		}
	} while (at != moment(f));
	if (!r || state < 0 || state > LIVY_SUCCESS)
		return false;
	*ret = (enum livy_state)state;
	if (*ret == LIVY_IDLE && s && atomic_load(&s->posted) > next)
		*ret = LIVY_BUSY;
	return true;
}

/* Whether the feeder fetches the output, and the news of it are fresh. */
static bool
comes_soon(const struct copy *copy, const struct statement *s)
{
	return copy->slot.fetch != FETCH_OVER && s->code.at &&
	    statement_over(s) && s->output_bytes <= FEED_RUN_MAX &&
	    num_mono_ms() - copy->told_ms < FEED_FETCH_MS;
}

static enum feed_found
look(struct feed *f, int32_t id, const char *uid, int32_t sid,
    struct statement *ret, struct buf *strings, bool *ret_comes)
{
	struct feed_record *r;
	struct copy copy;
	const char *arena;
	uint64_t at;

	*ret_comes = false;
	for (int i = 0; i < TRIES && sid >= 0 && sid < ID_MAX; i++) {
		memset(&copy, 0, sizeof copy);
		at = moment(f);
		r = record(f, at, id, &arena);
		if ((r && !read_record(f, arena, r, id, sid, &copy, ret,
		    strings)) || at != moment(f))
			continue;
		if (!r || copy.slot.number != sid + 1 ||
		    strcmp(copy.uid, uid) != 0)
			return FEED_ABSENT;
		if (ret->code.at && (ret->output.at ||
		    ret->output_bytes == 0))
			return FEED_WHOLE;
		*ret_comes = comes_soon(&copy, ret);
		return FEED_PART;
	}
	return FEED_ABSENT;
}

enum feed_found
feed_statement(struct feed *f, int32_t id, const char *uid, int32_t sid,
    struct statement *ret, struct buf *strings)
{
	bool comes;

	return look(f, id, uid, sid, ret, strings, &comes);
}

/*
 * Whether a statement was posted here just now and the agent's word of it is
 * still on its way.
 */
static bool
is_awaited(const struct feed *f, int32_t id)
{
	struct feed_stamp_record *s = stamps(f, id, /* make= */ false);
	const char *arena;
	struct feed_record *r;

	if (!s || num_mono_ms() - atomic_load(&s->posted_ms) >= FEED_FETCH_MS)
		return false;
	r = record(f, moment(f), id, &arena);
	return r && atomic_load(&s->posted) > atomic_load(&r->next);
}

enum feed_found
feed_statement_soon(struct feed *f, int32_t id, const char *uid, int32_t sid,
    int64_t until_ms, struct statement *ret, struct buf *strings)
{
	const struct timespec step = { .tv_nsec = WAIT_STEP_US * 1000 };
	enum feed_found found;
	bool comes;

	do {
		/* before the look: what is told in between is seen by it */
		bool awaited = is_awaited(f, id);

		found = look(f, id, uid, sid, ret, strings, &comes);
		if (found == FEED_WHOLE ||
		    !(found == FEED_PART ? comes : awaited))
			break;
		nanosleep(&step, NULL);
	} while (num_mono_ms() < until_ms);
	return found;
}

bool
feed_get_soon(struct feed *f, int32_t id, const char *uid, int64_t until_ms,
    struct feed_session *ret)
{
	const struct timespec step = { .tv_nsec = WAIT_STEP_US * 1000 };

	while (is_awaited(f, id) && num_mono_ms() < until_ms)
		nanosleep(&step, NULL);
	return feed_get(f, id, uid, ret);
}

bool
feed_stamp(struct feed *f, int32_t id, unsigned kinds)
{
	struct feed_stamp_record *s = stamps(f, id, true);
	int64_t now = num_mono_ms();
	int64_t before;

	if (!s)
		return false;
	before = atomic_load(&s->asked_ms);
	if (kinds & FEED_SEEN)
		atomic_store(&s->seen_ms, now);
	if (kinds & FEED_ASKED)
		atomic_store(&s->asked_ms, now);
	if (kinds & FEED_USED)
		atomic_store(&s->used_ms, now);
	return before && now - before < FEED_ASKED_MS;
}

void
feed_posted(struct feed *f, int32_t id, int32_t sid)
{
	struct feed_stamp_record *s = stamps(f, id, true);
	int32_t had;

	if (!s)
		return;
	atomic_store(&s->posted_ms, num_mono_ms());
	had = atomic_load(&s->posted);
	while (had <= sid &&
	    !atomic_compare_exchange_weak(&s->posted, &had, sid + 1))
		;
}

int32_t
feed_kept(struct feed *f, int32_t id)
{
	struct feed_stamp_record *s = stamps(f, id, false);

	return s ? atomic_load(&s->kept) : 0;
}

bool
feed_set_kept(struct feed *f, int32_t id, int32_t kept)
{
	struct feed_stamp_record *s = stamps(f, id, true);

	if (s)
		atomic_store(&s->kept, kept);
	return s;
}

void
feed_stamps(struct feed *f, int32_t id, struct feed_stamps *ret)
{
	struct feed_stamp_record *s = stamps(f, id, false);

	*ret = (struct feed_stamps){ 0 };
	if (!s)
		return;
	ret->seen_ms = atomic_load(&s->seen_ms);
	ret->asked_ms = atomic_load(&s->asked_ms);
	ret->used_ms = atomic_load(&s->used_ms);
	ret->posted = atomic_load(&s->posted);
}

void
feed_unstamp(struct feed *f, int32_t id)
{
	struct feed_stamp_record *s = stamps(f, id, false);

	if (!s)
		return;
	atomic_store(&s->seen_ms, 0);
	atomic_store(&s->asked_ms, 0);
	atomic_store(&s->used_ms, 0);
	atomic_store(&s->posted_ms, 0);
	atomic_store(&s->posted, 0);
	atomic_store(&s->kept, 0);
	atomic_store(&s->number, 0);
}

int32_t
feed_next_stamped(struct feed *f, uint32_t *cursor)
{
	int32_t number;

	while (*cursor < f->layout.places) {
		number = atomic_load(&stamp_place(f, 0, (*cursor)++)->number);
		if (number > 0)
			return number - 1;
	}
	return -1;
}

void
feed_poke(const struct feed *f)
{
	const uint64_t one = 1;

	/* full means that it is awake already */
	if (f->poke >= 0 && write(f->poke, &one, sizeof one) < 0)
		return;
}

void
feed_wait(struct feed *f, int32_t id, const char *uid, int64_t since_ms,
    int64_t most_ms)
{
	const struct timespec step = { .tv_nsec = WAIT_STEP_US * 1000 };
	int64_t end_ms = num_mono_ms() + most_ms;
	const char *arena;
	struct feed_record *r;

	do {
		r = record(f, moment(f), id, &arena);
		if (r && atomic_load(&r->told_ms) > since_ms &&
		    strncmp(r->uid, uid, UID_MAX) == 0)
			return;
		nanosleep(&step, NULL);
	} while (num_mono_ms() < end_ms);
}

#include "config.h"

#include "cache_write.h"

#include <assert.h>

#include "blocks.h"
#include "buf.h"
#include "cache.h"
#include "cache_shm.h"
#include "num.h"

#define DROPPED_MAX 65536	/* remembered by id; the count ends there */

struct app_key {
	enum app_kind kind;
	int32_t id;
};

struct cache_writer {
	struct cache_shm *shm;
	struct cache_layout layout;
	uint32_t which;			/* the arena that is filled */
	bool published;
	struct cache_arena *arena;
	struct cache_record *records;
	_Atomic uint32_t *names;
	char *strings;
	struct blocks *blocks;
	size_t long_bytes;		/* that long runs hold */
	uint32_t *unused;		/* records, a stack */
	uint32_t unused_count;
	struct app_key *dropped;
	size_t dropped_count;
};

/* Frees what a predecessor that died inside a counter left unreadable. */
static void
repair(struct cache_writer *w, struct cache_arena *a)
{
	struct cache_record *r = cache_records(a, &w->layout);

	for (uint32_t i = 0; i < w->layout.objects; i++)
		if (atomic_load(&r[i].seq.n) & 1) {
			r[i].used = 0;
			seq_reset(&r[i].seq);
		}
	/* readers check what index and names say against the records */
	for (int kind = 0; kind < APP_KINDS; kind++)
		seq_reset(&a->ids_seq[kind]);
	seq_reset(&a->names_seq);
}

struct cache_writer *
cache_writer_new(void *mem)
{
	struct cache_writer *w = mem_alloc(sizeof *w);
	struct cache_layout *l = &w->layout;
	uint32_t read;

	w->shm = mem;
	assert(w->shm->magic == CACHE_MAGIC &&
	    w->shm->version == CACHE_VERSION);
	cache_layout(l, w->shm->objects, w->shm->bytes);
	read = atomic_load(&w->shm->view) & 1;
	repair(w, cache_arena_at(mem, l, read));

	w->which = !read;
	w->arena = cache_arena_at(mem, l, w->which);
	shm_forget(w->arena, l->arena);
	w->records = cache_records(w->arena, l);
	w->names = cache_names(w->arena, l);
	w->strings = cache_strings(w->arena, l);
	w->blocks = blocks_new(l->bytes, CACHE_RUN_MAX);
	w->unused = mem_alloc(l->objects * sizeof *w->unused);
	for (uint32_t i = 0; i < l->objects; i++)
		w->unused[i] = l->objects - 1 - i;
	w->unused_count = l->objects;
	return w;
}

void
cache_writer_free(struct cache_writer *w)
{
	if (!w)
		return;
	blocks_free(w->blocks);
	free(w->unused);
	free(w->dropped);
	free(w);
}

/* The first of the kind's ids that is not below id. */
static uint32_t
ids_find(const struct cache_writer *w, enum app_kind kind, int32_t id)
{
	const struct cache_id *ids = cache_ids(w->arena, &w->layout, kind);
	uint32_t low = 0, high = atomic_load(&w->arena->count[kind]), mid;

	if (high > 0 && ids[high - 1].id < id)
		return high;
	while (low < high) {
		mid = low + (high - low) / 2;
		if (ids[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct cache_record *
record_find(const struct cache_writer *w, enum app_kind kind, int32_t id)
{
	uint32_t at = ids_find(w, kind, id);
	const struct cache_id *ids = cache_ids(w->arena, &w->layout, kind);

	if (at >= atomic_load(&w->arena->count[kind]) || ids[at].id != id)
		return NULL;
	return &w->records[ids[at].record];
}

static void
ids_insert(struct cache_writer *w, enum app_kind kind, int32_t id,
    uint32_t record)
{
	struct cache_id *ids = cache_ids(w->arena, &w->layout, kind);
	uint32_t at = ids_find(w, kind, id);
	uint32_t count = atomic_load(&w->arena->count[kind]);

	seq_write_begin(&w->arena->ids_seq[kind]);
	memmove(&ids[at + 1], &ids[at], (count - at) * sizeof *ids);
	ids[at] = (struct cache_id){ id, record };
	atomic_store(&w->arena->count[kind], count + 1);
	seq_write_end(&w->arena->ids_seq[kind]);
}

static void
ids_remove(struct cache_writer *w, enum app_kind kind, int32_t id)
{
	struct cache_id *ids = cache_ids(w->arena, &w->layout, kind);
	uint32_t at = ids_find(w, kind, id);
	uint32_t count = atomic_load(&w->arena->count[kind]);

	seq_write_begin(&w->arena->ids_seq[kind]);
	memmove(&ids[at], &ids[at + 1], (count - at - 1) * sizeof *ids);
	atomic_store(&w->arena->count[kind], count - 1);
	seq_write_end(&w->arena->ids_seq[kind]);
}

static void
name_link(struct cache_writer *w, struct cache_record *r)
{
	_Atomic uint32_t *head =
	    &w->names[r->name_hash & (w->layout.buckets - 1)];

	seq_write_begin(&w->arena->names_seq);
	atomic_store(&r->name_next, atomic_load(head));
	atomic_store(head, (uint32_t)(r - w->records) + 1);
	seq_write_end(&w->arena->names_seq);
}

static void
name_unlink(struct cache_writer *w, struct cache_record *r)
{
	_Atomic uint32_t *at =
	    &w->names[r->name_hash & (w->layout.buckets - 1)];
	uint32_t self = (uint32_t)(r - w->records) + 1, next;

	for (; (next = atomic_load(at)) != 0;
	    at = &w->records[next - 1].name_next) {
		if (next != self)
			continue;
		seq_write_begin(&w->arena->names_seq);
		atomic_store(at, atomic_load(&r->name_next));
		seq_write_end(&w->arena->names_seq);
		return;
	}
}

static size_t
dropped_find(const struct cache_writer *w, enum app_kind kind, int32_t id)
{
	size_t i = 0;

	while (i < w->dropped_count && (w->dropped[i].kind != kind ||
	    w->dropped[i].id != id))
		i++;
	return i;
}

static void
dropped_set(struct cache_writer *w, enum app_kind kind, int32_t id, bool is)
{
	size_t i = dropped_find(w, kind, id);

	if (is && i == w->dropped_count && i < DROPPED_MAX) {
		if ((i & (i - 1)) == 0)
			w->dropped = mem_realloc(w->dropped,
			    (i ? i * 2 : 1) * sizeof *w->dropped);
		w->dropped[w->dropped_count++] = (struct app_key){ kind, id };
	} else if (!is && i < w->dropped_count) {
		w->dropped[i] = w->dropped[--w->dropped_count];
	}
	atomic_store(&w->arena->dropped, (int64_t)w->dropped_count);
}

bool
cache_next_dropped(const struct cache_writer *w, enum app_kind *ret,
    int32_t *ret_id)
{
	if (w->dropped_count == 0)
		return false;
	*ret = w->dropped[0].kind;
	*ret_id = w->dropped[0].id;
	return true;
}

/* What a long run holds of the strings; 0 of any other. */
static size_t
long_size(size_t len)
{
	size_t size = CACHE_RUN_LONG;

	if (len <= CACHE_RUN_LONG)
		return 0;
	while (size < len)
		size *= 2;
	return size;
}

/* A few long requests leave room for what is needed of all others. */
static bool
run_take(struct cache_writer *w, size_t len, size_t *ret)
{
	size_t size = long_size(len);

	if (len > CACHE_RUN_MAX ||
	    (size && w->long_bytes + size > w->layout.bytes / 2) ||
	    !blocks_take(w->blocks, len, ret))
		return false;
	w->long_bytes += size;
	return true;
}

static void
run_give(struct cache_writer *w, size_t run, size_t len)
{
	blocks_give(w->blocks, run);
	w->long_bytes -= long_size(len);
}

/* Packs into a block of its own: whole, or brief where that has no room. */
static bool
run_new(struct cache_writer *w, const struct app_text *text,
    const struct livy_view *view, struct pack *pack, size_t *ret)
{
	pack_measure(pack, text, view, /* brief= */ false);
	if (!run_take(w, pack->len, ret)) {
		pack_measure(pack, text, NULL, /* brief= */ true);
		if (!run_take(w, pack->len, ret))
			return false;
	}
	pack_write(pack, w->strings + *ret, text, view);
	return true;
}

static void
count_partial(struct cache_writer *w, const struct cache_record *r, int by)
{
	if (r->used && !r->pack.whole)
		atomic_fetch_add(&w->arena->partial, by);
}

static void
record_write(struct cache_writer *w, struct cache_record *r,
    const struct app *app, const struct pack *pack, size_t run)
{
	bool had = r->used;
	size_t old = r->run, old_len = r->pack.len;

	count_partial(w, r, -1);
	seq_write_begin(&r->seq);
	r->app = *app;
	r->pack = *pack;
	r->run = run;
	r->used = 1;
	/* inside: who reads the old run must find the counter changed */
	if (had)
		run_give(w, old, old_len);
	seq_write_end(&r->seq);
	count_partial(w, r, 1);
}

static void
record_remove(struct cache_writer *w, struct cache_record *r)
{
	ids_remove(w, r->app.kind, r->app.id);
	name_unlink(w, r);
	count_partial(w, r, -1);
	seq_write_begin(&r->seq);
	r->used = 0;
	run_give(w, r->run, r->pack.len);
	seq_write_end(&r->seq);
	w->unused[w->unused_count++] = (uint32_t)(r - w->records);
}

bool
cache_put(struct cache_writer *w, const struct app *app,
    const struct app_text *text, const struct livy_view *view)
{
	struct cache_record *r = record_find(w, app->kind, app->id);
	uint32_t hash = cache_name_hash(app->kind, text->name);
	struct pack pack;
	size_t run;
	bool fits = run_new(w, text, view, &pack, &run);

	if (app->id >= atomic_load(&w->shm->above[app->kind]))
		atomic_store(&w->shm->above[app->kind], (int64_t)app->id + 1);
	if (r && (!fits || hash != r->name_hash)) {
		if (fits)
			run_give(w, run, pack.len);
		record_remove(w, r);
		r = NULL;
		fits = run_new(w, text, view, &pack, &run);
	}
	if (fits && !r && w->unused_count == 0) {
		run_give(w, run, pack.len);
		fits = false;
	}
	dropped_set(w, app->kind, app->id, !fits);
	if (!fits)
		return false;
	if (r) {
		record_write(w, r, app, &pack, run);
	} else {
		r = &w->records[w->unused[--w->unused_count]];
		record_write(w, r, app, &pack, run);
		r->name_hash = hash;
		if (text->name)
			name_link(w, r);
		ids_insert(w, app->kind, app->id, (uint32_t)(r - w->records));
	}
	return pack.whole || !view;
}

void
cache_remove(struct cache_writer *w, enum app_kind kind, int32_t id)
{
	struct cache_record *r = record_find(w, kind, id);

	if (r)
		record_remove(w, r);
	else
		dropped_set(w, kind, id, false);
}

void
cache_publish(struct cache_writer *w)
{
	uint32_t view = atomic_load(&w->shm->view);

	if (w->published)
		return;
	w->published = true;
	atomic_store(&w->shm->view, ((view >> 1) + 1) << 1 | w->which);
	atomic_store(&w->shm->synced, true);
	cache_spoke(w, num_mono_ms());
	/* a reader still there finds, having copied, that view has changed */
	shm_forget(cache_arena_at(w->shm, &w->layout, view), w->layout.arena);
}

void
cache_spoke(struct cache_writer *w, int64_t at_ms)
{
	if (w->published)
		atomic_store(&w->shm->spoke_ms, at_ms);
}

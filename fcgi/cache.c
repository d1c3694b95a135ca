#include "config.h"

#include "cache.h"

#include <assert.h>

#include "cache_reader.h"
#include "livy.h"
#include "num.h"
#include "own.h"

#define NAMESAKES 16	/* records looked at for one name */
#define BARE_MAX (1u << 20)	/* of a part that is made here */
#define ALIGN 65536	/* arenas: the largest page size there is */

static size_t
aligned(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

void
cache_layout(struct cache_layout *ret, int64_t objects, int64_t bytes)
{
	struct cache_layout l = { .buckets = 16 };
	size_t at = aligned(sizeof(struct cache_arena), 64);

	l.objects = (uint32_t)objects;
	l.bytes = aligned((size_t)bytes, CACHE_RUN_MAX);
	while (l.buckets < l.objects)
		l.buckets *= 2;
	l.records = at;
	at = aligned(at + l.objects * sizeof(struct cache_record), 64);
	for (int kind = 0; kind < APP_KINDS; kind++) {
		l.ids[kind] = at;
		at += l.objects * sizeof(struct cache_id);
	}
	l.names = aligned(at, 64);
	l.strings = aligned(l.names + l.buckets * sizeof(uint32_t), 4096);
	l.arena = aligned(l.strings + l.bytes, ALIGN);
	l.first = ALIGN;
	*ret = l;
}

uint32_t
cache_name_hash(enum app_kind kind, const char *name)
{
	return app_hash(name ? name : "") ^ (uint32_t)kind;
}

size_t
cache_size(int64_t objects, int64_t bytes)
{
	struct cache_layout l;

	cache_layout(&l, objects, bytes);
	return l.first + 2 * l.arena;
}

void
cache_format(void *mem, int64_t objects, int64_t bytes)
{
	struct cache_shm *shm = mem;

	shm->magic = CACHE_MAGIC;
	shm->version = CACHE_VERSION;
	shm->objects = objects;
	shm->bytes = bytes;
}

struct cache *
cache_open(void *mem, struct own *own)
{
	struct cache *c = mem_alloc(sizeof *c);

	c->mem = mem;
	c->shm = mem;
	assert(c->shm->magic == CACHE_MAGIC &&
	    c->shm->version == CACHE_VERSION);
	c->own = own;
	c->own_max = own ? own_capacity(own) : 0;
	cache_layout(&c->layout, c->shm->objects, c->shm->bytes);
	c->ids = mem_alloc(c->layout.objects * sizeof *c->ids);
	c->merged = mem_alloc((c->layout.objects + c->own_max) *
	    sizeof *c->merged);
	c->created = mem_alloc(c->own_max * sizeof *c->created);
	c->deleted = mem_alloc(c->own_max * sizeof *c->deleted);
	c->one = (struct cache_view)CACHE_VIEW_INIT;
	return c;
}

void
cache_follow(struct cache *c, struct feed *feed)
{
	c->feed = feed;
}

void
cache_close(struct cache *c)
{
	if (!c)
		return;
	cache_view_release(&c->one);
	free(c->ids);
	free(c->merged);
	free(c->created);
	free(c->deleted);
	free(c);
}

void
cache_view_release(struct cache_view *v)
{
	buf_release(&v->strings);
}

void
cache_health(const struct cache *c, struct cache_health *ret)
{
	int64_t spoke = atomic_load(&c->shm->spoke_ms);
	uint32_t view;
	struct cache_arena *a = cache_arena_now(c, &view);

	*ret = (struct cache_health){
		.synced = atomic_load(&c->shm->synced),
		.age_ms = spoke ? num_mono_ms() - spoke : -1,
		.dropped = atomic_load(&a->dropped),
		.partial = atomic_load(&a->partial),
	};
	for (int kind = 0; kind < APP_KINDS; kind++)
		ret->objects += atomic_load(&a->count[kind]);
}

bool
cache_synced(const struct cache *c)
{
	return atomic_load(&c->shm->synced);
}

/*
 * The record of an id; false if it is not in the index, or, with *ret_torn,
 * if the writer has not been let finish for long: it is starved or dead.
 */
static bool
ids_find(const struct cache *c, struct cache_arena *a, enum app_kind kind,
    int32_t id, uint32_t *ret, bool *ret_torn)
{
	const struct cache_id *ids = cache_ids(a, &c->layout, kind);
	uint32_t n, low, high, mid;
	bool found;

	do {
		n = seq_read_begin(&a->ids_seq[kind]);
		low = 0;
		high = cache_ids_count(c, a, kind);
		found = false;
		while (low < high && !found) {
			mid = low + (high - low) / 2;
			found = ids[mid].id == id;
			*ret = ids[mid].record;
			if (ids[mid].id < id)
				low = mid + 1;
			else
				high = mid;
		}
	} while (seq_read_retry(&a->ids_seq[kind], n));
	*ret_torn = seq_is_torn(n);
	return found && !*ret_torn && *ret < c->layout.objects;
}

/*
 * Copies out a record, and its strings unless ret is NULL. False if it is
 * not used, or nothing sane could be read.
 */
static bool
record_read(const struct cache *c, struct cache_arena *a, uint32_t record,
    struct cache_record *copy, struct cache_view *ret)
{
	const struct cache_record *r =
	    &cache_records(a, &c->layout)[record];
	const char *strings = cache_strings(a, &c->layout);
	bool sane;
	char *room;
	uint32_t n;

	do {
		n = seq_read_begin(&r->seq);
		memcpy(copy, r, sizeof *copy);
		sane = copy->used && cache_run_is_inside(c, copy);
		if (!sane || !ret)
			continue;
		buf_clear(&ret->strings);
		room = buf_room(&ret->strings, copy->pack.len);
		sane = room != NULL;
		if (room) {
			memcpy(room, strings + copy->run, copy->pack.len);
			buf_wrote(&ret->strings, copy->pack.len);
		}
	} while (seq_read_retry(&r->seq, n));
	if (!sane || seq_is_torn(n))
		return false;
	cache_merge_feed(c, &copy->app);
	if (!ret)
		return true;
	ret->app = copy->app;
	return pack_read(&copy->pack, ret);
}

/* What the watcher knows of an id. */
static bool
watched(const struct cache *c, enum app_kind kind, int32_t id,
    struct cache_record *copy, struct cache_view *ret)
{
	struct cache_arena *a;
	uint32_t view, record;
	bool found = false, torn;

	for (int i = 0; i < CACHE_TRIES && !found; i++) {
		a = cache_arena_now(c, &view);
		if (ids_find(c, a, kind, id, &record, &torn))
			found = record_read(c, a, record, copy, ret) &&
			    copy->app.kind == kind && copy->app.id == id;
		else if (!torn && !cache_moved(c, view))
			return false;
		found = found && !cache_moved(c, view);
	}
	return found;
}

static enum own_op
own_write(struct cache *c, enum app_kind kind, int32_t id,
    struct cache_view *ret)
{
	return c->own ? own_find(c->own, kind, id, ret) : OWN_NONE;
}

/*
 * Own writes are asked before the watcher's: it settles one only when the
 * cache already tells the same, so what is missed first is found second.
 */
enum cache_found
cache_get(struct cache *c, enum app_kind kind, int32_t id,
    struct cache_view *ret)
{
	struct cache_record copy;
	enum own_op op = own_write(c, kind, id, NULL);

	if (op == OWN_DELETED)
		return CACHE_DELETED;
	if (watched(c, kind, id, &copy, ret))
		return CACHE_FOUND;
	if (op == OWN_NONE)
		return CACHE_ABSENT;
	op = own_write(c, kind, id, ret);
	if (op == OWN_CREATED)
		return CACHE_FOUND;
	if (op == OWN_DELETED)
		return CACHE_DELETED;
	return watched(c, kind, id, &copy, ret) ? CACHE_FOUND : CACHE_ABSENT;
}

enum cache_found
cache_get_app(struct cache *c, enum app_kind kind, int32_t id,
    struct app *ret)
{
	struct cache_record copy;
	enum cache_found found;
	enum own_op op = own_write(c, kind, id, NULL);

	if (op == OWN_DELETED)
		return CACHE_DELETED;
	if (watched(c, kind, id, &copy, NULL)) {
		*ret = copy.app;
		return CACHE_FOUND;
	}
	if (op == OWN_NONE)
		return CACHE_ABSENT;
	found = cache_get(c, kind, id, &c->one);
	if (found == CACHE_FOUND)
		*ret = c->one.app;
	return found;
}

enum cache_found
cache_get_state(struct cache *c, enum app_kind kind, int32_t id,
    enum livy_state *ret)
{
	struct app app;
	enum cache_found found = cache_get_app(c, kind, id, &app);

	if (found == CACHE_FOUND)
		*ret = app.state;
	return found;
}

/* Records whose name has this hash; how many, at most NAMESAKES. */
static size_t
namesakes(const struct cache *c, struct cache_arena *a, uint32_t hash,
    uint32_t ret[NAMESAKES])
{
	const struct cache_record *records = cache_records(a, &c->layout);
	_Atomic uint32_t *bucket =
	    &cache_names(a, &c->layout)[hash & (c->layout.buckets - 1)];
	uint32_t n, at;
	size_t found;

	do {
		n = seq_read_begin(&a->names_seq);
		found = 0;
		at = atomic_load(bucket);
		for (uint32_t steps = 0; at != 0 && at <= c->layout.objects &&
		    steps < c->layout.objects && found < NAMESAKES; steps++) {
			if (records[at - 1].name_hash == hash)
				ret[found++] = at - 1;
			at = atomic_load(&records[at - 1].name_next);
		}
	} while (seq_read_retry(&a->names_seq, n));
	return seq_is_torn(n) ? 0 : found;
}

/* The id the watcher knows under a name, leaving out what we deleted. */
static enum cache_found
watched_name(struct cache *c, enum app_kind kind, const char *name,
    struct cache_view *ret)
{
	uint32_t hash = cache_name_hash(kind, name), record[NAMESAKES], view;
	enum cache_found found = CACHE_ABSENT;
	struct cache_record copy;
	struct cache_arena *a;
	size_t n;

	for (int i = 0; i < CACHE_TRIES; i++) {
		a = cache_arena_now(c, &view);
		n = namesakes(c, a, hash, record);
		for (size_t j = 0; j < n; j++) {
			if (!record_read(c, a, record[j], &copy, ret) ||
			    copy.app.kind != kind || !ret->text.name ||
			    strcmp(ret->text.name, name) != 0)
				continue;
			found = CACHE_DELETED;
			if (own_write(c, kind, copy.app.id, NULL) !=
			    OWN_DELETED && !cache_moved(c, view))
				return CACHE_FOUND;
		}
		if (!cache_moved(c, view))
			return found;
	}
	return CACHE_ABSENT;
}

enum cache_found
cache_find_name(struct cache *c, enum app_kind kind, const char *name,
    struct cache_view *ret)
{
	enum cache_found found;
	int32_t id;

	if (c->own && own_find_name(c->own, kind, name, ret) == OWN_CREATED) {
		id = ret->app.id;
		found = cache_get(c, kind, id, ret);
		if (found != CACHE_ABSENT)
			return found;
	}
	return watched_name(c, kind, name, ret);
}

/* A view of what is known without its parts: no URLs, an empty echo. */
static void
view_without_parts(const struct cache_view *v, const struct buf *log,
    bool old, struct buf *out)
{
	AUTO_BUF struct buf mid = BUF_INIT(BARE_MAX),
	    story = BUF_INIT(BARE_MAX), tail = BUF_INIT(BARE_MAX);
	struct livy_view view = { out, &mid, &story, &tail };

	livy_render(NULL, &v->app, &v->text, &view);
	buf_addstr(out, livy_state_word(v->app.state));
	buf_add(out, mid.data, mid.len);
	if (log)
		buf_add(out, log->data, log->len);
	if (old)
		buf_addstr(out, LIVY_OLD_TAIL);
	else
		buf_add(out, tail.data, tail.len);
}

static void
add_view(const struct cache_view *v, const struct buf *log, bool old,
    struct buf *out)
{
	enum { HEAD, MID, LOG, TAIL };

	if (!v->whole) {
		view_without_parts(v, log, old, out);
		return;
	}
	buf_add(out, v->part[HEAD], v->part_len[HEAD]);
	buf_addstr(out, livy_state_word(v->app.state));
	buf_add(out, v->part[MID], v->part_len[MID]);
	if (log)
		buf_add(out, log->data, log->len);
	else
		buf_add(out, v->part[LOG], v->part_len[LOG]);
	if (old)
		buf_addstr(out, LIVY_OLD_TAIL);
	else
		buf_add(out, v->part[TAIL], v->part_len[TAIL]);
}

const struct buf cache_no_lines;

void
cache_view_json(const struct cache_view *v, const struct buf *log,
    struct buf *out)
{
	add_view(v, log, /* old= */ false, out);
}

void
cache_view_old_json(const struct cache_view *v, const struct buf *log,
    struct buf *out)
{
	add_view(v, log, /* old= */ true, out);
}

#include "config.h"

#include "cache.h"

#include <assert.h>

#include "cache_shm.h"
#include "jv.h"
#include "num.h"
#include "own.h"

#define TRIES 64	/* of a read whose record or index keeps changing */
#define NAMESAKES 16	/* records looked at for one name */
#define OWN_ENTRY UINT32_MAX	/* in a page: an own write, not a record */
#define ALIGN 65536	/* arenas: the largest page size there is */

struct cache {
	void *mem;
	struct cache_shm *shm;
	struct own *own;
	struct cache_layout layout;
	/* of a page: the ids, own creates and deletes, one view */
	struct cache_id *ids, *merged;
	int32_t *created, *deleted;
	size_t own_max;
	struct cache_view one;
};

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
	uint32_t h = 2166136261u ^ (uint32_t)kind;	/* FNV-1a */

	for (; name && *name; name++)
		h = (h ^ (unsigned char)*name) * 16777619u;
	return h;
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

/* The arena that is read now; what is copied from it counts if !moved. */
static struct cache_arena *
arena_now(const struct cache *c, uint32_t *view)
{
	*view = atomic_load(&c->shm->view);
	return cache_arena_at(c->mem, &c->layout, *view);
}

static bool
moved(const struct cache *c, uint32_t view)
{
	atomic_thread_fence(memory_order_acquire);
	return atomic_load(&c->shm->view) != view;
}

void
cache_health(const struct cache *c, struct cache_health *ret)
{
	int64_t spoke = atomic_load(&c->shm->spoke_ms);
	uint32_t view;
	struct cache_arena *a = arena_now(c, &view);

	*ret = (struct cache_health){
		.synced = atomic_load(&c->shm->synced),
		.age_ms = spoke ? num_mono_ms() - spoke : -1,
		.dropped = atomic_load(&a->dropped),
		.partial = atomic_load(&a->partial),
	};
	for (int kind = 0; kind < APP_KINDS; kind++)
		ret->objects += atomic_load(&a->count[kind]);
}

/* How many ids of a kind there are, bounded whatever the memory says. */
static uint32_t
ids_count(const struct cache *c, const struct cache_arena *a,
    enum app_kind kind)
{
	uint32_t n = atomic_load(&a->count[kind]);

	return n <= c->layout.objects ? n : c->layout.objects;
}

/* The record of an id; false if it is not in the index. */
static bool
ids_find(const struct cache *c, struct cache_arena *a, enum app_kind kind,
    int32_t id, uint32_t *ret)
{
	const struct cache_id *ids = cache_ids(a, &c->layout, kind);
	uint32_t n, low, high, mid;
	bool found;

	do {
		n = seq_read_begin(&a->ids_seq[kind]);
		low = 0;
		high = ids_count(c, a, kind);
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
	return found && !seq_is_torn(n) && *ret < c->layout.objects;
}

static bool
run_is_inside(const struct cache *c, const struct cache_record *r)
{
	return r->pack.len <= CACHE_RUN_MAX && r->run <= c->layout.bytes &&
	    r->pack.len <= c->layout.bytes - r->run;
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
		sane = copy->used && run_is_inside(c, copy);
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
	bool found = false;

	for (int i = 0; i < TRIES && !found; i++) {
		a = arena_now(c, &view);
		if (ids_find(c, a, kind, id, &record))
			found = record_read(c, a, record, copy, ret) &&
			    copy->app.kind == kind && copy->app.id == id;
		else if (!moved(c, view))
			return false;
		found = found && !moved(c, view);
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
cache_get_state(struct cache *c, enum app_kind kind, int32_t id,
    enum livy_state *ret)
{
	struct cache_record copy;
	enum cache_found found;
	enum own_op op = own_write(c, kind, id, NULL);

	if (op == OWN_DELETED)
		return CACHE_DELETED;
	if (watched(c, kind, id, &copy, NULL)) {
		*ret = copy.app.state;
		return CACHE_FOUND;
	}
	if (op == OWN_NONE)
		return CACHE_ABSENT;
	found = cache_get(c, kind, id, &c->one);
	if (found == CACHE_FOUND)
		*ret = c->one.app.state;
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

	for (int i = 0; i < TRIES; i++) {
		a = arena_now(c, &view);
		n = namesakes(c, a, hash, record);
		for (size_t j = 0; j < n; j++) {
			if (!record_read(c, a, record[j], &copy, ret) ||
			    copy.app.kind != kind || !ret->text.name ||
			    strcmp(ret->text.name, name) != 0)
				continue;
			found = CACHE_DELETED;
			if (own_write(c, kind, copy.app.id, NULL) !=
			    OWN_DELETED && !moved(c, view))
				return CACHE_FOUND;
		}
		if (!moved(c, view))
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

/* Copies the ids of a kind to c->ids; how many. */
static size_t
ids_copy(struct cache *c, struct cache_arena *a, enum app_kind kind)
{
	const struct cache_id *ids = cache_ids(a, &c->layout, kind);
	uint32_t n, count;

	do {
		n = seq_read_begin(&a->ids_seq[kind]);
		count = ids_count(c, a, kind);
		memcpy(c->ids, ids, count * sizeof *ids);
	} while (seq_read_retry(&a->ids_seq[kind], n));
	return seq_is_torn(n) ? 0 : count;
}

/* c->merged: the ids of records and own creates, less own deletes. */
static size_t
merge(struct cache *c, size_t ids, size_t created, size_t deleted)
{
	size_t i = 0, j = 0, d = 0, n = 0;
	struct cache_id next;

	while (i < ids || j < created) {
		if (i < ids && (j >= created || c->ids[i].id <= c->created[j]))
			next = c->ids[i++];
		else
			next = (struct cache_id){ c->created[j], OWN_ENTRY };
		while (j < created && c->created[j] <= next.id)
			j++;
		while (d < deleted && c->deleted[d] < next.id)
			d++;
		if (d < deleted && c->deleted[d] == next.id)
			continue;
		/* a writer that died inside may have left an id twice */
		if (n == 0 || c->merged[n - 1].id < next.id)
			c->merged[n++] = next;
	}
	return n;
}

/* All there is to list now, in c->merged; how many. */
static size_t
list_all(struct cache *c, struct cache_arena *a, enum app_kind kind)
{
	size_t created = 0, deleted = 0, ids = 0;
	uint64_t settled;

	for (int i = 0; i < TRIES; i++) {
		settled = c->own ? own_settled(c->own) : 0;
		if (c->own) {
			created = own_ids(c->own, kind, OWN_CREATED,
			    c->created, c->own_max);
			deleted = own_ids(c->own, kind, OWN_DELETED,
			    c->deleted, c->own_max);
		}
		ids = ids_copy(c, a, kind);
		if (!c->own || own_settled(c->own) == settled)
			break;
	}
	return merge(c, ids, created, deleted);
}

/* Appends a record's view as it lies there, without a copy in between. */
static bool
add_record(const struct cache *c, struct cache_arena *a, enum app_kind kind,
    struct cache_id id, struct buf *out)
{
	const struct cache_record *r =
	    &cache_records(a, &c->layout)[id.record];
	const char *parts, *word;
	struct cache_record copy;
	size_t at, len, head, word_len = 0;
	bool sane;
	char *room = NULL;
	uint32_t n;

	if (id.record >= c->layout.objects)
		return false;
	do {
		n = seq_read_begin(&r->seq);
		memcpy(&copy, r, sizeof copy);
		sane = copy.used && copy.pack.whole && copy.app.id == id.id &&
		    copy.app.kind == kind && run_is_inside(c, &copy) &&
		    (unsigned)copy.app.state <= LIVY_SUCCESS &&
		    pack_parts(&copy.pack, &at, &len);
		if (!sane)
			continue;
		word = livy_state_word(copy.app.state);
		word_len = strlen(word);
		room = buf_room(out, len + word_len);
		if (!room)
			return false;
		parts = cache_strings(a, &c->layout) + copy.run + at;
		head = copy.pack.part[0];
		memcpy(room, parts, head);
		memcpy(room + head, word, word_len);
		memcpy(room + head + word_len, parts + head, len - head);
	} while (seq_read_retry(&r->seq, n));
	if (!sane || seq_is_torn(n))
		return false;
	buf_wrote(out, len + word_len);
	return true;
}

static void
add_entry(struct cache *c, struct cache_arena *a, enum app_kind kind,
    struct cache_id id, struct buf *out, bool comma)
{
	size_t before = out->len;

	if (comma)
		buf_addch(out, ',');
	if (id.record != OWN_ENTRY && add_record(c, a, kind, id, out))
		return;
	if (cache_get(c, kind, id.id, &c->one) == CACHE_FOUND)
		cache_view_json(&c->one, NULL, out);
	else
		buf_truncate(out, before);	/* it went in this moment */
}

void
cache_page(struct cache *c, enum app_kind kind, int64_t from, int64_t size,
    struct buf *out, int64_t *ret_total)
{
	size_t before = out->len;
	int64_t total, end;
	struct cache_arena *a;
	uint32_t view;

	for (int i = 0; i < TRIES; i++) {
		buf_truncate(out, before);
		a = arena_now(c, &view);
		total = (int64_t)list_all(c, a, kind);
		if (__builtin_add_overflow(from, size, &end) || end > total)
			end = size > 0 ? total : 0;
		for (int64_t at = from > 0 ? from : 0; at < end; at++)
			add_entry(c, a, kind, c->merged[at], out,
			    /* comma= */ out->len > before);
		*ret_total = total;
		if (!moved(c, view))
			return;
	}
}

int32_t
cache_highest(struct cache *c, enum app_kind kind)
{
	size_t created = c->own ? own_ids(c->own, kind, OWN_CREATED,
	    c->created, c->own_max) : 0;
	int32_t own = created ? c->created[created - 1] : -1;
	int32_t seen = -1;
	struct cache_arena *a;
	uint32_t view, count, n;

	for (int i = 0; i < TRIES; i++) {
		a = arena_now(c, &view);
		do {
			n = seq_read_begin(&a->ids_seq[kind]);
			count = ids_count(c, a, kind);
			seen = count ?
			    cache_ids(a, &c->layout, kind)[count - 1].id : -1;
		} while (seq_read_retry(&a->ids_seq[kind], n));
		if (!moved(c, view))
			break;
	}
	return own > seen ? own : seen;
}

/* A view of what is known without its parts. */
static void
view_without_parts(const struct cache_view *v, struct buf *out)
{
	buf_addf(out, "{\"id\":%d,\"name\":", (int)v->app.id);
	jv_add_str(out, v->text.name);
	buf_addstr(out, ",\"owner\":");
	jv_add_str(out, v->text.owner);
	buf_addstr(out, ",\"proxyUser\":");
	jv_add_str(out, v->text.proxy_user);
	buf_addf(out, ",\"state\":\"%s\",\"appId\":",
	    livy_state_word(v->app.state));
	jv_add_str(out, v->app.app_id[0] ? v->app.app_id : NULL);
	buf_addstr(out, ",\"appInfo\":{\"driverLogUrl\":null,"
	    "\"sparkUiUrl\":null,\"executorLogUrls\":null},\"log\":[");
}

void
cache_view_json(const struct cache_view *v, const struct buf *log,
    struct buf *out)
{
	enum { HEAD, MID, LOG, TAIL };

	if (!v->whole) {
		view_without_parts(v, out);
		if (log)
			buf_add(out, log->data, log->len);
		buf_addstr(out, "]}");
		return;
	}
	buf_add(out, v->part[HEAD], v->part_len[HEAD]);
	buf_addstr(out, livy_state_word(v->app.state));
	buf_add(out, v->part[MID], v->part_len[MID]);
	if (log)
		buf_add(out, log->data, log->len);
	else
		buf_add(out, v->part[LOG], v->part_len[LOG]);
	buf_add(out, v->part[TAIL], v->part_len[TAIL]);
}

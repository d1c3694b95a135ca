#include "config.h"

#include "cache.h"

#include "cache_reader.h"
#include "own.h"

#define OWN_ENTRY UINT32_MAX	/* an own write, not a record */

/* Copies the ids of a kind to c->ids; false, and none, if they are torn. */
static bool
ids_copy(struct cache *c, struct cache_arena *a, enum app_kind kind,
    size_t *ret)
{
	const struct cache_id *ids = cache_ids(a, &c->layout, kind);
	uint32_t n, count;

	do {
		n = seq_read_begin(&a->ids_seq[kind]);
		count = cache_ids_count(c, a, kind);
		memcpy(c->ids, ids, count * sizeof *ids);
	} while (seq_read_retry(&a->ids_seq[kind], n));
	*ret = seq_is_torn(n) ? 0 : count;
	return !seq_is_torn(n);
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

	for (int i = 0; i < CACHE_TRIES; i++) {
		settled = c->own ? own_settled(c->own) : 0;
		if (c->own) {
			created = own_ids(c->own, kind, OWN_CREATED,
			    c->created, c->own_max);
			deleted = own_ids(c->own, kind, OWN_DELETED,
			    c->deleted, c->own_max);
		}
		if (ids_copy(c, a, kind, &ids) &&
		    (!c->own || own_settled(c->own) == settled))
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
		    copy.app.kind == kind && cache_run_is_inside(c, &copy) &&
		    (unsigned)copy.app.state <= LIVY_SUCCESS &&
		    pack_parts(&copy.pack, &at, &len);
		if (!sane)
			continue;
		cache_merge_feed(c, &copy.app);
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
    struct cache_id id, const struct cache_may *may, struct buf *out,
    bool comma)
{
	size_t before = out->len;

	if (comma)
		buf_addch(out, ',');
	if (!may && id.record != OWN_ENTRY && add_record(c, a, kind, id, out))
		return;
	if (cache_get(c, kind, id.id, &c->one) == CACHE_FOUND)
		cache_view_json(&c->one, !may || may->read(may->arg,
		    &c->one.text) ? NULL : &cache_no_lines, out);
	else
		buf_truncate(out, before);	/* it went in this moment */
}

void
cache_page(struct cache *c, enum app_kind kind, int64_t from, int64_t size,
    const struct cache_may *may, struct buf *out, int64_t *ret_total)
{
	size_t before = out->len;
	int64_t total, end;
	struct cache_arena *a;
	uint32_t view;

	for (int i = 0; i < CACHE_TRIES; i++) {
		buf_truncate(out, before);
		a = cache_arena_now(c, &view);
		total = (int64_t)list_all(c, a, kind);
		if (__builtin_add_overflow(from, size, &end) || end > total)
			end = size > 0 ? total : 0;
		for (int64_t at = from > 0 ? from : 0; at < end; at++)
			add_entry(c, a, kind, c->merged[at], may, out,
			    /* comma= */ out->len > before);
		*ret_total = total;
		if (!cache_moved(c, view))
			return;
	}
}

enum told { TOLD, TOLD_NO, TOLD_ENOUGH };

/* One that was removed meanwhile is none to be told; one in mid-change is. */
static enum told
tell(const struct cache *c, struct cache_arena *a, uint32_t view,
    struct cache_id id, bool (*fn)(void *arg, const struct app *app),
    void *arg)
{
	const struct cache_record *r = &cache_records(a, &c->layout)[id.record];
	struct app app;
	bool used;
	uint32_t n;

	do {
		n = seq_read_begin(&r->seq);
		used = r->used;
		memcpy(&app, &r->app, sizeof app);
	} while (seq_read_retry(&r->seq, n));
	if (cache_moved(c, view) || seq_is_torn(n))
		return TOLD_NO;
	return !used || app.id != id.id || fn(arg, &app) ? TOLD : TOLD_ENOUGH;
}

/* Those above *after, to which it is moved; TOLD_NO if it got stuck. */
static enum told
tell_above(struct cache *c, enum app_kind kind, int32_t *after,
    bool (*fn)(void *arg, const struct app *app), void *arg)
{
	enum told told = TOLD;
	uint32_t view;
	struct cache_arena *a = cache_arena_now(c, &view);
	size_t count;

	if (!ids_copy(c, a, kind, &count))
		return TOLD_NO;
	for (size_t i = 0; i < count && told == TOLD; i++) {
		if (c->ids[i].id <= *after ||
		    c->ids[i].record >= c->layout.objects)
			continue;
		told = tell(c, a, view, c->ids[i], fn, arg);
		if (told != TOLD_NO)
			*after = c->ids[i].id;
	}
	return told == TOLD && cache_moved(c, view) ? TOLD_NO : told;
}

/* Where the arena is swapped meanwhile, the new one has those that follow. */
bool
cache_each(struct cache *c, enum app_kind kind,
    bool (*fn)(void *arg, const struct app *app), void *arg)
{
	int32_t after = -1;

	for (int i = 0; i < CACHE_TRIES; i++)
		if (tell_above(c, kind, &after, fn, arg) != TOLD_NO)
			return true;
	return false;
}

/* One that is seen may still wait to be settled. */
static bool
is_seen(const struct cache *c, size_t ids, int32_t id)
{
	size_t low = 0, high = ids, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (c->ids[mid].id == id)
			return true;
		if (c->ids[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

void
cache_unseen(struct cache *c, void (*fn)(void *arg, const struct own_write *w),
    void *arg)
{
	struct own_write w;
	struct cache_arena *a;
	size_t cursor, ids;
	uint32_t view;

	a = cache_arena_now(c, &view);
	for (int kind = 0; c->own && kind < APP_KINDS; kind++) {
		/* none, if they are torn: then more count as not seen */
		ids_copy(c, a, (enum app_kind)kind, &ids);
		cursor = 0;
		while (own_next(c->own, &cursor, &w))
			if (w.op == OWN_CREATED && (int)w.kind == kind &&
			    !is_seen(c, ids, w.id))
				fn(arg, &w);
	}
}

int32_t
cache_highest(struct cache *c, enum app_kind kind)
{
	size_t created = c->own ? own_ids(c->own, kind, OWN_CREATED,
	    c->created, c->own_max) : 0;
	int32_t own = created ? c->created[created - 1] : -1;
	int32_t seen = (int32_t)(atomic_load(&c->shm->above[kind]) - 1);

	return own > seen ? own : seen;
}

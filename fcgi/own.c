#include "config.h"

#include "own.h"

#include <assert.h>

#include "buf.h"
#include "cache.h"
#include "num.h"
#include "pack.h"
#include "shm.h"

#define TRIES 16	/* a reader's, when entries change under it */

/* What is scanned: small and together. ticket 0 = never used. */
struct own_head {
	_Atomic uint64_t ticket;
	_Atomic int64_t since_ms;
	_Atomic int32_t id;
	_Atomic uint32_t what;	/* enum own_op, kind << 8, waits << 16 */
	_Atomic uint32_t ns_hash, team_hash;
};

struct own_entry {
	struct seq seq;
	uint64_t ticket;
	struct app app;
	struct pack pack;
	char run[OWN_BYTES];
};

/* Written by the slot's worker alone. */
struct own_ring {
	struct own_head head[OWN_RING];
	struct own_entry entry[OWN_RING];
};

struct own_shm {
	_Atomic uint64_t tickets;	/* given out, to any worker */
	/* the watcher's: changes, and the ticket settled in each place */
	_Atomic uint64_t changes;
	_Atomic uint64_t settled[];
	/*
	 * Then, together since each read looks at them all, for each ring
	 * its top: heads from there on are all settled.
	 */
};

struct own {
	struct own_shm *shm;
	_Atomic uint32_t *top;
	struct own_ring *ring;
	size_t workers;
};

static size_t
head_size(size_t workers)
{
	size_t n = sizeof(struct own_shm) +
	    workers * OWN_RING * sizeof(_Atomic uint64_t) +
	    workers * sizeof(_Atomic uint32_t);

	return (n + 63) / 64 * 64;
}

size_t
own_size(int64_t workers)
{
	return head_size((size_t)workers) +
	    (size_t)workers * sizeof(struct own_ring);
}

struct own *
own_open(void *mem, int64_t workers)
{
	struct own *o = mem_alloc(sizeof *o);

	o->shm = mem;
	o->workers = (size_t)workers;
	o->top = (_Atomic uint32_t *)&o->shm->settled[o->workers * OWN_RING];
	o->ring = (struct own_ring *)((char *)mem + head_size(o->workers));
	return o;
}

void
own_close(struct own *o)
{
	free(o);
}

size_t
own_capacity(const struct own *o)
{
	return o->workers * OWN_RING;
}

uint64_t
own_settled(const struct own *o)
{
	return atomic_load(&o->shm->changes);
}

/* The ticket at a place that the watcher has not settled, or 0. */
static uint64_t
open_ticket(const struct own *o, size_t slot, size_t i)
{
	uint64_t t = atomic_load(&o->ring[slot].head[i].ticket);

	return t == atomic_load(&o->shm->settled[slot * OWN_RING + i]) ? 0 : t;
}

static void
settle_place(struct own *o, size_t slot, size_t i, uint64_t ticket)
{
	/* first the change: who misses the mark must not miss both */
	atomic_fetch_add(&o->shm->changes, 1);
	atomic_store(&o->shm->settled[slot * OWN_RING + i], ticket);
}

/* A place to write to, -1 if all wait for the watcher. */
static int
free_place(const struct own *o, int slot)
{
	assert(slot >= 0 && (size_t)slot < o->workers);
	for (size_t i = 0; i < OWN_RING; i++)
		if (open_ticket(o, (size_t)slot, i) == 0)
			return (int)i;
	return -1;
}

bool
own_has_room(struct own *o, int slot)
{
	return free_place(o, slot) >= 0;
}

/* Makes the entry at a place readable, under a new ticket. */
static void
record(struct own *o, int slot, int place, enum own_op op,
    const struct app *app)
{
	struct own_ring *ring = &o->ring[slot];
	struct own_head *head = &ring->head[place];
	uint64_t ticket = atomic_fetch_add(&o->shm->tickets, 1) + 1;
	uint32_t top = atomic_load(&o->top[slot]);

	ring->entry[place].ticket = ticket;
	seq_write_end(&ring->entry[place].seq);
	while (top > 0 && open_ticket(o, (size_t)slot, top - 1) == 0)
		top--;
	if (top < (uint32_t)place + 1)
		top = (uint32_t)place + 1;
	atomic_store(&o->top[slot], top);
	atomic_store(&head->id, app->id);
	atomic_store(&head->what, (uint32_t)op | (uint32_t)app->kind << 8 |
	    (uint32_t)app->waits << 16);
	atomic_store(&head->ns_hash, app->ns_hash);
	atomic_store(&head->team_hash, app->team_hash);
	atomic_store(&head->since_ms, num_mono_ms());
	atomic_store(&head->ticket, ticket);
}

/* The entry at a free place, open for writing; no reader sees it. */
static struct own_entry *
open_entry(struct own *o, int slot, int place)
{
	struct own_entry *e = &o->ring[slot].entry[place];

	atomic_store(&o->ring[slot].head[place].ticket, 0);
	seq_reset(&e->seq);	/* a predecessor may have been killed inside */
	seq_write_begin(&e->seq);
	return e;
}

bool
own_created(struct own *o, int slot, const struct app *app,
    const struct app_text *text, const struct livy_view *view)
{
	int place = free_place(o, slot);
	struct own_entry *e;

	if (place < 0)
		return false;
	e = open_entry(o, slot, place);
	e->app = *app;
	pack_measure(&e->pack, text, view, /* brief= */ false);
	if (e->pack.len > OWN_BYTES)
		pack_measure(&e->pack, text, NULL, /* brief= */ true);
	if (e->pack.len > OWN_BYTES)
		pack_measure(&e->pack, &(struct app_text){ 0 }, NULL, true);
	pack_write(&e->pack, e->run, text, view);
	record(o, slot, place, OWN_CREATED, app);
	return true;
}

bool
own_deleted(struct own *o, int slot, enum app_kind kind, int32_t id,
    const char *uid)
{
	int place = free_place(o, slot);
	struct own_entry *e;
	size_t n = strlen(uid);

	if (place < 0)
		return false;
	e = open_entry(o, slot, place);
	e->app = (struct app){ .kind = kind, .id = id };
	memcpy(e->app.uid, uid, n < UID_MAX ? n : UID_MAX - 1);
	pack_measure(&e->pack, &(struct app_text){ 0 }, NULL, true);
	record(o, slot, place, OWN_DELETED, &e->app);
	return true;
}

/* False if it was settled, and written anew, under another ticket. */
static bool
read_head(const struct own_head *head, uint64_t ticket, struct own_write *ret)
{
	uint32_t what = atomic_load(&head->what);

	*ret = (struct own_write){
		.op = (enum own_op)(what & 0xff),
		.kind = (enum app_kind)(what >> 8 & 1),
		.id = atomic_load(&head->id),
		.since_ms = atomic_load(&head->since_ms),
		.ns_hash = atomic_load(&head->ns_hash),
		.team_hash = atomic_load(&head->team_hash),
		.waits = what >> 16 & 1,
	};
	return atomic_load(&head->ticket) == ticket;
}

/*
 * The next open place from *at on (slot * OWN_RING + i) that was written by
 * op (OWN_NONE: any) for this kind and id (-1: any); its ticket, 0 at the
 * end. *at is then the place after it. Each read comes by here, for the most
 * part to find that no slot has any.
 */
static uint64_t
next_open(const struct own *o, size_t *at, enum own_op op, int kind,
    int32_t id, struct own_write *ret)
{
	size_t slot = *at / OWN_RING, i = *at % OWN_RING;
	uint64_t ticket;

	for (; slot < o->workers; slot++, i = 0) {
		for (; i < atomic_load(&o->top[slot]); i++) {
			ticket = open_ticket(o, slot, i);
			if (ticket == 0 || !read_head(
			    &o->ring[slot].head[i], ticket, ret))
				continue;
			*at = slot * OWN_RING + i + 1;
			if ((op == OWN_NONE || op == ret->op) &&
			    (kind < 0 || kind == (int)ret->kind) &&
			    (id < 0 || id == ret->id))
				return ticket;
		}
	}
	return 0;
}

/* Copies out the entry that has this ticket. */
static bool
read_entry(const struct own *o, size_t place, uint64_t ticket,
    struct cache_view *ret)
{
	const struct own_entry *e =
	    &o->ring[place / OWN_RING].entry[place % OWN_RING];
	struct pack pack;
	char *room;
	uint64_t is;
	uint32_t n;

	do {
		n = seq_read_begin(&e->seq);
		is = e->ticket;
		ret->app = e->app;
		pack = e->pack;
		buf_clear(&ret->strings);
		room = pack.len <= OWN_BYTES ?
		    buf_room(&ret->strings, pack.len) : NULL;
		if (room) {
			memcpy(room, e->run, pack.len);
			buf_wrote(&ret->strings, pack.len);
		}
	} while (seq_read_retry(&e->seq, n));
	return !seq_is_torn(n) && is == ticket && room &&
	    pack_read(&pack, ret);
}

enum own_op
own_find(struct own *o, enum app_kind kind, int32_t id,
    struct cache_view *ret_or_null)
{
	struct own_write w;
	uint64_t ticket, created;
	size_t at, place = 0;

	for (int i = 0; i < TRIES; i++) {
		at = 0;
		created = 0;
		while ((ticket = next_open(o, &at, OWN_NONE, (int)kind, id,
		    &w))) {
			if (w.op == OWN_DELETED)
				return OWN_DELETED;
			if (created == 0) {
				created = ticket;
				place = at - 1;
			}
		}
		if (created == 0)
			return OWN_NONE;
		/* its delete may have been settled just now, the create is */
		if (open_ticket(o, place / OWN_RING, place % OWN_RING) ==
		    created && (!ret_or_null ||
		    read_entry(o, place, created, ret_or_null)))
			return OWN_CREATED;
	}
	return OWN_NONE;
}

enum own_op
own_find_name(struct own *o, enum app_kind kind, const char *name,
    struct cache_view *ret)
{
	struct own_write w;
	uint64_t ticket;
	size_t at = 0;

	while ((ticket = next_open(o, &at, OWN_CREATED, (int)kind, -1, &w)))
		if (read_entry(o, at - 1, ticket, ret) && ret->text.name &&
		    strcmp(ret->text.name, name) == 0 &&
		    own_find(o, kind, w.id, ret) == OWN_CREATED)
			return OWN_CREATED;
	return OWN_NONE;
}

static int
by_id(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return x < y ? -1 : x > y;
}

size_t
own_ids(struct own *o, enum app_kind kind, enum own_op op, int32_t *ids,
    size_t max)
{
	struct own_write w;
	size_t at = 0, n = 0, unique = 0;

	while (n < max && next_open(o, &at, op, (int)kind, -1, &w))
		ids[n++] = w.id;
	if (n > 1)
		qsort(ids, n, sizeof *ids, by_id);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || ids[i] != ids[i - 1])
			ids[unique++] = ids[i];
	return unique;
}

bool
own_next(struct own *o, size_t *cursor, struct own_write *ret)
{
	return next_open(o, cursor, OWN_NONE, -1, -1, ret) != 0;
}

void
own_settle(struct own *o, enum app_kind kind, int32_t id, bool gone)
{
	struct own_write w;
	uint64_t ticket;
	size_t at = 0;

	while ((ticket = next_open(o, &at, OWN_CREATED, (int)kind, id, &w)))
		settle_place(o, (at - 1) / OWN_RING, (at - 1) % OWN_RING,
		    ticket);
	at = 0;
	while (gone &&
	    (ticket = next_open(o, &at, OWN_DELETED, (int)kind, id, &w)))
		settle_place(o, (at - 1) / OWN_RING, (at - 1) % OWN_RING,
		    ticket);
}

/*
 * Own writes: each worker's recent creates and deletes in a small ring of
 * shared memory, of which it is the only writer, until the watcher has
 * caught up. The watcher marks what it has seen in an array of its own, and
 * readers merge what is not yet marked. A worker that is killed leaves a
 * ring that its slot's next process goes on with.
 */
#ifndef OWN_H
#define OWN_H

#include "app.h"
#include "livy.h"

#define OWN_RING 64		/* unsettled writes a worker can have */
#define OWN_BYTES 4096		/* strings of one; a longer view is fetched */

struct own;
struct cache_view;

size_t own_size(int64_t workers);
struct own *own_open(void *mem, int64_t workers);	/* any process */
void own_close(struct own *o);

/*
 * A worker, slot 0…workers-1, records its write. False when the ring is full
 * of writes that the watcher has not seen: 503, the watch is behind. Ask
 * own_has_room before the call that leaves the machine.
 */
bool own_has_room(struct own *o, int slot) MUST_CHECK;
bool own_created(struct own *o, int slot, const struct app *app,
    const struct app_text *text, const struct livy_view *view) MUST_CHECK;
bool own_deleted(struct own *o, int slot, enum app_kind kind, int32_t id,
    const char *uid) MUST_CHECK;

/*
 * The watcher has seen this application (or its end, which settles creates
 * too). Only once readers can see it in the cache, or no longer can.
 */
void own_settle(struct own *o, enum app_kind kind, int32_t id, bool gone);

/* Readers (cache.c) and the watcher. */
enum own_op { OWN_NONE, OWN_CREATED, OWN_DELETED };
enum own_op own_find(struct own *o, enum app_kind kind, int32_t id,
    struct cache_view *ret_or_null);
enum own_op own_find_name(struct own *o, enum app_kind kind, const char *name,
    struct cache_view *ret);
/* Unsettled ids of a kind, ascending; returns how many, at most max. */
size_t own_ids(struct own *o, enum app_kind kind, enum own_op op,
    int32_t *ids, size_t max);
/* All writes there can be at a time: the bound of own_ids. */
size_t own_capacity(const struct own *o);
/* Changes whenever something is settled: what was read in parts may mix. */
uint64_t own_settled(const struct own *o);

/*
 * The writes the watcher has not settled, one after another (*cursor starts
 * at 0); false at the end. For those that no event will ever settle.
 */
struct own_write {
	enum own_op op;
	enum app_kind kind;
	int32_t id;
	int64_t since_ms;	/* monotonic */
	uint32_t ns_hash, team_hash;	/* of a create, and */
	bool waits;		/* to be admitted */
};
bool own_next(struct own *o, size_t *cursor, struct own_write *ret) MUST_CHECK;

#endif

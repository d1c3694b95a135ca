/*
 * Own writes: each worker's recent creates and deletes in a small ring of
 * shared memory, of which it is the only writer, until the watcher has
 * caught up. The watcher marks what it has seen in an array of its own, and
 * readers merge what is not yet marked.
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

/* The watcher has seen this application (or its end). */
void own_settle(struct own *o, enum app_kind kind, int32_t id, bool gone);
/* Before a list: what is recorded now will be settled by own_settle_until. */
uint64_t own_now(struct own *o);
void own_settle_until(struct own *o, uint64_t mark);

/* Readers (cache.c). */
enum own_op { OWN_NONE, OWN_CREATED, OWN_DELETED };
enum own_op own_find(struct own *o, enum app_kind kind, int32_t id,
    struct cache_view *ret_or_null);
enum own_op own_find_name(struct own *o, enum app_kind kind, const char *name,
    struct cache_view *ret);
/* Unsettled ids of a kind, ascending; returns how many, at most max. */
size_t own_ids(struct own *o, enum app_kind kind, enum own_op op,
    int32_t *ids, size_t max);

#endif

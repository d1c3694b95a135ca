/*
 * The cache's writer, the watcher's alone: one process, which fills the
 * arena that is not read, has readers see it once the first whole list is
 * in, and changes it in place from then on. What does not fit is counted and
 * answered by the API: a record without its view, or none at all.
 */
#ifndef CACHE_WRITE_H
#define CACHE_WRITE_H

#include "app.h"
#include "defs.h"
#include "livy.h"

struct cache_writer;

/* Starts to fill the arena that is not being read. */
struct cache_writer *cache_writer_new(void *mem);
void cache_writer_free(struct cache_writer *w);

/*
 * Adds or replaces; view NULL keeps none. False if it did not fit whole:
 * then readers have what fitted, or nothing of it.
 */
bool cache_put(struct cache_writer *w, const struct app *app,
    const struct app_text *text, const struct livy_view *view);
void cache_remove(struct cache_writer *w, enum app_kind kind, int32_t id);
/* One that had no room at all when it was put; false if there is none. */
bool cache_next_dropped(const struct cache_writer *w, enum app_kind *ret,
    int32_t *ret_id) MUST_CHECK;

/* The first whole list is in: readers see this arena from now on. */
void cache_publish(struct cache_writer *w);
/* When the watch last spoke (event, bookmark, list), monotonic. */
void cache_spoke(struct cache_writer *w, int64_t at_ms);

#endif

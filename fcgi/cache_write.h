/*
 * The cache's writer, the watcher's alone, and the layout of the shared
 * memory. Everything is an offset; records are fixed and under 512 bytes;
 * strings live in blocks of size classes.
 */
#ifndef CACHE_WRITE_H
#define CACHE_WRITE_H

#include "app.h"
#include "defs.h"
#include "livy.h"

struct cache_writer;
struct own;

/* Starts to fill the arena that is not being read. */
struct cache_writer *cache_writer_new(void *mem, struct own *own);
void cache_writer_free(struct cache_writer *w);

/* Adds or replaces; false if it did not fit (counted as dropped). */
bool cache_put(struct cache_writer *w, const struct app *app,
    const struct app_text *text, const struct livy_view *view);
void cache_remove(struct cache_writer *w, enum app_kind kind, int32_t id);
/* Removes, after a list, what has not been put since this mark. */
uint32_t cache_mark(struct cache_writer *w);
void cache_sweep(struct cache_writer *w, uint32_t mark, const char *ns);

/* The first whole list is in: readers see this arena from now on. */
void cache_publish(struct cache_writer *w);
/* The watch spoke (event, bookmark, list). */
void cache_touch(struct cache_writer *w);

#endif

/*
 * What the two halves of a reader share: cache.c, which finds one
 * application, and cache_page.c, which lists them.
 */
#ifndef CACHE_READER_H
#define CACHE_READER_H

#include "cache.h"
#include "cache_shm.h"
#include "feed.h"

#define CACHE_TRIES 64	/* of a read whose record or index keeps changing */

struct cache {
	void *mem;
	struct cache_shm *shm;
	struct own *own;
	struct feed *feed;	/* or NULL */
	struct cache_layout layout;
	/* of a page: the ids, own creates and deletes, one view */
	struct cache_id *ids, *merged;
	int32_t *created, *deleted;
	size_t own_max;
	struct cache_view one;
};

/* The arena read now; what is copied from it counts if !cache_moved. */
static inline struct cache_arena *
cache_arena_now(const struct cache *c, uint32_t *view)
{
	*view = atomic_load(&c->shm->view);
	return cache_arena_at(c->mem, &c->layout, *view);
}

static inline bool
cache_moved(const struct cache *c, uint32_t view)
{
	atomic_thread_fence(memory_order_acquire);
	return atomic_load(&c->shm->view) != view;
}

/* How many ids of a kind there are, bounded whatever the memory says. */
static inline uint32_t
cache_ids_count(const struct cache *c, const struct cache_arena *a,
    enum app_kind kind)
{
	uint32_t n = atomic_load(&a->count[kind]);

	return n <= c->layout.objects ? n : c->layout.objects;
}

static inline bool
cache_run_is_inside(const struct cache *c, const struct cache_record *r)
{
	return r->pack.len <= CACHE_RUN_MAX && r->run <= c->layout.bytes &&
	    r->pack.len <= c->layout.bytes - r->run;
}

/*
 * The application's end is true whatever an agent says; before that a
 * session is what its agent says it is.
 */
static inline void
cache_merge_feed(const struct cache *c, struct app *app)
{
	enum livy_state state;

	if (c->feed && app->kind == APP_SESSION && app->pod_started &&
	    app->state == LIVY_STARTING &&
	    feed_get_state(c->feed, app->id, app->uid, &state))
		app->state = state;
}

#endif

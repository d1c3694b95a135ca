/*
 * The layout of the cache's shared memory, for its readers (cache.c) and its
 * writer (cache_write.c) alone. Two arenas, of which view names the one that
 * is read; in each
 *	records: fixed, one an application, each under its own counter;
 *	ids: for each kind its records' ids, ascending, under a counter;
 *	names: a hash of Livy names, chained through the records;
 *	strings: packed runs (pack.h), each belonging to one record.
 * A run is given back only inside its record's counter, so a reader whose
 * record did not change has copied a run that did not either.
 */
#ifndef CACHE_SHM_H
#define CACHE_SHM_H

#include "app.h"
#include "blocks.h"
#include "cache.h"
#include "pack.h"
#include "shm.h"

#define CACHE_MAGIC 0x6c697679
#define CACHE_VERSION 1
/* The longest run: of a request that is as long as one may be, and more. */
#define CACHE_RUN_MAX (256u << 10)
#define CACHE_RUN_LONG 16384	/* longer ones share half of the strings */

struct cache_shm {
	uint32_t magic;
	uint32_t version;
	int64_t objects;
	int64_t bytes;
	_Atomic uint32_t view;		/* generation << 1 | arena read */
	_Atomic bool synced;
	_Atomic int64_t spoke_ms;	/* monotonic; 0 = never */
	_Atomic int64_t above[APP_KINDS]; /* every id that was ever seen */
};

struct cache_record {
	struct seq seq;
	uint32_t used;
	struct app app;
	uint64_t run;			/* offset in the strings */
	struct pack pack;
	uint32_t name_hash;
	_Atomic uint32_t name_next;	/* record + 1; 0 = end */
};

_Static_assert(sizeof(struct cache_record) <= 512, "records stay small");

struct cache_id {
	int32_t id;
	uint32_t record;
};

struct cache_arena {
	struct seq ids_seq[APP_KINDS];
	struct seq names_seq;
	_Atomic uint32_t count[APP_KINDS];
	_Atomic int64_t dropped;	/* applications without a record */
	_Atomic int64_t partial;	/* records without their view */
};

/* Where things are: counted by each process, never read from the memory. */
struct cache_layout {
	uint32_t objects;
	uint32_t buckets;		/* a power of two */
	size_t bytes;
	size_t records, ids[APP_KINDS], names, strings; /* in an arena */
	size_t arena;			/* bytes of one */
	size_t first;			/* where the first one is */
};

void cache_layout(struct cache_layout *ret, int64_t objects, int64_t bytes);
uint32_t cache_name_hash(enum app_kind kind, const char *name);

static inline struct cache_arena *
cache_arena_at(void *mem, const struct cache_layout *l, uint32_t which)
{
	return (struct cache_arena *)((char *)mem + l->first +
	    (which & 1) * l->arena);
}

static inline struct cache_record *
cache_records(struct cache_arena *a, const struct cache_layout *l)
{
	return (struct cache_record *)((char *)a + l->records);
}

static inline struct cache_id *
cache_ids(struct cache_arena *a, const struct cache_layout *l,
    enum app_kind kind)
{
	return (struct cache_id *)((char *)a + l->ids[kind]);
}

static inline _Atomic uint32_t *
cache_names(struct cache_arena *a, const struct cache_layout *l)
{
	return (_Atomic uint32_t *)((char *)a + l->names);
}

static inline char *
cache_strings(struct cache_arena *a, const struct cache_layout *l)
{
	return (char *)a + l->strings;
}

#endif

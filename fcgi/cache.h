/*
 * The cache: what the watcher knows of every application, in shared memory,
 * read by the workers without a lock and without a call. One writer, the
 * watcher (cache_write.h). Two arenas: a new watcher fills a fresh one and
 * swaps. Readers merge the workers' own recent writes (own.h), so on one
 * replica a 201 or a DELETE is visible at once.
 */
#ifndef CACHE_H
#define CACHE_H

#include "app.h"
#include "buf.h"
#include "defs.h"

struct cache;		/* a process's handle: cache.c */
struct cache_shm;	/* the shared memory: cache_write.h */
struct conf;
struct feed;
struct own;
struct own_write;

/* Bytes to map for so many applications and bytes of strings. */
size_t cache_size(int64_t objects, int64_t bytes);
/* Lays out a fresh mapping; the master, once. */
void cache_format(void *mem, int64_t objects, int64_t bytes);
/* A reader's handle; own may be NULL (no merging). */
struct cache *cache_open(void *mem, struct own *own);
/* From now on a session whose application runs is as its agent says. */
void cache_follow(struct cache *c, struct feed *feed);
void cache_close(struct cache *c);

/* How fresh it is. */
struct cache_health {
	bool synced;		/* a whole list has been read since the start */
	int64_t age_ms;		/* since the watch last spoke; -1 = never */
	int64_t objects;	/* applications held */
	int64_t dropped;	/* that had no room: lists lack them */
	int64_t partial;	/* held without their view: to be fetched */
};
void cache_health(const struct cache *c, struct cache_health *ret);
bool cache_synced(const struct cache *c);	/* that part of it alone */

/* One application, copied out. Release with cache_view_release. */
struct cache_view {
	struct app app;
	struct app_text text;	/* lends from strings */
	const char *part[4];	/* head, mid, log, tail as in livy.h */
	size_t part_len[4];
	bool whole;		/* parts are there (false: fetch the object) */
	struct buf strings;
};
#define CACHE_VIEW_INIT { .strings = BUF_INIT(1 << 20) }
void cache_view_release(struct cache_view *v);
#define AUTO_VIEW __attribute__((cleanup(cache_view_release)))

enum cache_found {
	CACHE_FOUND,
	CACHE_ABSENT,	/* not in the cache: on another replica it may be new */
	CACHE_DELETED,	/* deleted here: 404 is true */
};
enum cache_found cache_get(struct cache *c, enum app_kind kind, int32_t id,
    struct cache_view *ret) MUST_CHECK;
enum cache_found cache_find_name(struct cache *c, enum app_kind kind,
    const char *name, struct cache_view *ret) MUST_CHECK;

/* Only its fixed facts; no strings are copied. */
enum cache_found cache_get_app(struct cache *c, enum app_kind kind,
    int32_t id, struct app *ret) MUST_CHECK;
/* And of these, what GET …/state needs. */
enum cache_found cache_get_state(struct cache *c, enum app_kind kind,
    int32_t id, enum livy_state *ret) MUST_CHECK;

/* Whose logs may be read, by somebody who may not read all. */
struct cache_may {
	bool (*read)(const void *arg, const struct app_text *of);
	const void *arg;
};

/*
 * Appends the views [from, from+size) in ascending id, separated by commas,
 * to out; *ret_total is how many there are. from and size may be anything;
 * the window is clamped as Livy clamps (contract 1.1). may NULL = all logs
 * may be read; those that may not have no lines.
 */
void cache_page(struct cache *c, enum app_kind kind, int64_t from,
    int64_t size, const struct cache_may *may, struct buf *out,
    int64_t *ret_total);

/*
 * Calls fn once for each application that the watcher has seen, ascending,
 * until it returns false. No strings are copied. False if some may be missing:
 * the writer was not let finish for long, so who counts knows too few.
 */
bool cache_each(struct cache *c, enum app_kind kind,
    bool (*fn)(void *arg, const struct app *app), void *arg) MUST_CHECK;

/* Calls fn for each create of this replica that the watcher has not seen. */
void cache_unseen(struct cache *c,
    void (*fn)(void *arg, const struct own_write *w), void *arg);

/* The highest id of a kind that is known here, own writes too; -1 = none. */
int32_t cache_highest(struct cache *c, enum app_kind kind);

/* The log of a view for one who may not read it. */
extern const struct buf cache_no_lines;

/* The whole view of v as one JSON object, appended. log NULL = its own. */
void cache_view_json(const struct cache_view *v, const struct buf *log,
    struct buf *out);
/* The same without the fields that a session's has in Livy since 0.8. */
void cache_view_old_json(const struct cache_view *v, const struct buf *log,
    struct buf *out);

#endif

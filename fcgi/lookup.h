/*
 * Finding the application that a path names: the cache first, and for an id
 * that may be new on another replica one bounded GET. With it the right to
 * call outside at all, which a worker takes before it leaves the machine.
 * Used by the handlers of batches and sessions.
 */
#ifndef LOOKUP_H
#define LOOKUP_H

#include <json-c/json.h>

#include "cache.h"
#include "defs.h"
#include "kube.h"
#include "route.h"

struct err;
struct gw;
struct request;

/* An application, from the cache or fetched: then view lends from the rest. */
struct item {
	struct cache_view view;
	json_object *obj;
	struct buf part[4];
	char place[160];	/* in the queue, as view.text.place lends it */
};
#define ITEM_PART_MAX (1u << 20)
#define ITEM_INIT { .view = CACHE_VIEW_INIT, .part = { \
	BUF_INIT(ITEM_PART_MAX), BUF_INIT(ITEM_PART_MAX), \
	BUF_INIT(ITEM_PART_MAX), BUF_INIT(ITEM_PART_MAX) } }
void item_release(struct item *it);
#define AUTO_ITEM __attribute__((cleanup(item_release)))

/* Makes it an object of the API server's. True for one of ours. */
bool item_take(struct item *it, const struct gw *gw, json_object *take_obj,
    struct err *err) MUST_CHECK;

/* 503 until the cache has read a whole list: before, nothing is known. */
bool lookup_ready(const struct gw *gw, struct err *err) MUST_CHECK;
/*
 * Whether {id} is a number, and which; 400 if it is too large for an id.
 * What is not made of digits is a name.
 */
bool lookup_id(const struct target *t, bool *ret_number, int32_t *ret,
    struct err *err) MUST_CHECK;
/* 404 in Livy's words, false. */
bool lookup_absent(const struct target *t, struct err *err);

/*
 * The application that t names, whole: a view that did not fit the cache is
 * fetched, and if that fails given without its log. A name that only another
 * replica knows yet is 404.
 */
bool lookup_item(struct gw *gw, const struct request *rq,
    const struct target *t, struct item *ret, struct err *err) MUST_CHECK;
/* Only its fixed facts: for a known id a few bytes are copied. */
bool lookup_app(struct gw *gw, const struct request *rq,
    const struct target *t, struct app *ret, struct err *err) MUST_CHECK;
/* The object of this kind and id as it is now in one namespace. */
enum kube_result lookup_fetch(struct gw *gw, const struct request *rq,
    const char *ns, enum app_kind kind, int32_t id, struct item *ret,
    struct err *err) MUST_CHECK;

/* The right to call outside; 503 when the pool's share for it is in use. */
bool lookup_calls_begin(struct gw *gw, struct err *err) MUST_CHECK;
void lookup_calls_end(struct gw *gw);

#endif

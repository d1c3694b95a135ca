/*
 * Reservations: what makes a client's Idempotency-Key, and a Livy name,
 * unique over all replicas. A reservation is a ConfigMap of the home
 * namespace, named by a hash of its scope and text, so that the API server
 * itself refuses the second one. Before an application is created its id is
 * bound to the reservation by compare-and-swap: whoever takes an orphan over
 * creates an object of the same name, or wins the swap; never both.
 * Called by the creating handlers and, to tidy up, by the leader.
 */
#ifndef RESERVE_H
#define RESERVE_H

#include "app.h"

struct cache_view;
struct conf;
struct err;
struct gw;

enum reserve_scope { RESERVE_KEY, RESERVE_NAME };

struct reservation {
	char object[KUBE_LABEL_MAX + 1];	/* "" = none is held */
	char rv[64];
	char body[65];		/* hash of the request that holds it */
	char request[64];	/* its request id */
	int32_t id;		/* bound to it; -1 = none yet */
	int64_t at_ms;		/* epoch: taken, or bound */
	bool made;		/* its application was there */
	bool gone;		/* and has been deleted */
};

enum reserve_result {
	RESERVE_OURS,	/* held by this request: bind an id, create */
	RESERVE_BOUND,	/* held by an application, or one being made: its id */
	RESERVE_GONE,	/* a key whose application has been deleted */
	RESERVE_FAILED,	/* err is filled: 503 */
};

/*
 * Takes the reservation of a text in its scope (kind, and the user for a
 * key). body is a hash of the request, kept to tell a repeat from another
 * request with the same key. RESERVE_BOUND says only that an id is bound:
 * the caller looks whether that application exists, and if it does not and
 * the binding is older than the longest a create may take, calls again with
 * orphan set to the reservation it was given.
 */
enum reserve_result reserve_take(struct gw *gw, enum reserve_scope scope,
    enum app_kind kind, const char *user, const char *text, const char *body,
    const char *request_id, const struct reservation *orphan,
    int64_t deadline_ms, struct reservation *ret, struct err *err) MUST_CHECK;

/* Binds an id; false if somebody else has taken it over meanwhile: 503. */
bool reserve_bind(struct gw *gw, struct reservation *r, enum app_kind kind,
    int32_t id, int64_t deadline_ms, struct err *err) MUST_CHECK;

/* Gives it back, after a create that failed for good. Errors do not matter. */
void reserve_drop(struct gw *gw, const struct reservation *r,
    int64_t deadline_ms);

/*
 * Marks a key's reservation: its application is there. If it is missing
 * later, it was deleted, and is not made again. RESERVE_GONE: it has been
 * deleted already, so what is there was made after that; RESERVE_BOUND: that
 * cannot be told.
 */
enum reserve_result reserve_made(struct gw *gw, struct reservation *r,
    enum app_kind kind, int64_t deadline_ms) MUST_CHECK;
/* Marks a key's reservation, by its object's name: its application ends. */
bool reserve_use_up(struct gw *gw, enum app_kind kind, const char *object,
    int32_t id, int64_t deadline_ms, struct err *err) MUST_CHECK;
/*
 * Whether a key's reservation, by its object's name, says that the application
 * of this id has been deleted. False: it cannot be read now, err is filled.
 */
bool reserve_used_up(struct gw *gw, const char *object, int32_t id,
    int64_t deadline_ms, bool *ret_used_up, struct err *err) MUST_CHECK;
/* Gives a name back if it is this id's. What is left is found an orphan. */
void reserve_free_name(struct gw *gw, enum app_kind kind, const char *name,
    int32_t id, int64_t deadline_ms);

/*
 * Reads one that was listed; false if it is none. And whether an application
 * is the one that has it, not merely its id.
 */
bool reserve_read(const struct conf *conf, json_object *o,
    struct reservation *ret, enum reserve_scope *ret_scope,
    enum app_kind *ret_kind) MUST_CHECK;
bool reserve_is_of(const struct conf *conf, const struct reservation *r,
    enum reserve_scope scope, const struct cache_view *v) MUST_CHECK;

/* The hash of a request's body, as hex. */
void reserve_hash(const void *data, size_t len, char ret[65]);

#endif

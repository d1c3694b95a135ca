/*
 * localkube's objects: every one in memory as the text that is sent, written
 * through to SQLite before a change is seen, and the last changes as events
 * for watches. One sequence numbers all changes: each is one event.
 *
 * Any thread may call; one lock guards all. Versions are immutable and
 * counted: what a call returns is the caller's to kver_put.
 */
#ifndef LOCALKUBE_STORE_H
#define LOCALKUBE_STORE_H

#include <json-c/json.h>

#include "localkube_res.h"

struct err;
struct kstore;

/* One version of one object. */
struct kver {
	int refs;
	const struct kres *res;
	int64_t rv;
	char *text;		/* the JSON that is sent */
	size_t len;
	char *ns, *name, *uid;
	char **labels;		/* n_labels pairs, flat */
	size_t n_labels;
	char **owners;		/* uids of its ownerReferences */
	size_t n_owners;
};

struct kver *kver_get(struct kver *v);	/* one more reference; NULL is NULL */
void kver_put(struct kver *v);
json_object *kver_json(const struct kver *v);	/* new */
void auto_kver(struct kver **v);
#define AUTO_KVER __attribute__((cleanup(auto_kver)))

struct kstore *kstore_open(const char *path, struct err *err) MUST_CHECK;
void kstore_close(struct kstore *s);

int64_t kstore_rv(struct kstore *s);
/* NULL: there is none. */
struct kver *kstore_get(struct kstore *s, const struct kres *res,
    const char *ns, const char *name) MUST_CHECK;
struct kver *kstore_by_uid(struct kstore *s, const char *uid) MUST_CHECK;
bool kstore_uid_lives(struct kstore *s, const char *uid);
/* Objects that name uid as an owner. */
struct kver **kstore_owned(struct kstore *s, const char *uid, size_t *ret_n);

enum kstore_result { KSTORE_OK, KSTORE_EXISTS, KSTORE_CHANGED, KSTORE_FAILED };
/*
 * Creates (was NULL) or replaces the version was; the object gets its
 * resourceVersion here. KSTORE_CHANGED: was is not the current version.
 */
enum kstore_result kstore_write(struct kstore *s, const struct kres *res,
    struct kver *was, json_object *o, struct kver **ret_new, struct err *err)
    MUST_CHECK;
/* Removes the version was; o is the object as its DELETED event shows it. */
enum kstore_result kstore_remove(struct kstore *s, struct kver *was,
    json_object *o, struct err *err) MUST_CHECK;

struct kstore_page {
	struct kver **v;
	size_t n;
	bool more;		/* there is at least one behind the limit */
	int64_t rv;
	size_t behind;		/* objects behind the limit, unfiltered */
};
/*
 * Objects by namespace (NULL: all) and name, behind the given place (NULL:
 * from the start), up to limit (0: all) of those that match accepts.
 */
typedef bool (*kstore_match)(void *cls, const struct kver *v);
void kstore_list(struct kstore *s, const struct kres *res, const char *ns,
    const char *after_ns, const char *after_name, size_t limit,
    kstore_match match, void *cls, struct kstore_page *ret);
void kstore_page_release(struct kstore_page *page);

/* A change: before is NULL for a creation, gone is set for a deletion. */
struct kevent {
	struct kver *now;
	struct kver *before;
	bool gone;
	int64_t at_ms;		/* monotonic */
};
/* The oldest resourceVersion that a watch can start from. */
int64_t kstore_oldest(struct kstore *s);
/* The event numbered rv; false if it is in the future or forgotten. */
bool kstore_event(struct kstore *s, int64_t rv, struct kevent *ret);
void kevent_release(struct kevent *e);
/* Waits until the sequence has passed rv, or ms, or kstore_wake. */
void kstore_wait(struct kstore *s, int64_t rv, int64_t ms);
void kstore_wake(struct kstore *s);

#endif

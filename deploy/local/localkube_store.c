#include "config.h"

#include "localkube_store.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <search.h>

#include "buf.h"
#include "err.h"
#include "jv.h"
#include "localkube_db.h"
#include "localkube_ver.h"
#include "num.h"

/* Changes kept for watches: a count and bytes, whichever is passed first. */
#define HISTORY_MAX 16384
#define HISTORY_BYTES ((size_t)64 * 1024 * 1024)

/* The objects of one resource, in the order of lists. */
struct shelf {
	struct kver **v;
	size_t n, cap;
	size_t owned;		/* of them with owners */
};

struct kstore {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct kdb *db;
	struct shelf shelf[KRES_COUNT];
	void *by_uid;		/* tsearch tree of kver */
	int64_t rv;
	int64_t first;		/* number of the oldest event kept */
	size_t bytes;		/* of the events' texts */
	uint64_t wakes;
	struct kevent history[HISTORY_MAX]; /* by number, modulo */
};

static int
compare(const struct kver *v, const char *ns, const char *name)
{
	int order = strcmp(v->ns, ns);

	return order ? order : strcmp(v->name, name);
}

static int
by_uid(const void *a, const void *b)
{
	return strcmp(((const struct kver *)a)->uid,
	    ((const struct kver *)b)->uid);
}

/* The first place whose object is not before ns/name. */
static size_t
place(const struct shelf *shelf, const char *ns, const char *name)
{
	size_t lo = 0, hi = shelf->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (compare(shelf->v[mid], ns, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct kver **
find(struct kstore *s, const struct kres *res, const char *ns,
    const char *name)
{
	struct shelf *shelf = &s->shelf[res->id];
	size_t i = place(shelf, ns, name);

	return i < shelf->n && compare(shelf->v[i], ns, name) == 0 ?
	    &shelf->v[i] : NULL;
}

static void
shelve(struct kstore *s, struct kver *v)
{
	struct shelf *shelf = &s->shelf[v->res->id];
	size_t i = place(shelf, v->ns, v->name);

	if (shelf->n == shelf->cap) {
		shelf->cap = shelf->cap ? 2 * shelf->cap : 64;
		shelf->v = mem_realloc(shelf->v,
		    shelf->cap * sizeof *shelf->v);
	}
	memmove(shelf->v + i + 1, shelf->v + i,
	    (shelf->n - i) * sizeof *shelf->v);
	shelf->v[i] = v;
	shelf->n++;
	shelf->owned += v->n_owners > 0;
	tsearch(v, &s->by_uid, by_uid);
}

static void
unshelve(struct kstore *s, struct kver **at)
{
	struct kver *v = *at;
	struct shelf *shelf = &s->shelf[v->res->id];
	size_t i = (size_t)(at - shelf->v);

	tdelete(v, &s->by_uid, by_uid);
	memmove(shelf->v + i, shelf->v + i + 1,
	    (shelf->n - i - 1) * sizeof *shelf->v);
	shelf->n--;
	shelf->owned -= v->n_owners > 0;
}

static void
forget_oldest(struct kstore *s)
{
	struct kevent *e = &s->history[s->first % HISTORY_MAX];

	s->bytes -= e->now->len;
	kevent_release(e);
	s->first++;
}

static void
remember(struct kstore *s, struct kver *now, struct kver *before, bool gone)
{
	if (s->rv - s->first >= HISTORY_MAX)
		forget_oldest(s);
	s->history[s->rv % HISTORY_MAX] = (struct kevent) {
		.now = kver_get(now), .before = kver_get(before),
		.gone = gone, .at_ms = num_mono_ms(),
	};
	s->bytes += now->len;
	while (s->bytes > HISTORY_BYTES && s->first < s->rv)
		forget_oldest(s);
	pthread_cond_broadcast(&s->changed);
}

static bool
load_row(void *cls, const char *plural, const char *body, size_t len,
    struct err *err)
{
	struct kstore *s = cls;
	AUTO_JSON json_object *o = NULL;
	int64_t rv = 0;

	if (!jv_parse(body, len, JV_DEPTH_KUBE + 1, &o, err))
		return err_wrap(err, "a stored object of '%s'", plural);
	for (size_t i = 0; i < KRES_COUNT; i++) {
		const char *text = jv_str(o, "metadata.resourceVersion");

		if (strcmp(kres_table[i].plural, plural) != 0)
			continue;
		if (!text || !num_int(text, 1, INT64_MAX, &rv))
			return err_set(err, 500,
			    "a stored object of '%s' has no version", plural);
		shelve(s, kver_new(&kres_table[i], o, rv));
		return true;
	}
	return err_set(err, 500, "unknown stored resource '%s'", plural);
}

struct kstore *
kstore_open(const char *path, struct err *err)
{
	struct kstore *s = mem_alloc(sizeof *s);
	pthread_condattr_t attr;

	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->changed, &attr);
	pthread_condattr_destroy(&attr);
	s->db = kdb_open(path, err);
	if (!s->db || !kdb_load(s->db, load_row, s, &s->rv, err)) {
		kstore_close(s);
		return NULL;
	}
	s->first = s->rv + 1;
	return s;
}

void
kstore_close(struct kstore *s)
{
	if (!s)
		return;
	while (s->first <= s->rv && s->history[s->first % HISTORY_MAX].now)
		forget_oldest(s);
	for (size_t i = 0; i < KRES_COUNT; i++) {
		while (s->shelf[i].n > 0) {
			struct kver **last =
			    &s->shelf[i].v[s->shelf[i].n - 1];
			struct kver *v = *last;

			unshelve(s, last);
			kver_put(v);
		}
		free(s->shelf[i].v);
	}
	kdb_close(s->db);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

int64_t
kstore_rv(struct kstore *s)
{
	int64_t rv;

	pthread_mutex_lock(&s->lock);
	rv = s->rv;
	pthread_mutex_unlock(&s->lock);
	return rv;
}

struct kver *
kstore_get(struct kstore *s, const struct kres *res, const char *ns,
    const char *name)
{
	struct kver **at, *v;

	pthread_mutex_lock(&s->lock);
	at = find(s, res, ns, name);
	v = kver_get(at ? *at : NULL);
	pthread_mutex_unlock(&s->lock);
	return v;
}

struct kver *
kstore_by_uid(struct kstore *s, const char *uid)
{
	struct kver key = { .uid = mem_strdup(uid) };
	struct kver **at, *v;

	pthread_mutex_lock(&s->lock);
	at = tfind(&key, &s->by_uid, by_uid);
	v = kver_get(at ? *at : NULL);
	pthread_mutex_unlock(&s->lock);
	free(key.uid);
	return v;
}

bool
kstore_uid_lives(struct kstore *s, const char *uid)
{
	AUTO_KVER struct kver *v = kstore_by_uid(s, uid);

	return v != NULL;
}

static bool
owned_by(const struct kver *v, const char *uid)
{
	for (size_t i = 0; i < v->n_owners; i++)
		if (strcmp(v->owners[i], uid) == 0)
			return true;
	return false;
}

struct kver **
kstore_owned(struct kstore *s, const char *uid, size_t *ret_n)
{
	struct kver **list = NULL;
	size_t n = 0;

	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < KRES_COUNT; i++) {
		const struct shelf *shelf = &s->shelf[i];

		for (size_t j = 0; shelf->owned && j < shelf->n; j++) {
			if (!owned_by(shelf->v[j], uid))
				continue;
			list = mem_realloc(list, (n + 1) * sizeof *list);
			list[n++] = kver_get(shelf->v[j]);
		}
	}
	pthread_mutex_unlock(&s->lock);
	*ret_n = n;
	return list;
}

/* Sets the next resourceVersion in the object. */
static void
number(struct kstore *s, json_object *o)
{
	char rv[24];

	snprintf(rv, sizeof rv, "%lld", (long long)(s->rv + 1));
	json_object_object_add(jv_member(o, "metadata"), "resourceVersion",
	    json_object_new_string(rv));
}

static enum kstore_result
write_locked(struct kstore *s, const struct kres *res, struct kver *was,
    json_object *o, struct kver **ret_new, struct err *err)
{
	const char *ns = jv_str(o, "metadata.namespace");
	struct kver **at = find(s, res, ns ? ns : "",
	    jv_str(o, "metadata.name"));
	struct kver *now;

	if (!was && at)
		return KSTORE_EXISTS;
	if (was && (!at || *at != was))
		return KSTORE_CHANGED;
	number(s, o);
	now = kver_new(res, o, s->rv + 1);
	if (!kdb_write(s->db, res->plural, now->ns, now->name, now->text,
	    now->len, now->rv, err)) {
		kver_put(now);
		return KSTORE_FAILED;
	}
	s->rv++;
	if (at) {
		unshelve(s, at);
		kver_put(was);	/* the shelf's reference; the caller has one */
	}
	shelve(s, now);
	remember(s, now, was, /* gone= */ false);
	*ret_new = kver_get(now);
	return KSTORE_OK;
}

enum kstore_result
kstore_write(struct kstore *s, const struct kres *res, struct kver *was,
    json_object *o, struct kver **ret_new, struct err *err)
{
	enum kstore_result result;

	pthread_mutex_lock(&s->lock);
	result = write_locked(s, res, was, o, ret_new, err);
	pthread_mutex_unlock(&s->lock);
	return result;
}

static enum kstore_result
remove_locked(struct kstore *s, struct kver *was, json_object *o,
    struct err *err)
{
	struct kver **at = find(s, was->res, was->ns, was->name);
	struct kver *now;

	if (!at || *at != was)
		return KSTORE_CHANGED;
	number(s, o);
	now = kver_new(was->res, o, s->rv + 1);
	if (!kdb_write(s->db, was->res->plural, was->ns, was->name, NULL, 0,
	    now->rv, err)) {
		kver_put(now);
		return KSTORE_FAILED;
	}
	s->rv++;
	unshelve(s, at);
	kver_put(was);
	remember(s, now, was, /* gone= */ true);
	kver_put(now);
	return KSTORE_OK;
}

enum kstore_result
kstore_remove(struct kstore *s, struct kver *was, json_object *o,
    struct err *err)
{
	enum kstore_result result;

	pthread_mutex_lock(&s->lock);
	result = remove_locked(s, was, o, err);
	pthread_mutex_unlock(&s->lock);
	return result;
}

static void
page_add(struct kstore_page *page, size_t *cap, struct kver *v)
{
	if (page->n == *cap) {
		*cap = *cap ? 2 * *cap : 64;
		page->v = mem_realloc(page->v, *cap * sizeof *page->v);
	}
	page->v[page->n++] = kver_get(v);
}

void
kstore_list(struct kstore *s, const struct kres *res, const char *ns,
    const char *after_ns, const char *after_name, size_t limit,
    kstore_match match, void *cls, struct kstore_page *ret)
{
	const struct shelf *shelf = &s->shelf[res->id];
	size_t i, end, cap = 0;

	memset(ret, 0, sizeof *ret);
	pthread_mutex_lock(&s->lock);
	ret->rv = s->rv;
	i = place(shelf, ns ? ns : "", "");
	end = shelf->n;
	if (after_name) {
		i = place(shelf, after_ns, after_name);
		if (i < end &&
		    compare(shelf->v[i], after_ns, after_name) == 0)
			i++;
	}
	for (; i < end && !ret->more; i++) {
		struct kver *v = shelf->v[i];

		if (ns && strcmp(v->ns, ns) != 0)
			break;
		if (!match(cls, v))
			continue;
		ret->more = limit && ret->n == limit;
		if (!ret->more)
			page_add(ret, &cap, v);
	}
	for (i -= ret->more; ret->more && i < end; i++)
		if (!ns || strcmp(shelf->v[i]->ns, ns) == 0)
			ret->behind++;
	pthread_mutex_unlock(&s->lock);
}

void
kstore_page_release(struct kstore_page *page)
{
	for (size_t i = 0; i < page->n; i++)
		kver_put(page->v[i]);
	free(page->v);
	memset(page, 0, sizeof *page);
}

int64_t
kstore_oldest(struct kstore *s)
{
	int64_t oldest;

	pthread_mutex_lock(&s->lock);
	oldest = s->first - 1;
	pthread_mutex_unlock(&s->lock);
	return oldest;
}

bool
kstore_event(struct kstore *s, int64_t rv, struct kevent *ret)
{
	bool known;

	pthread_mutex_lock(&s->lock);
	known = rv >= s->first && rv <= s->rv;
	if (known) {
		*ret = s->history[rv % HISTORY_MAX];
		kver_get(ret->now);
		kver_get(ret->before);
	}
	pthread_mutex_unlock(&s->lock);
	return known;
}

void
kevent_release(struct kevent *e)
{
	kver_put(e->now);
	kver_put(e->before);
	memset(e, 0, sizeof *e);
}

void
kstore_wait(struct kstore *s, int64_t rv, int64_t ms)
{
	int64_t until = num_mono_ms() + ms;
	struct timespec ts = { .tv_sec = until / 1000,
	    .tv_nsec = until % 1000 * 1000000 };
	uint64_t wakes;

	pthread_mutex_lock(&s->lock);
	wakes = s->wakes;
	while (s->rv <= rv && wakes == s->wakes &&
	    pthread_cond_timedwait(&s->changed, &s->lock, &ts) != ETIMEDOUT)
		continue;
	pthread_mutex_unlock(&s->lock);
}

void
kstore_wake(struct kstore *s)
{
	pthread_mutex_lock(&s->lock);
	s->wakes++;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

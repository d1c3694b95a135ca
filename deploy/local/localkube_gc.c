#include "config.h"

#include "localkube_delete.h"

#include <pthread.h>

#include "err.h"
#include "jv.h"
#include "localkube_meta.h"
#include "log.h"
#include "num.h"

#define FOREGROUND "foregroundDeletion"
#define EVENT_MS (60 * 60 * 1000)
#define EXPIRE_MS 60000	/* between looks for old events */

static struct {
	struct kstore *store;
	pthread_t thread;
	bool stop;
	bool started;
} gc;

static void
delete_now(struct kstore *s, const struct kver *v)
{
	struct err err = ERR_INIT;

	if (kdelete_object(s, v, -1, false, &err) == KSTORE_FAILED)
		log_error("cannot collect %s '%s': %s", v->res->plural,
		    v->name, err.msg);
}

/* Whether none of the owners is there any more (one at least was named). */
static bool
orphaned(struct kstore *s, const struct kver *v)
{
	for (size_t i = 0; i < v->n_owners; i++)
		if (kstore_uid_lives(s, v->owners[i]))
			return false;
	return v->n_owners > 0;
}

static void
collect_dependents(struct kstore *s, const char *uid, bool even_if_owned)
{
	size_t n;
	struct kver **list = kstore_owned(s, uid, &n);

	for (size_t i = 0; i < n; i++) {
		if (even_if_owned || orphaned(s, list[i]))
			delete_now(s, list[i]);
		kver_put(list[i]);
	}
	free(list);
}

/* An owner that waits for its dependents goes when none is left. */
static void
finish_foreground(struct kstore *s, const struct kver *owner)
{
	AUTO_KVER struct kver *v = kstore_get(s, owner->res, owner->ns,
	    owner->name);
	AUTO_KVER struct kver *now = NULL;
	AUTO_JSON json_object *o = NULL;
	struct err err = ERR_INIT;
	size_t n;
	struct kver **list;

	if (!v)
		return;
	o = kver_json(v);
	if (!jv_get(o, "metadata.deletionTimestamp") ||
	    !kmeta_has_finalizer(o, FOREGROUND))
		return;
	collect_dependents(s, v->uid, /* even_if_owned= */ true);
	list = kstore_owned(s, v->uid, &n);
	for (size_t i = 0; i < n; i++)
		kver_put(list[i]);
	free(list);
	if (n > 0)
		return;
	kmeta_drop_finalizer(o, FOREGROUND);
	json_object_object_add(jv_member(o, "metadata"),
	    "deletionGracePeriodSeconds", json_object_new_int(0));
	if (kdelete_or_write(s, v, o, &now, &err) == KSTORE_FAILED)
		log_error("cannot finish the deletion of '%s': %s", v->name,
		    err.msg);
}

static void
follow(struct kstore *s, const struct kevent *e)
{
	if (e->gone) {
		collect_dependents(s, e->now->uid, false);
		for (size_t i = 0; i < e->now->n_owners; i++) {
			AUTO_KVER struct kver *owner =
			    kstore_by_uid(s, e->now->owners[i]);

			if (owner)
				finish_foreground(s, owner);
		}
		return;
	}
	if (strstr(e->now->text, FOREGROUND))
		finish_foreground(s, e->now);
	if (orphaned(s, e->now))
		delete_now(s, e->now);
}

static bool
owned(void *cls UNUSED, const struct kver *v)
{
	return v->n_owners > 0 || strstr(v->text, FOREGROUND);
}

/* At the start, and if changes came faster than they could be followed. */
static int64_t
sweep(struct kstore *s)
{
	int64_t rv = kstore_rv(s);

	for (size_t i = 0; i < KRES_COUNT; i++) {
		struct kstore_page page;

		kstore_list(s, &kres_table[i], NULL, NULL, NULL, 0, owned,
		    NULL, &page);
		for (size_t j = 0; j < page.n; j++) {
			struct kevent e = { .now = page.v[j] };

			follow(s, &e);
		}
		kstore_page_release(&page);
	}
	return rv;
}

static bool
is_old(void *cls, const struct kver *v)
{
	AUTO_JSON json_object *o = kver_json(v);
	const char *made = jv_str(o, "metadata.creationTimestamp");
	int64_t ms, *before = cls;

	return made && num_time_ms(made, &ms) && ms < *before;
}

/* Events are of passing interest: the real server keeps them as long. */
static void
expire_events(struct kstore *s)
{
	int64_t before = num_wall_ms() - EVENT_MS;
	struct kstore_page page;

	kstore_list(s, &kres_table[KRES_EVENT], NULL, NULL, NULL, 0, is_old,
	    &before, &page);
	for (size_t i = 0; i < page.n; i++)
		delete_now(s, page.v[i]);
	kstore_page_release(&page);
}

static void *
run(void *cls)
{
	struct kstore *s = cls;
	int64_t rv = sweep(s), expire_ms = 0;

	while (!__atomic_load_n(&gc.stop, __ATOMIC_ACQUIRE)) {
		struct kevent e;

		if (num_mono_ms() >= expire_ms) {
			expire_events(s);
			expire_ms = num_mono_ms() + EXPIRE_MS;
		}
		if (kstore_event(s, rv + 1, &e)) {
			follow(s, &e);
			kevent_release(&e);
			rv++;
		} else if (rv < kstore_oldest(s)) {
			rv = sweep(s);
		} else {
			kstore_wait(s, rv, 1000);
		}
	}
	return NULL;
}

void
kgc_start(struct kstore *s)
{
	gc.store = s;
	gc.started = pthread_create(&gc.thread, NULL, run, s) == 0;
	if (!gc.started)
		log_fatal("cannot start the collector's thread");
}

void
kgc_stop(void)
{
	if (!gc.started)
		return;
	__atomic_store_n(&gc.stop, true, __ATOMIC_RELEASE);
	kstore_wake(gc.store);
	pthread_join(gc.thread, NULL);
	gc.started = false;
}

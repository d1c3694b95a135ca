#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "buf.h"
#include "err.h"
#include "jv.h"
#include "localkube_files.h"
#include "localkube_meta.h"
#include "localkube_store.h"

static const struct kres *const maps = &kres_table[KRES_CONFIGMAP];
static const struct kres *const secrets = &kres_table[KRES_SECRET];

struct place {
	char dir[64];
	char path[96];
	struct kstore *s;
};

static void
open_store(struct place *at)
{
	struct err err = ERR_INIT;

	at->s = kstore_open(at->path, &err);
	if (!at->s)
		fail_msg("%s", err.msg);
}

static int
setup(void **state)
{
	static struct place at;

	snprintf(at.dir, sizeof at.dir, "/tmp/kstore-XXXXXX");
	if (!mkdtemp(at.dir))
		return -1;
	snprintf(at.path, sizeof at.path, "%s/objects.db", at.dir);
	open_store(&at);
	*state = &at;
	return 0;
}

static int
teardown(void **state)
{
	struct place *at = *state;

	kstore_close(at->s);
	kfiles_remove(at->dir);
	return 0;
}

static json_object *
object(const char *name, const char *owner)
{
	json_object *o = json_object_new_object();
	json_object *meta = json_object_new_object();

	json_object_object_add(o, "metadata", meta);
	json_object_object_add(meta, "name", json_object_new_string(name));
	if (owner) {
		json_object *ref = json_object_new_object();
		json_object *list = json_object_new_array();

		json_object_object_add(ref, "uid",
		    json_object_new_string(owner));
		json_object_array_add(list, ref);
		json_object_object_add(meta, "ownerReferences", list);
	}
	kmeta_new(maps, o, "ns");
	return o;
}

static struct kver *
create(struct place *at, const struct kres *res, const char *name,
    const char *owner)
{
	AUTO_JSON json_object *o = object(name, owner);
	struct kver *v = NULL;
	struct err err = ERR_INIT;

	if (kstore_write(at->s, res, NULL, o, &v, &err) != KSTORE_OK)
		fail_msg("%s is not made: %s", name, err.msg);
	return v;
}

static bool
every(void *cls UNUSED, const struct kver *v UNUSED)
{
	return true;
}

static void
versions_rise_and_are_in_the_objects(void **state)
{
	AUTO_KVER struct kver *a = create(*state, maps, "a", NULL);
	AUTO_KVER struct kver *b = create(*state, maps, "b", NULL);
	AUTO_JSON json_object *o = kver_json(b);
	char rv[24];

	snprintf(rv, sizeof rv, "%lld", (long long)b->rv);
	assert_int_equal(b->rv, a->rv + 1);
	assert_string_equal(jv_str(o, "metadata.resourceVersion"), rv);
}

static void
a_taken_name_and_an_old_version_are_told(void **state)
{
	struct place *at = *state;
	AUTO_KVER struct kver *was = create(at, maps, "a", NULL);
	AUTO_KVER struct kver *now = NULL;
	AUTO_KVER struct kver *none = NULL;
	AUTO_JSON json_object *o = kver_json(was);
	struct err err = ERR_INIT;

	assert_int_equal(kstore_write(at->s, maps, NULL, o, &none, &err),
	    KSTORE_EXISTS);
	assert_int_equal(kstore_write(at->s, maps, was, o, &now, &err),
	    KSTORE_OK);
	assert_int_equal(kstore_write(at->s, maps, was, o, &none, &err),
	    KSTORE_CHANGED);
	assert_int_equal(kstore_remove(at->s, was, o, &err), KSTORE_CHANGED);
	assert_null(none);
}

static void
lists_are_in_order_and_in_pages(void **state)
{
	struct place *at = *state;
	static const char *const names[] = { "c", "a", "e", "b", "d" };
	struct kstore_page page;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		kver_put(create(at, maps, names[i], NULL));

	kstore_list(at->s, maps, "ns", NULL, NULL, 2, every, NULL, &page);
	assert_int_equal(page.n, 2);
	assert_string_equal(page.v[0]->name, "a");
	assert_string_equal(page.v[1]->name, "b");
	assert_true(page.more);
	assert_int_equal(page.behind, 3);
	kstore_page_release(&page);

	kstore_list(at->s, maps, NULL, "ns", "c", 5, every, NULL, &page);
	assert_int_equal(page.n, 2);
	assert_string_equal(page.v[0]->name, "d");
	assert_false(page.more);
	kstore_page_release(&page);

	kstore_list(at->s, maps, "other", NULL, NULL, 0, every, NULL, &page);
	assert_int_equal(page.n, 0);
	kstore_page_release(&page);
}

static void
each_change_is_one_event(void **state)
{
	struct place *at = *state;
	int64_t since = kstore_rv(at->s);
	AUTO_KVER struct kver *a = create(at, maps, "a", NULL);
	AUTO_JSON json_object *o = kver_json(a);
	struct err err = ERR_INIT;
	struct kevent e;

	assert_int_equal(kstore_remove(at->s, a, o, &err), KSTORE_OK);

	assert_true(kstore_event(at->s, since + 1, &e));
	assert_null(e.before);
	assert_false(e.gone);
	kevent_release(&e);
	assert_true(kstore_event(at->s, since + 2, &e));
	assert_true(e.gone);
	assert_ptr_equal(e.before, a);
	assert_int_equal(e.now->rv, since + 2);
	kevent_release(&e);
	assert_false(kstore_event(at->s, since + 3, &e));
	assert_false(kstore_event(at->s, since, &e));
}

static void
old_events_are_forgotten(void **state)
{
	struct place *at = *state;
	int64_t since = kstore_oldest(at->s);
	AUTO_KVER struct kver *v = create(at, maps, "a", NULL);
	struct err err = ERR_INIT;
	struct kevent e;

	for (int i = 0; i < 16400; i++) {
		AUTO_JSON json_object *o = kver_json(v);
		struct kver *now = NULL;

		assert_int_equal(kstore_write(at->s, maps, v, o, &now, &err),
		    KSTORE_OK);
		kver_put(v);
		v = now;
	}

	assert_true(kstore_oldest(at->s) > since);
	assert_false(kstore_event(at->s, since + 1, &e));
	assert_true(kstore_event(at->s, kstore_oldest(at->s) + 1, &e));
	kevent_release(&e);
}

static void
what_was_written_is_there_again(void **state)
{
	struct place *at = *state;
	AUTO_KVER struct kver *a = create(at, maps, "a", NULL);
	AUTO_KVER struct kver *b = create(at, maps, "b", NULL);
	AUTO_KVER struct kver *same = NULL;
	AUTO_KVER struct kver *gone = NULL;
	AUTO_JSON json_object *o = kver_json(b);
	struct err err = ERR_INIT;
	int64_t rv;

	assert_int_equal(kstore_remove(at->s, b, o, &err), KSTORE_OK);
	rv = kstore_rv(at->s);

	kstore_close(at->s);
	open_store(at);

	same = kstore_get(at->s, maps, "ns", "a");
	gone = kstore_get(at->s, maps, "ns", "b");
	assert_non_null(same);
	assert_string_equal(same->text, a->text);
	assert_null(gone);
	assert_int_equal(kstore_rv(at->s), rv);
	assert_int_equal(kstore_oldest(at->s), rv);
}

static void
owners_are_found_both_ways(void **state)
{
	struct place *at = *state;
	AUTO_KVER struct kver *owner = create(at, maps, "owner", NULL);
	AUTO_KVER struct kver *owned = create(at, secrets, "s", owner->uid);
	AUTO_KVER struct kver *found = kstore_by_uid(at->s, owner->uid);
	struct kver **list;
	size_t n;

	list = kstore_owned(at->s, owner->uid, &n);
	assert_int_equal(n, 1);
	assert_ptr_equal(list[0], owned);
	assert_ptr_equal(found, owner);
	assert_true(kstore_uid_lives(at->s, owned->uid));
	assert_false(kstore_uid_lives(at->s, "nobody"));
	kver_put(list[0]);
	free(list);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(versions_rise_and_are_in_the_objects),
		TEST(a_taken_name_and_an_old_version_are_told),
		TEST(lists_are_in_order_and_in_pages),
		TEST(each_change_is_one_event),
		TEST(old_events_are_forgotten),
		TEST(what_was_written_is_there_again),
		TEST(owners_are_found_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <cmocka.h>

#include "cache.h"
#include "cache_shm.h"
#include "cache_write.h"
#include "num.h"
#include "own.h"
#include "sample.h"
#include "shm.h"

#define OBJECTS 1000
#define BYTES (1 << 20)
#define WORKERS 2

struct fixture {
	void *mem, *own_mem;
	struct own *own;
	struct cache *cache;
	struct cache_writer *writer;
};

static int
setup_of(void **state, int64_t objects, int64_t bytes)
{
	struct fixture *f = mem_alloc(sizeof *f);

	f->mem = shm_map(cache_size(objects, bytes), false);
	cache_format(f->mem, objects, bytes);
	f->own_mem = shm_map(own_size(WORKERS), false);
	f->own = own_open(f->own_mem, WORKERS);
	f->cache = cache_open(f->mem, f->own);
	f->writer = cache_writer_new(f->mem);
	*state = f;
	return 0;
}

static int
setup(void **state)
{
	return setup_of(state, OBJECTS, BYTES);
}

/* Room for four records and half of the longest view. */
static int
setup_small(void **state)
{
	return setup_of(state, 4, 256 << 10);
}

static int
setup_large(void **state)
{
	return setup_of(state, 10000, 16 << 20);
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	cache_writer_free(f->writer);
	cache_close(f->cache);
	own_close(f->own);
	free(f);	/* the mappings end with the test */
	return 0;
}

static bool
put_long(struct fixture *f, int32_t id, unsigned round, size_t long_by)
{
	AUTO_SAMPLE struct sample s;

	sample_init(&s, APP_BATCH, id, round, long_by);
	return cache_put(f->writer, &s.app, &s.text, &s.view);
}

static void
put(struct fixture *f, int32_t id, unsigned round)
{
	assert_true(put_long(f, id, round, 0));
}

static void
create(struct fixture *f, int slot, int32_t id, unsigned round)
{
	AUTO_SAMPLE struct sample s;

	sample_init(&s, APP_BATCH, id, round, 0);
	assert_true(own_created(f->own, slot, &s.app, &s.text, &s.view));
}

/* Asserts that a page holds exactly these ids (-1 ends), and the total. */
static void
assert_page(struct fixture *f, int64_t from, int64_t size, int64_t total,
    const int32_t *ids)
{
	AUTO_BUF struct buf page = BUF_INIT(1 << 20), want = BUF_INIT(1 << 20);
	AUTO_VIEW struct cache_view v = CACHE_VIEW_INIT;
	int64_t got_total = -1;

	for (; *ids >= 0; ids++) {
		if (want.len)
			buf_addch(&want, ',');
		assert_int_equal(cache_get(f->cache, APP_BATCH, *ids, &v),
		    CACHE_FOUND);
		assert_int_equal(v.app.id, *ids);
		cache_view_json(&v, NULL, &want);
	}
	cache_page(f->cache, APP_BATCH, from, size, NULL, &page, &got_total);

	assert_string_equal(page.data, want.data);
	assert_int_equal(got_total, total);
}
#define IDS(...) (const int32_t[]){ __VA_ARGS__, -1 }

static void
nothing_is_seen_before_the_first_whole_list(void **state)
{
	struct fixture *f = *state;
	AUTO_VIEW struct cache_view v = CACHE_VIEW_INIT;
	struct cache_health h;

	put(f, 1, 0);
	cache_spoke(f->writer, num_mono_ms());
	cache_health(f->cache, &h);
	assert_false(h.synced);
	assert_int_equal(h.age_ms, -1);
	assert_int_equal(cache_get(f->cache, APP_BATCH, 1, &v), CACHE_ABSENT);

	cache_publish(f->writer);

	cache_health(f->cache, &h);
	assert_true(h.synced);
	assert_in_range(h.age_ms, 0, 60000);
	cache_spoke(f->writer, num_mono_ms() - 5000);
	cache_health(f->cache, &h);
	assert_in_range(h.age_ms, 5000, 60000);
	assert_int_equal(h.objects, 1);
	assert_int_equal(cache_get(f->cache, APP_BATCH, 1, &v), CACHE_FOUND);
}

static void
an_application_is_read_as_it_was_put(void **state)
{
	struct fixture *f = *state;
	AUTO_VIEW struct cache_view v = CACHE_VIEW_INIT;
	AUTO_BUF struct buf json = BUF_INIT(4096), want = BUF_INIT(4096);
	AUTO_SAMPLE struct sample s;
	enum livy_state livy;

	sample_init(&s, APP_BATCH, 5, 3, 700);
	s.text.error = "driver container failed with ExitCode: 1";
	assert_true(cache_put(f->writer, &s.app, &s.text, &s.view));
	cache_publish(f->writer);

	assert_int_equal(cache_get(f->cache, APP_BATCH, 5, &v), CACHE_FOUND);
	assert_memory_equal(&v.app, &s.app, sizeof v.app);
	assert_string_equal(v.text.object, "livy-gw-b-5");
	assert_string_equal(v.text.error, s.text.error);
	assert_null(v.text.proxy_user);
	cache_view_json(&v, NULL, &json);
	sample_json(&s, &want);
	assert_string_equal(json.data, want.data);
	assert_int_equal(cache_get_state(f->cache, APP_BATCH, 5, &livy),
	    CACHE_FOUND);
	assert_int_equal(livy, LIVY_RUNNING);
	assert_int_equal(cache_get(f->cache, APP_SESSION, 5, &v),
	    CACHE_ABSENT);
	assert_int_equal(cache_get_state(f->cache, APP_BATCH, 4, &livy),
	    CACHE_ABSENT);
}

static void
a_view_can_have_another_log(void **state)
{
	struct fixture *f = *state;
	AUTO_VIEW struct cache_view v = CACHE_VIEW_INIT;
	AUTO_BUF struct buf json = BUF_INIT(4096), log = BUF_INIT(100);

	put(f, 5, 0);
	cache_publish(f->writer);
	buf_addstr(&log, "\"mine\"");
	assert_int_equal(cache_get(f->cache, APP_BATCH, 5, &v), CACHE_FOUND);
	cache_view_json(&v, &log, &json);

	assert_string_equal(json.data, "{\"id\":5,\"r\":0,\"state\":\"starting"
	    "\",\"r\":0,\"log\":[\"mine\"],\"r\":0}");
}

static void
changes_are_seen_in_place(void **state)
{
	struct fixture *f = *state;
	AUTO_VIEW struct cache_view v = CACHE_VIEW_INIT;
	struct cache_health h;

	cache_publish(f->writer);
	for (unsigned round = 0; round < 100; round++) {
		assert_true(put_long(f, 5, round, round * 20));
		assert_int_equal(cache_get(f->cache, APP_BATCH, 5, &v),
		    CACHE_FOUND);
		assert_int_equal(v.app.exit_code, round);
	}
	cache_remove(f->writer, APP_BATCH, 5);
	cache_remove(f->writer, APP_BATCH, 6);

	assert_int_equal(cache_get(f->cache, APP_BATCH, 5, &v), CACHE_ABSENT);
	cache_health(f->cache, &h);
	assert_int_equal(h.objects, 0);
}

static void
pages_are_clamped_as_livy_does(void **state)
{
	struct fixture *f = *state;

	cache_publish(f->writer);
	assert_page(f, 0, 100, 0, IDS(-1));
	put(f, 10, 0);
	put(f, 100, 0);
	put(f, 2, 0);
	put(f, 11, 0);

	assert_page(f, 0, 100, 4, IDS(2, 10, 11, 100));
	assert_page(f, 1, 2, 4, IDS(10, 11));
	assert_page(f, -1, 3, 4, IDS(2, 10));
	assert_page(f, 3, INT64_MAX, 4, IDS(100));
	assert_page(f, INT64_MAX, INT64_MAX, 4, IDS(-1));
	assert_page(f, 4, 1, 4, IDS(-1));
	assert_page(f, 0, 0, 4, IDS(-1));
	assert_page(f, 0, -5, 4, IDS(-1));
	assert_page(f, INT64_MIN, INT64_MIN, 4, IDS(-1));
	assert_page(f, INT64_MIN, INT64_MAX, 4, IDS(-1));
}

static void
a_name_finds_its_application(void **state)
{
	struct fixture *f = *state;
	AUTO_VIEW struct cache_view v = CACHE_VIEW_INIT;

	cache_publish(f->writer);
	for (int32_t id = 0; id < 200; id++)
		put(f, id, 0);
	cache_remove(f->writer, APP_BATCH, 50);

	assert_int_equal(cache_find_name(f->cache, APP_BATCH, "name 199", &v),
	    CACHE_FOUND);
	assert_int_equal(v.app.id, 199);
	assert_int_equal(cache_find_name(f->cache, APP_BATCH, "name 50", &v),
	    CACHE_ABSENT);
	assert_int_equal(cache_find_name(f->cache, APP_SESSION, "name 1", &v),
	    CACHE_ABSENT);
}

static void
a_name_whose_owner_was_deleted_finds_the_new_one(void **state)
{
	struct fixture *f = *state;
	AUTO_VIEW struct cache_view v = CACHE_VIEW_INIT;
	AUTO_SAMPLE struct sample s;

	cache_publish(f->writer);
	put(f, 1, 0);
	assert_true(own_deleted(f->own, 0, APP_BATCH, 1, "uid-1"));
	assert_int_equal(cache_find_name(f->cache, APP_BATCH, "name 1", &v),
	    CACHE_DELETED);

	sample_init(&s, APP_BATCH, 2, 0, 0);
	s.text.name = "name 1";
	assert_true(own_created(f->own, 1, &s.app, &s.text, &s.view));
	assert_int_equal(cache_find_name(f->cache, APP_BATCH, "name 1", &v),
	    CACHE_FOUND);
	assert_int_equal(v.app.id, 2);
	assert_true(cache_put(f->writer, &s.app, &s.text, &s.view));
	own_settle(f->own, APP_BATCH, 2, false);
	assert_int_equal(cache_find_name(f->cache, APP_BATCH, "name 1", &v),
	    CACHE_FOUND);
	assert_int_equal(v.app.id, 2);
}

static void
own_creates_and_deletes_are_merged(void **state)
{
	struct fixture *f = *state;
	AUTO_VIEW struct cache_view v = CACHE_VIEW_INIT;
	enum livy_state livy;

	cache_publish(f->writer);
	put(f, 1, 0);
	put(f, 2, 0);
	create(f, 0, 3, 1);
	create(f, 1, 0, 0);
	assert_true(own_deleted(f->own, 1, APP_BATCH, 2, "uid-2"));

	assert_page(f, 0, 100, 3, IDS(0, 1, 3));
	assert_page(f, 1, 2, 3, IDS(1, 3));
	assert_int_equal(cache_get(f->cache, APP_BATCH, 2, &v),
	    CACHE_DELETED);
	assert_int_equal(cache_get_state(f->cache, APP_BATCH, 2, &livy),
	    CACHE_DELETED);
	assert_int_equal(cache_get_state(f->cache, APP_BATCH, 3, &livy),
	    CACHE_FOUND);
	assert_int_equal(livy, LIVY_RUNNING);

	/* the watcher's word is newer than the worker's */
	put(f, 3, 8);
	assert_int_equal(cache_get(f->cache, APP_BATCH, 3, &v), CACHE_FOUND);
	assert_int_equal(v.app.exit_code, 8);
	own_settle(f->own, APP_BATCH, 3, false);
	cache_remove(f->writer, APP_BATCH, 2);
	own_settle(f->own, APP_BATCH, 2, true);
	assert_page(f, 0, 100, 3, IDS(0, 1, 3));
	assert_int_equal(cache_get(f->cache, APP_BATCH, 2, &v), CACHE_ABSENT);
}

static void
the_highest_id_may_be_an_own_write(void **state)
{
	struct fixture *f = *state;

	cache_publish(f->writer);
	assert_int_equal(cache_highest(f->cache, APP_BATCH), -1);
	put(f, 7, 0);
	put(f, 3, 0);
	assert_int_equal(cache_highest(f->cache, APP_BATCH), 7);
	create(f, 0, 9, 0);
	create(f, 1, 8, 0);
	assert_int_equal(cache_highest(f->cache, APP_BATCH), 9);
	assert_int_equal(cache_highest(f->cache, APP_SESSION), -1);
}

static void
too_many_applications_are_counted_and_can_come_later(void **state)
{
	struct fixture *f = *state;
	enum app_kind kind;
	struct cache_health h;
	int32_t id;

	cache_publish(f->writer);
	for (id = 0; id < 4; id++)
		put(f, id, 0);
	assert_false(put_long(f, 4, 0, 0));
	assert_false(put_long(f, 4, 1, 0));
	assert_false(put_long(f, 5, 0, 0));
	cache_health(f->cache, &h);
	assert_int_equal(h.objects, 4);
	assert_int_equal(h.dropped, 2);

	cache_remove(f->writer, APP_BATCH, 0);
	assert_true(cache_next_dropped(f->writer, &kind, &id));
	assert_int_equal(id, 4);
	put(f, id, 2);
	cache_remove(f->writer, APP_BATCH, 5);

	cache_health(f->cache, &h);
	assert_int_equal(h.dropped, 0);
	assert_false(cache_next_dropped(f->writer, &kind, &id));
	assert_page(f, 0, 100, 4, IDS(1, 2, 3, 4));
}

static void
a_view_without_room_keeps_what_is_needed_to_fetch_it(void **state)
{
	struct fixture *f = *state;
	AUTO_VIEW struct cache_view v = CACHE_VIEW_INIT;
	AUTO_BUF struct buf page = BUF_INIT(65536);
	struct cache_health h;
	int64_t total;

	cache_publish(f->writer);
	assert_true(put_long(f, 1, 0, 70000));
	assert_false(put_long(f, 2, 1, 300000)); /* longer than any block */
	assert_int_equal(cache_get(f->cache, APP_BATCH, 2, &v), CACHE_FOUND);
	assert_false(v.whole);
	assert_string_equal(v.text.ns, "default");
	assert_string_equal(v.text.object, "livy-gw-b-2");
	cache_health(f->cache, &h);
	assert_int_equal(h.partial, 1);
	assert_int_equal(h.dropped, 0);
	cache_page(f->cache, APP_BATCH, 1, 1, NULL, &page, &total);
	assert_string_equal(page.data, "{\"id\":2,\"name\":\"name 2\",\"owner"
	    "\":\"owner 1\",\"proxyUser\":null,\"state\":\"running\",\"appId\""
	    ":null,\"appInfo\":{\"driverLogUrl\":null,\"sparkUiUrl\":null,"
	    "\"executorLogUrls\":null},\"log\":[]}");

	put(f, 2, 2);
	assert_false(put_long(f, 3, 0, 20000));	/* long ones have their half */
	assert_true(put_long(f, 4, 0, 10000));
	cache_health(f->cache, &h);
	assert_int_equal(h.partial, 1);
	cache_remove(f->writer, APP_BATCH, 3);
	cache_health(f->cache, &h);
	assert_int_equal(h.partial, 0);
}

static void
room_for_strings_is_never_lost(void **state)
{
	struct fixture *f = *state;

	cache_publish(f->writer);
	for (unsigned round = 0; round < 5000; round++)
		for (int32_t id = 0; id < 4; id++) {
			put_long(f, id, round, (round * 7919 +
			    (unsigned)id * 104729) % 60000);
			if ((round + (unsigned)id) % 5 == 0)
				cache_remove(f->writer, APP_BATCH, id);
		}
	for (int32_t id = 0; id < 4; id++)
		cache_remove(f->writer, APP_BATCH, id);

	assert_true(put_long(f, 1, 1, 70000));
	assert_true(put_long(f, 2, 1, 15000));
}

static void
ten_thousand_applications_fit_and_are_found(void **state)
{
	struct fixture *f = *state;
	AUTO_VIEW struct cache_view v = CACHE_VIEW_INIT;
	AUTO_BUF struct buf page = BUF_INIT(32 << 20);
	struct cache_health h;
	int64_t total;

	/* in the order in which a list comes: by name, not by number */
	for (int32_t last = 0; last < 10; last++)
		for (int32_t id = last; id < 10000; id += 10)
			assert_true(put_long(f, id, (unsigned)id, 600));
	cache_publish(f->writer);

	for (int32_t id = 0; id < 10000; id++) {
		assert_int_equal(cache_get(f->cache, APP_BATCH, id, &v),
		    CACHE_FOUND);
		assert_int_equal(v.app.exit_code, id);
	}
	cache_page(f->cache, APP_BATCH, 0, 10000, NULL, &page, &total);
	assert_int_equal(total, 10000);
	assert_true(buf_ok(&page));
	assert_in_range(page.len, 6000000, 9000000);
	cache_health(f->cache, &h);
	assert_int_equal(h.objects, 10000);
	assert_int_equal(h.dropped + h.partial, 0);
}

static void
a_new_writer_starts_unseen_and_swaps(void **state)
{
	struct fixture *f = *state;
	AUTO_VIEW struct cache_view v = CACHE_VIEW_INIT;

	put(f, 1, 0);
	put(f, 2, 0);
	cache_publish(f->writer);
	cache_writer_free(f->writer);

	f->writer = cache_writer_new(f->mem);
	put(f, 2, 5);
	put(f, 3, 5);
	assert_int_equal(cache_get(f->cache, APP_BATCH, 3, &v), CACHE_ABSENT);
	assert_int_equal(cache_get(f->cache, APP_BATCH, 2, &v), CACHE_FOUND);
	assert_int_equal(v.app.exit_code, 0);

	cache_publish(f->writer);
	assert_int_equal(cache_get(f->cache, APP_BATCH, 1, &v), CACHE_ABSENT);
	assert_int_equal(cache_get(f->cache, APP_BATCH, 2, &v), CACHE_FOUND);
	assert_int_equal(v.app.exit_code, 5);
	assert_page(f, 0, 10, 2, IDS(2, 3));
}

/* Applications as they are told; in between, another watcher comes. */
struct told {
	struct fixture *f;
	int32_t ids[OBJECTS];
	size_t count;
	size_t swaps;	/* still to come, one an application */
};

static bool
told(void *arg, const struct app *app)
{
	struct told *t = arg;

	t->ids[t->count++] = app->id;
	if (t->swaps == 0)
		return true;
	t->swaps--;
	cache_writer_free(t->f->writer);
	t->f->writer = cache_writer_new(t->f->mem);
	for (int32_t id = 0; id < 20; id++)
		put(t->f, id, 1);
	cache_publish(t->f->writer);
	return true;
}

static void
each_is_told_once_though_the_arena_is_swapped(void **state)
{
	struct told t = { .f = *state, .swaps = 3 };

	for (int32_t id = 0; id < 20; id++)
		put(t.f, id, 0);
	cache_publish(t.f->writer);

	assert_true(cache_each(t.f->cache, APP_BATCH, told, &t));

	assert_int_equal(t.count, 20);
	for (int32_t id = 0; id < 20; id++)
		assert_int_equal(t.ids[id], id);
}

static void
who_counts_is_told_that_some_may_be_missing(void **state)
{
	struct told t = { .f = *state };
	struct cache_shm *shm = t.f->mem;
	struct cache_layout l;
	struct cache_record *r;
	struct cache_arena *a;

	for (int32_t id = 0; id < 20; id++)
		put(t.f, id, 0);
	cache_publish(t.f->writer);
	cache_layout(&l, OBJECTS, BYTES);
	a = cache_arena_at(shm, &l, atomic_load(&shm->view));

	/* a writer that dies, or is not let run, in the middle of a change */
	r = &cache_records(a, &l)[cache_ids(a, &l, APP_BATCH)[7].record];
	seq_write_begin(&r->seq);
	assert_false(cache_each(t.f->cache, APP_BATCH, told, &t));
	seq_write_end(&r->seq);
	assert_int_equal(t.count, 7);

	seq_write_begin(&a->ids_seq[APP_BATCH]);
	t.count = 0;
	assert_false(cache_each(t.f->cache, APP_BATCH, told, &t));
	seq_write_end(&a->ids_seq[APP_BATCH]);
	assert_int_equal(t.count, 0);
	assert_true(cache_each(t.f->cache, APP_BATCH, told, &t));
	assert_int_equal(t.count, 20);
}

#define TEST(name, setup) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_seen_before_the_first_whole_list, setup),
		TEST(an_application_is_read_as_it_was_put, setup),
		TEST(a_view_can_have_another_log, setup),
		TEST(changes_are_seen_in_place, setup),
		TEST(pages_are_clamped_as_livy_does, setup),
		TEST(a_name_finds_its_application, setup),
		TEST(a_name_whose_owner_was_deleted_finds_the_new_one, setup),
		TEST(own_creates_and_deletes_are_merged, setup),
		TEST(the_highest_id_may_be_an_own_write, setup),
		TEST(too_many_applications_are_counted_and_can_come_later,
		    setup_small),
		TEST(a_view_without_room_keeps_what_is_needed_to_fetch_it,
		    setup_small),
		TEST(room_for_strings_is_never_lost, setup_small),
		TEST(ten_thousand_applications_fit_and_are_found, setup_large),
		TEST(a_new_writer_starts_unseen_and_swaps, setup),
		TEST(each_is_told_once_though_the_arena_is_swapped, setup),
		TEST(who_counts_is_told_that_some_may_be_missing, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

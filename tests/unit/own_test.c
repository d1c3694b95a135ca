#include "config.h"

#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "cache.h"
#include "own.h"
#include "sample.h"
#include "shm.h"

#define WORKERS 3

struct fixture {
	void *mem;
	struct own *own;
};

static int
setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof *f);

	f->mem = shm_map(own_size(WORKERS), false);
	f->own = own_open(f->mem, WORKERS);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	own_close(f->own);
	munmap(f->mem, own_size(WORKERS));
	free(f);
	return 0;
}

static void
create(struct own *own, int slot, int32_t id, unsigned round)
{
	AUTO_SAMPLE struct sample s;

	sample_init(&s, APP_BATCH, id, round, 0);
	assert_true(own_has_room(own, slot));
	assert_true(own_created(own, slot, &s.app, &s.text, &s.view));
}

static void
a_create_is_found_whole_by_id_and_name(void **state)
{
	struct fixture *f = *state;
	AUTO_VIEW struct cache_view v = CACHE_VIEW_INIT;
	AUTO_BUF struct buf json = BUF_INIT(4096), want = BUF_INIT(4096);
	AUTO_SAMPLE struct sample s;

	sample_init(&s, APP_BATCH, 7, 3, 100);
	assert_true(own_created(f->own, 1, &s.app, &s.text, &s.view));

	assert_int_equal(own_find(f->own, APP_BATCH, 7, &v), OWN_CREATED);
	assert_int_equal(v.app.exit_code, 3);
	assert_string_equal(v.text.owner, "owner 3");
	assert_null(v.text.error);
	assert_true(v.whole);
	cache_view_json(&v, NULL, &json);
	sample_json(&s, &want);
	assert_string_equal(json.data, want.data);
	assert_int_equal(own_find_name(f->own, APP_BATCH, "name 7", &v),
	    OWN_CREATED);
	assert_int_equal(v.app.id, 7);
	assert_int_equal(own_find(f->own, APP_SESSION, 7, NULL), OWN_NONE);
	assert_int_equal(own_find_name(f->own, APP_SESSION, "name 7", &v),
	    OWN_NONE);
}

static void
a_long_view_keeps_its_names_but_not_its_parts(void **state)
{
	struct fixture *f = *state;
	AUTO_VIEW struct cache_view v = CACHE_VIEW_INIT;
	AUTO_SAMPLE struct sample s;

	sample_init(&s, APP_BATCH, 7, 3, OWN_BYTES);
	assert_true(own_created(f->own, 0, &s.app, &s.text, &s.view));

	assert_int_equal(own_find(f->own, APP_BATCH, 7, &v), OWN_CREATED);
	assert_false(v.whole);
	assert_string_equal(v.text.name, "name 7");
}

static void
a_delete_hides_a_create_of_another_worker(void **state)
{
	struct fixture *f = *state;
	AUTO_VIEW struct cache_view v = CACHE_VIEW_INIT;
	int32_t ids[8];

	create(f->own, 2, 7, 0);
	assert_true(own_deleted(f->own, 0, APP_BATCH, 7, "uid-7"));

	assert_int_equal(own_find(f->own, APP_BATCH, 7, &v), OWN_DELETED);
	assert_int_equal(own_find_name(f->own, APP_BATCH, "name 7", &v),
	    OWN_NONE);
	assert_int_equal(own_ids(f->own, APP_BATCH, OWN_DELETED, ids, 8), 1);
}

static void
what_the_watcher_saw_is_settled(void **state)
{
	struct fixture *f = *state;

	create(f->own, 0, 7, 0);
	assert_true(own_deleted(f->own, 1, APP_BATCH, 7, "uid-7"));
	create(f->own, 1, 8, 0);

	/* seen, but not its end yet */
	own_settle(f->own, APP_BATCH, 7, false);
	assert_int_equal(own_find(f->own, APP_BATCH, 7, NULL), OWN_DELETED);
	own_settle(f->own, APP_BATCH, 7, true);
	assert_int_equal(own_find(f->own, APP_BATCH, 7, NULL), OWN_NONE);
	assert_int_equal(own_find(f->own, APP_BATCH, 8, NULL), OWN_CREATED);
}

static void
ids_come_ascending_and_once(void **state)
{
	struct fixture *f = *state;
	int32_t ids[8];

	create(f->own, 0, 30, 0);
	create(f->own, 1, 10, 0);
	create(f->own, 2, 20, 0);
	create(f->own, 0, 10, 1);

	assert_int_equal(own_ids(f->own, APP_BATCH, OWN_CREATED, ids, 8), 3);
	assert_int_equal(ids[0], 10);
	assert_int_equal(ids[1], 20);
	assert_int_equal(ids[2], 30);
}

static void
a_full_ring_refuses_until_something_settles(void **state)
{
	struct fixture *f = *state;
	AUTO_SAMPLE struct sample s;

	for (int32_t id = 0; id < OWN_RING; id++)
		create(f->own, 1, id, 0);
	sample_init(&s, APP_BATCH, OWN_RING, 0, 0);
	assert_false(own_has_room(f->own, 1));
	assert_false(own_created(f->own, 1, &s.app, &s.text, &s.view));
	assert_false(own_deleted(f->own, 1, APP_BATCH, 1, "uid-1"));
	assert_true(own_has_room(f->own, 0));

	own_settle(f->own, APP_BATCH, 33, false);
	create(f->own, 1, OWN_RING, 0);

	assert_false(own_has_room(f->own, 1));
	assert_int_equal(own_find(f->own, APP_BATCH, 33, NULL), OWN_NONE);
	assert_int_equal(own_find(f->own, APP_BATCH, OWN_RING, NULL),
	    OWN_CREATED);
}

static void
the_watcher_can_go_through_what_is_open(void **state)
{
	struct fixture *f = *state;
	struct own_write w;
	size_t cursor = 0;

	create(f->own, 0, 7, 0);
	create(f->own, 0, 8, 0);
	own_settle(f->own, APP_BATCH, 7, false);
	assert_true(own_deleted(f->own, 2, APP_SESSION, 9, "uid-9"));

	assert_true(own_next(f->own, &cursor, &w));
	assert_int_equal(w.id, 8);
	assert_int_equal(w.op, OWN_CREATED);
	assert_true(w.since_ms > 0);
	assert_true(own_next(f->own, &cursor, &w));
	assert_int_equal(w.id, 9);
	assert_int_equal(w.kind, APP_SESSION);
	assert_int_equal(w.op, OWN_DELETED);
	assert_false(own_next(f->own, &cursor, &w));
}

/* Writes creates until it is killed; its slot's writes go on with id. */
static pid_t
start_writer(struct own *own, int slot)
{
	pid_t pid = fork();

	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);	/* if the test fails */
	if (pid == 0)
		for (int32_t id = 0;; id = (id + 1) % 50) {
			create(own, slot, id, 0);
			own_settle(own, APP_BATCH, id, false);
		}
	assert_true(pid > 0);
	return pid;
}

static void
a_killed_worker_leaves_a_ring_that_its_successor_goes_on_with(void **state)
{
	struct fixture *f = *state;
	AUTO_VIEW struct cache_view v = CACHE_VIEW_INIT;
	int32_t ids[4];

	for (int i = 0; i < 100; i++) {
		uint64_t until = own_settled(f->own) + 10 + (uint64_t)i;
		pid_t pid = start_writer(f->own, 1);

		while (own_settled(f->own) < until)
			sched_yield();
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		/* at most the one that was not settled yet is left */
		assert_in_range(own_ids(f->own, APP_BATCH, OWN_CREATED, ids,
		    4), 0, 1);
		create(f->own, 1, 1000 + i, (unsigned)i);
		assert_int_equal(own_find(f->own, APP_BATCH, 1000 + i, &v),
		    OWN_CREATED);
		assert_int_equal(v.app.exit_code, i);
		own_settle(f->own, APP_BATCH, 1000 + i, false);
		for (int32_t id = 0; id < 50; id++)
			own_settle(f->own, APP_BATCH, id, false);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_create_is_found_whole_by_id_and_name),
		TEST(a_long_view_keeps_its_names_but_not_its_parts),
		TEST(a_delete_hides_a_create_of_another_worker),
		TEST(what_the_watcher_saw_is_settled),
		TEST(ids_come_ascending_and_once),
		TEST(a_full_ring_refuses_until_something_settles),
		TEST(the_watcher_can_go_through_what_is_open),
		TEST(a_killed_worker_leaves_a_ring_that_its_successor_goes_on_with),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

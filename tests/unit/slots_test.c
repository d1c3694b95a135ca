#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "buf.h"
#include "num.h"
#include "slots.h"

#define COUNT 4

static int
setup(void **state)
{
	struct slots *s = mem_alloc(slots_size(COUNT));

	slots_format(s, COUNT);
	for (int i = 0; i < COUNT; i++)
		slot_assign(&s->slot[i], 100 + i);
	*state = s;
	return 0;
}

static int
teardown(void **state)
{
	free(*state);
	return 0;
}

static void
only_so_many_may_call_outside_at_once(void **state)
{
	struct slots *s = *state;

	assert_true(slot_calling_begin(s, 0, 2));
	assert_true(slot_calling_begin(s, 1, 2));
	assert_false(slot_calling_begin(s, 2, 2));
	assert_int_equal(s->slot[2].refused, 1);

	slot_calling_end(s, 0);
	assert_true(slot_calling_begin(s, 2, 2));
}

static void
a_driver_and_a_user_hold_a_few_calls_only(void **state)
{
	static const struct slot_limits few = { .pool = 4, .driver = 1,
		.user = 2 };
	struct slots *s = *state;

	assert_int_equal(slot_calling_driver(s, 0, 7, "ann", &few),
	    SLOT_CALL_GRANTED);
	assert_int_equal(slot_calling_driver(s, 1, 7, "bob", &few),
	    SLOT_CALL_DRIVER_FULL);
	assert_int_equal(slot_calling_driver(s, 1, 8, "ann", &few),
	    SLOT_CALL_GRANTED);
	assert_int_equal(slot_calling_driver(s, 2, 9, "ann", &few),
	    SLOT_CALL_USER_FULL);
	assert_int_equal(slot_calling_driver(s, 2, 9, "bob", &few),
	    SLOT_CALL_GRANTED);
	/* calls to the cluster count for the pool alone */
	assert_true(slot_calling_begin(s, 3, 4));

	slot_calling_end(s, 0);
	slot_calling_end(s, 3);
	assert_int_equal(slot_calling_driver(s, 3, 7, "bob", &few),
	    SLOT_CALL_GRANTED);
	assert_int_equal(slot_calling_driver(s, 0, 6, "cat",
	    &(struct slot_limits){ 3, 1, 2 }), SLOT_CALL_POOL_FULL);
}

static void
a_dead_worker_gives_its_call_back(void **state)
{
	struct slots *s = *state;

	assert_true(slot_calling_begin(s, 0, 1));
	assert_false(slot_calling_begin(s, 1, 1));

	slot_assign(&s->slot[0], 0);

	assert_true(slot_calling_begin(s, 1, 1));
}

static void
a_slot_shows_its_request_cut_to_size(void **state)
{
	struct slots *s = *state;
	char path[400];

	memset(path, 'p', sizeof path - 1);
	path[sizeof path - 1] = '\0';
	slot_accepted(&s->slot[3], num_mono_ms());
	assert_int_equal(s->slot[3].stage, SLOT_READING);
	slot_begin(&s->slot[3], "id", "GET", path);

	assert_int_equal(s->slot[3].stage, SLOT_WORKING);
	assert_int_equal(strlen(s->slot[3].path), sizeof s->slot[3].path - 1);

	slot_end(&s->slot[3]);
	assert_int_equal(s->slot[3].stage, SLOT_IDLE);
	assert_int_equal(s->slot[3].requests, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    only_so_many_may_call_outside_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_driver_and_a_user_hold_a_few_calls_only, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    a_dead_worker_gives_its_call_back, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_slot_shows_its_request_cut_to_size, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <json-c/json.h>

#include "app.h"
#include "conf.h"
#include "tally.h"

#define NS_A 11
#define NS_B 12

static struct tally t;
static struct conf conf;

static int
setup(void **state UNUSED)
{
	conf = (struct conf){
		.admission_team_limits = json_object_new_object(),
	};
	tally_begin(&t, &conf);
	return 0;
}

static int
teardown(void **state UNUSED)
{
	json_object_put(conf.admission_team_limits);
	return 0;
}

static void
under_way(uint32_t ns, const char *team, int count)
{
	while (count-- > 0)
		tally_add(&t, ns, *team ? app_hash(team) : 0, false);
}

static void
waiting(uint32_t ns, const char *team)
{
	tally_add(&t, ns, *team ? app_hash(team) : 0, true);
}

static bool
may_begin(uint32_t ns, const char *team)
{
	return tally_may_begin(&t, ns, *team ? app_hash(team) : 0);
}

static bool
may_go(uint32_t ns, const char *team)
{
	return tally_may_go(&t, ns, *team ? app_hash(team) : 0);
}

static void
without_limits_all_may_begin(void **state UNUSED)
{
	under_way(NS_A, "ml", 5000);
	waiting(NS_A, "ml");

	assert_true(may_begin(NS_A, "ml"));
	assert_true(may_begin(NS_A, ""));
}

static void
a_namespace_has_its_limit(void **state UNUSED)
{
	conf.admission_limit = 2;
	under_way(NS_A, "ml", 1);
	assert_true(may_begin(NS_A, "data"));

	under_way(NS_A, "", 1);

	assert_false(may_begin(NS_A, "data"));
	assert_false(may_go(NS_A, "data"));
	assert_true(may_begin(NS_B, "ml"));
	assert_int_equal(tally_room(&t, NS_A, 0).ns, 0);
	assert_true(tally_room(&t, NS_A, 0).team == INT64_MAX);
}

static void
a_team_has_its_limit_in_all_namespaces(void **state UNUSED)
{
	conf.admission_team_limit = 2;
	under_way(NS_A, "ml", 1);
	under_way(NS_B, "ml", 1);
	under_way(NS_A, "", 9);

	assert_false(may_begin(NS_A, "ml"));
	assert_false(may_begin(NS_B, "ml"));
	assert_true(may_begin(NS_A, "data"));
	assert_true(may_begin(NS_A, ""));
}

static void
single_teams_have_limits_of_their_own(void **state UNUSED)
{
	conf.admission_team_limit = 1;
	json_object_object_add(conf.admission_team_limits, "ml",
	    json_object_new_int(3));
	json_object_object_add(conf.admission_team_limits, "ops",
	    json_object_new_int(0));
	under_way(NS_A, "ml", 2);
	under_way(NS_A, "ops", 50);
	under_way(NS_A, "data", 1);

	assert_true(may_begin(NS_A, "ml"));
	assert_true(may_begin(NS_A, "ops"));
	assert_false(may_begin(NS_A, "data"));
	assert_int_equal(tally_room(&t, NS_A, app_hash("ml")).team_most, 3);
	under_way(NS_B, "ml", 1);
	assert_false(may_begin(NS_A, "ml"));
}

static void
who_is_new_goes_behind_those_that_could_go(void **state UNUSED)
{
	conf.admission_limit = 5;
	waiting(NS_A, "ml");

	assert_false(may_begin(NS_A, "ml"));
	assert_false(may_begin(NS_A, "data"));
	assert_true(may_begin(NS_B, "ml"));
	assert_true(may_go(NS_A, "ml"));
}

static void
a_team_at_its_limit_holds_up_no_other(void **state UNUSED)
{
	conf.admission_limit = 5;
	conf.admission_team_limit = 1;
	under_way(NS_B, "ml", 1);
	waiting(NS_A, "ml");

	assert_false(may_go(NS_A, "ml"));
	assert_true(may_begin(NS_A, "data"));
	assert_true(may_begin(NS_A, ""));
}

static void
a_full_namespace_holds_up_no_team_elsewhere(void **state UNUSED)
{
	conf.admission_limit = 1;
	conf.admission_team_limit = 5;
	under_way(NS_A, "data", 1);
	waiting(NS_A, "ml");

	assert_false(may_begin(NS_A, "ml"));
	assert_true(may_begin(NS_B, "ml"));
}

static void
who_is_new_goes_behind_its_team_in_another_namespace(void **state UNUSED)
{
	conf.admission_team_limit = 1;
	waiting(NS_A, "ml");

	assert_false(may_begin(NS_B, "ml"));
	assert_true(may_begin(NS_B, "data"));
}

static void
what_finds_no_place_waits(void **state UNUSED)
{
	conf.admission_team_limit = 2;
	for (uint32_t team = 1; team <= TALLY_MAX; team++)
		tally_add(&t, NS_A, team, false);

	assert_true(tally_may_begin(&t, NS_A, 7));
	assert_false(tally_may_begin(&t, NS_A, TALLY_MAX + 7));
	assert_true(tally_may_begin(&t, NS_A, 0));
	for (uint32_t team = 1; team <= TALLY_MAX + 1; team++)
		tally_add(&t, NS_A, team, true);
	assert_true(tally_may_begin(&t, NS_A, 0));	/* it has no limit */
	conf.admission_limit = 5000;
	assert_false(tally_may_begin(&t, NS_B, 0));
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(without_limits_all_may_begin),
		TEST(a_namespace_has_its_limit),
		TEST(a_team_has_its_limit_in_all_namespaces),
		TEST(single_teams_have_limits_of_their_own),
		TEST(who_is_new_goes_behind_those_that_could_go),
		TEST(a_team_at_its_limit_holds_up_no_other),
		TEST(a_full_namespace_holds_up_no_team_elsewhere),
		TEST(who_is_new_goes_behind_its_team_in_another_namespace),
		TEST(what_finds_no_place_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

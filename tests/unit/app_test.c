#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "app.h"

static void
an_object_name_gives_its_id_back(void **state UNUSED)
{
	char name[KUBE_LABEL_MAX + 1];
	enum app_kind kind;
	int32_t id;

	assert_true(app_object_name(name, "team-a", APP_BATCH, 0));
	assert_string_equal(name, "livy-team-a-b-0");
	assert_true(app_object_id(name, "team-a", &kind, &id));
	assert_int_equal(kind, APP_BATCH);
	assert_int_equal(id, 0);

	assert_true(app_object_name(name, "abcdefghijkl", APP_SESSION,
	    ID_MAX));
	assert_string_equal(name, "livy-abcdefghijkl-s-2147483647");
	assert_true(app_object_id(name, "abcdefghijkl", &kind, &id));
	assert_int_equal(kind, APP_SESSION);
	assert_int_equal(id, ID_MAX);
}

static void
other_names_have_no_id(void **state UNUSED)
{
	static const char *const names[] = {
		"", "livy", "livy-gw", "livy-gw-b-", "livy-gw-b-01",
		"livy-gw-b-2147483648", "livy-gw-b--1", "livy-gw-x-1",
		"livy-gw-b-1x", "livy-other-b-1", "xlivy-gw-b-1",
		"livy-gw-b-1-driver", "LIVY-gw-b-1", "livy-gw-b-+1",
	};
	enum app_kind kind;
	int32_t id;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (app_object_id(names[i], "gw", &kind, &id))
			fail_msg("'%s' was taken for id %d", names[i], id);
}

static void
a_name_too_long_for_spark_is_refused(void **state UNUSED)
{
	char name[KUBE_LABEL_MAX + 1];

	assert_false(app_object_name(name, "a-gateway-whose-id-is-long",
	    APP_BATCH, ID_MAX));
	assert_false(app_object_name(name, "gw", APP_BATCH, -1));
}

static void
every_phase_is_read_back_from_its_word(void **state UNUSED)
{
	enum app_phase phase;

	for (int i = PHASE_NEW; i <= PHASE_UNKNOWN; i++) {
		assert_true(app_phase_parse(app_phase_word((enum app_phase)i),
		    &phase));
		assert_int_equal(phase, i);
	}
	assert_false(app_phase_parse("running", &phase));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_object_name_gives_its_id_back),
		cmocka_unit_test(other_names_have_no_id),
		cmocka_unit_test(a_name_too_long_for_spark_is_refused),
		cmocka_unit_test(every_phase_is_read_back_from_its_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

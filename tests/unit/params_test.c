#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "defs.h"
#include "params.h"

static void
each_name_has_its_place(void **state UNUSED)
{
	char *envp[] = { (char[]){ "REQUEST_URI=/batches?a=b" },
		(char[]){ "HTTP_X_HTTP_METHOD=GET" },
		(char[]){ "HTTP_X_HTTP_METHOD_OVERRIDE=PUT" },
		(char[]){ "LIVY_USER=" }, NULL };
	struct params p;

	params_read(&p, envp);
	assert_string_equal(p.value[PARAM_URI], "/batches?a=b");
	assert_string_equal(p.value[PARAM_OVERRIDE_METHOD], "GET");
	assert_string_equal(p.value[PARAM_OVERRIDE], "PUT");
	assert_string_equal(p.value[PARAM_USER], "");
	assert_null(p.value[PARAM_OVERRIDE_LAST]);
	assert_null(p.value[PARAM_METHOD]);
}

/* A client's header cannot stand in for what nginx has set before it. */
static void
the_first_of_several_counts(void **state UNUSED)
{
	char *envp[] = { (char[]){ "LIVY_USER=ann" },
		(char[]){ "LIVY_USER=root" }, NULL };
	struct params p;

	params_read(&p, envp);
	assert_string_equal(p.value[PARAM_USER], "ann");
}

static void
other_names_and_broken_ones_are_nothing(void **state UNUSED)
{
	char *envp[] = { (char[]){ "LIVY_USERS=ann" }, (char[]){ "LIVY_USER" },
		(char[]){ "=x" }, (char[]){ "" }, (char[]){ "LIVY_USE=R" },
		(char[]){ "livy_user=ann" }, NULL };
	struct params p;

	params_read(&p, envp);
	for (int i = 0; i < PARAM_COUNT; i++)
		assert_null(p.value[i]);
	params_read(&p, NULL);
	assert_null(p.value[PARAM_USER]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_name_has_its_place),
		cmocka_unit_test(the_first_of_several_counts),
		cmocka_unit_test(other_names_and_broken_ones_are_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

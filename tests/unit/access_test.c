#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "access.h"
#include "conf.h"
#include "err.h"
#include "request.h"

static const struct {
	bool impersonation;
	const char *user, *query, *wanted;	/* wanted: the body's */
	const char *proxy_user;			/* NULL = refused */
} creates[] = {
	{ false, "ann", "doAs=bob", "carl", "" },
	{ true, "ann", "", NULL, "ann" },
	{ true, "ann", "", "ann", "ann" },
	{ true, "ann", "", "bob", NULL },
	{ true, "ann", "doAs=ann", "bob", "ann" },
	{ true, "ann", "doAs=bob", NULL, NULL },
	{ true, "", "", "bob", "bob" },
	{ true, "", "doAs=b%20b", "carl", "b b" },
	{ true, "", "", NULL, "" },
};

static struct request rq;

static struct conf
set_up(bool impersonation, const char *user, const char *query)
{
	snprintf(rq.user, sizeof rq.user, "%s", user);
	snprintf(rq.query, sizeof rq.query, "%s", query);
	return (struct conf){ .impersonation = impersonation };
}

static void
who_a_batch_runs_as(void **state UNUSED)
{
	char as[APP_NAME_MAX + 1];

	for (size_t i = 0; i < ARRAY_LEN(creates); i++) {
		struct err err = ERR_INIT;
		const struct conf conf = set_up(creates[i].impersonation,
		    creates[i].user, creates[i].query);
		bool good = access_proxy_user(&conf, &rq, creates[i].wanted,
		    as, &err);

		assert_int_equal(good, creates[i].proxy_user != NULL);
		if (good)
			assert_string_equal(as, creates[i].proxy_user);
		else
			assert_string_equal(err.msg, "User 'ann' not allowed "
			    "to impersonate 'Some(bob)'.");
		if (!good)
			assert_int_equal(err.status, 403);
	}
}

static void
a_read_as_somebody_else_is_refused_where_that_counts(void **state UNUSED)
{
	struct err err = ERR_INIT;
	struct conf conf = set_up(true, "ann", "doAs=bob");

	assert_false(access_do_as(&conf, &rq, &err));
	assert_int_equal(err.status, 403);
	conf = set_up(false, "ann", "doAs=bob");
	assert_true(access_do_as(&conf, &rq, &err));
	conf = set_up(true, "ann", "doAs=ann");
	assert_true(access_do_as(&conf, &rq, &err));
	conf = set_up(true, "", "doAs=bob");
	assert_true(access_do_as(&conf, &rq, &err));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_a_batch_runs_as),
		cmocka_unit_test(
		    a_read_as_somebody_else_is_refused_where_that_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

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

/* May it be seen, and changed; who, of ann's that runs as pat. */
static const struct {
	const char *user, *query;
	bool view, modify, enter;
} rights[] = {
	{ "ann", "", true, true, true },
	{ "pat", "", true, true, false },
	{ "eve", "", false, false, true },
	{ "mallory", "", false, false, false },
	{ "sue", "", true, true, true },
	{ "mo", "", true, true, true },
	{ "vi", "", true, false, true },
	{ "", "", true, true, true },
	{ "sue", "doAs=eve", false, false, true },
	{ "eve", "doAs=ann", false, false, true },
	{ "ANN", "", false, false, false },
};

static struct conf_list
list_of(char **name, size_t count)
{
	return (struct conf_list){ name, count };
}

static void
who_may_do_what(void **state UNUSED)
{
	static char sue[] = "sue", mo[] = "mo", vi[] = "vi", ann[] = "ann",
	    eve[] = "eve", all[] = "*";
	char *names[] = { sue, mo, vi, ann, eve, all };
	const struct app_text of = { .owner = "ann", .proxy_user = "pat" };
	const struct app_text nobodys = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(rights); i++) {
		struct err err = ERR_INIT;
		struct conf conf = set_up(true, rights[i].user,
		    rights[i].query);

		conf.superusers = list_of(names, 1);
		conf.modify_users = list_of(names + 1, 1);
		conf.view_users = list_of(names + 2, 1);
		conf.allowed_users = list_of(names + 3, 2);
		assert_true(access_may(&conf, &rq, &of, ACCESS_MODIFY));
		assert_true(access_enter(&conf, &rq, &err));
		assert_false(access_by_owner(&conf, &rq));
		conf.access_control = true;
		assert_int_equal(access_may(&conf, &rq, &of, ACCESS_VIEW),
		    rights[i].view);
		assert_int_equal(access_may(&conf, &rq, &of, ACCESS_MODIFY),
		    rights[i].modify);
		assert_int_equal(access_enter(&conf, &rq, &err),
		    rights[i].enter);
		assert_int_equal(access_check(&conf, &rq, &of, ACCESS_MODIFY,
		    &err), rights[i].modify);
		assert_int_equal(access_may(&conf, &rq, &nobodys,
		    ACCESS_VIEW), !access_by_owner(&conf, &rq));
		conf.view_users = conf.allowed_users = list_of(names + 5, 1);
		assert_false(access_by_owner(&conf, &rq));
		assert_true(access_enter(&conf, &rq, &err));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_a_batch_runs_as),
		cmocka_unit_test(
		    a_read_as_somebody_else_is_refused_where_that_counts),
		cmocka_unit_test(who_may_do_what),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

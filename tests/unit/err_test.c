#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "buf.h"
#include "err.h"
#include "jv.h"

static void
failing_is_one_statement(void **state UNUSED)
{
	struct err err = ERR_INIT;

	assert_false(err_set(&err, 404, "Session '%s' not found.", "7"));

	assert_int_equal(err.status, 404);
	assert_int_equal(err.shape, ERR_MSG);
	assert_int_equal(err.retry_after_s, 0);
	assert_null(err.allow);
	assert_string_equal(err.msg, "Session '7' not found.");
}

static void
each_shape_has_its_maker(void **state UNUSED)
{
	struct err err = ERR_INIT;

	assert_false(err_bare(&err, 500, "%d", 5));
	assert_int_equal(err.shape, ERR_BARE);
	assert_string_equal(err.msg, "5");
	assert_false(err_retry(&err, 503, 3, "busy"));
	assert_int_equal(err.shape, ERR_MSG);
	assert_int_equal(err.retry_after_s, 3);
	err.allow = "GET";
	assert_false(err_shaped(&err, 403, ERR_OBJECT));
	assert_int_equal(err.status, 403);
	assert_int_equal(err.shape, ERR_OBJECT);
	assert_int_equal(err.retry_after_s, 0);
	assert_null(err.allow);
	assert_string_equal(err.msg, "");
}

static void
wrapping_adds_context_and_keeps_the_rest(void **state UNUSED)
{
	struct err err = ERR_INIT;

	err_retry(&err, 503, 2, "connection refused");
	assert_false(err_wrap(&err, "cannot create batch %d", 9));

	assert_string_equal(err.msg, "cannot create batch 9: connection refused");
	assert_int_equal(err.status, 503);
	assert_int_equal(err.retry_after_s, 2);
}

static void
a_message_may_be_made_of_itself(void **state UNUSED)
{
	struct err err = ERR_INIT;

	err_set(&err, 400, "inner");
	err_set(&err, 500, "outer (%s)", err.msg);
	assert_string_equal(err.msg, "outer (inner)");
	err_wrap(&err, "again %s", err.msg);
	assert_string_equal(err.msg, "again outer (inner): outer (inner)");
}

/* Messages too long by any number of bytes end at a whole character. */
static void
long_messages_are_cut_at_a_character(void **state UNUSED)
{
	static const char *const characters[] = { "a", "\xc3\xa9",
		"\xe2\x82\xac", "\xf0\x9f\x98\x80" };
	char text[ERR_MSG_MAX * 2];
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(characters); i++) {
		size_t n = strlen(characters[i]);

		for (size_t pad = 0; pad < 4; pad++) {
			memset(text, '.', sizeof text);
			for (size_t at = pad; at + n < sizeof text; at += n)
				memcpy(text + at, characters[i], n);
			text[sizeof text - 1] = '\0';
			err_set(&err, 500, "%s", text);
			assert_in_range(strlen(err.msg), ERR_MSG_MAX - 5,
			    ERR_MSG_MAX - 1);
			assert_int_equal(jv_utf8(err.msg, strlen(err.msg)),
			    strlen(err.msg));
			err_set(&err, 500, "inner");
			err_wrap(&err, "%s", text);
			assert_int_equal(jv_utf8(err.msg, strlen(err.msg)),
			    strlen(err.msg));
			assert_non_null(strstr(err.msg, ": inner"));
		}
	}
}

static void
a_message_that_just_fits_is_whole(void **state UNUSED)
{
	struct err err = ERR_INIT;
	char text[ERR_MSG_MAX];

	memset(text, 'x', sizeof text - 3);
	memcpy(text + sizeof text - 3, "\xc3\xa9", 3);
	err_set(&err, 500, "%s", text);
	assert_string_equal(err.msg, text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failing_is_one_statement),
		cmocka_unit_test(each_shape_has_its_maker),
		cmocka_unit_test(wrapping_adds_context_and_keeps_the_rest),
		cmocka_unit_test(a_message_may_be_made_of_itself),
		cmocka_unit_test(long_messages_are_cut_at_a_character),
		cmocka_unit_test(a_message_that_just_fits_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "buf.h"

static void
appending_keeps_a_terminated_string(void **state UNUSED)
{
	AUTO_BUF struct buf b = BUF_INIT(100);

	buf_addstr(&b, "state ");
	buf_addint(&b, INT64_MIN);
	buf_addf(&b, " %s", "idle");

	assert_true(buf_ok(&b));
	assert_string_equal(b.data, "state -9223372036854775808 idle");
	assert_int_equal(b.len, strlen(b.data));
}

static void
passing_the_limit_fails_and_frees(void **state UNUSED)
{
	AUTO_BUF struct buf b = BUF_INIT(4);

	buf_addstr(&b, "1234");
	assert_true(buf_ok(&b));
	buf_addch(&b, '5');

	assert_false(buf_ok(&b));
	assert_string_equal(b.data, "");
	buf_addstr(&b, "x");
	assert_int_equal(b.len, 0);
	assert_null(buf_steal(&b));
}

static void
a_cleared_buffer_forgets_its_failure(void **state UNUSED)
{
	AUTO_BUF struct buf b = BUF_INIT(4);

	buf_addstr(&b, "12345");
	buf_clear(&b);
	buf_addstr(&b, "ok");

	assert_true(buf_ok(&b));
	assert_string_equal(b.data, "ok");
}

static void
shifting_drops_the_front(void **state UNUSED)
{
	AUTO_BUF struct buf b = BUF_INIT(64);

	buf_addstr(&b, "line one\nline two");
	buf_shift(&b, 9);

	assert_string_equal(b.data, "line two");
}

static void
truncating_drops_the_end(void **state UNUSED)
{
	AUTO_BUF struct buf b = BUF_INIT(64);

	buf_addstr(&b, "one,two");
	buf_truncate(&b, 20);
	assert_string_equal(b.data, "one,two");
	buf_truncate(&b, 3);

	assert_string_equal(b.data, "one");
	buf_addstr(&b, "!");
	assert_string_equal(b.data, "one!");
}

static void
stealing_leaves_an_empty_buffer(void **state UNUSED)
{
	AUTO_BUF struct buf b = BUF_INIT(64);
	AUTO_FREE char *s = NULL;

	buf_addstr(&b, "mine");
	s = buf_steal(&b);

	assert_string_equal(s, "mine");
	assert_string_equal(b.data, "");
	buf_addstr(&b, "again");
	assert_string_equal(b.data, "again");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appending_keeps_a_terminated_string),
		cmocka_unit_test(passing_the_limit_fails_and_frees),
		cmocka_unit_test(a_cleared_buffer_forgets_its_failure),
		cmocka_unit_test(shifting_drops_the_front),
		cmocka_unit_test(truncating_drops_the_end),
		cmocka_unit_test(stealing_leaves_an_empty_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

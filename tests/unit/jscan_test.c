#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "buf.h"
#include "jscan.h"

static bool
is_json(const char *text)
{
	struct jpart p;

	return jscan_check(text, strlen(text), &p);
}

static struct jpart
part(const char *text)
{
	struct jpart p = { NULL, 0 };

	assert_true(jscan_check(text, strlen(text), &p));
	return p;
}

static void
assert_part(struct jpart p, const char *want)
{
	assert_int_equal(p.len, strlen(want));
	assert_memory_equal(p.at, want, p.len);
}

static void
what_is_json_is_taken(void **state UNUSED)
{
	static const char *const good[] = { "1", "-0.5e+3", "\"\"", "null",
		"true", "[]", "{}", " [ 1 , {\"a\" : [ ] } ]\n", "{\"a\":{}}",
		"[[[]],[{}]]", "\"\\u00e9\\n\"", "{\"\":0,\"\":1}",
		"\"\xc3\xa9\"" };

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(is_json(good[i]));
}

static void
what_is_not_is_refused(void **state UNUSED)
{
	static const char *const bad[] = { "", " ", "01", "1.", "+1", ".5",
		"nul", "nullx", "[1,]", "[,1]", "{,}", "{\"a\"}", "{\"a\":}",
		"{\"a\":1,}", "{a:1}", "[1 2]", "]", "[}", "{\"a\":[}", "[1",
		"\"\\x\"", "\"\\u12\"", "\"a", "\"\n\"", "\"\xff\"", "1 1",
		"'a'", "NaN", "\"\xed\xa0\x80\"", "{\"a\":1}}" };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(is_json(bad[i]));
}

static bool
is_json_of_depth(int depth)
{
	AUTO_BUF struct buf b = BUF_INIT(4096);

	for (int i = 0; i < depth; i++)
		buf_addch(&b, '[');
	for (int i = 0; i < depth; i++)
		buf_addch(&b, ']');
	return is_json(b.data);
}

static void
nesting_is_bounded(void **state UNUSED)
{
	assert_true(is_json_of_depth(JSCAN_DEPTH));
	assert_false(is_json_of_depth(JSCAN_DEPTH + 1));
}

static void
members_and_elements_are_where_they_lie(void **state UNUSED)
{
	struct jpart o = part(" {\"a\" : [1,\"],\\\"\", {} ] , \"b\":-2} ");
	struct jpart key, value, one;
	size_t at = 0, in = 0;
	int64_t n = 0;

	assert_true(jscan_member(o, &at, &key, &value));
	assert_true(jscan_is(key, "a") && jscan_is_array(value));
	assert_true(jscan_element(value, &in, &one));
	assert_part(one, "1");
	assert_true(jscan_element(value, &in, &one));
	assert_part(one, "\"],\\\"\"");
	assert_true(jscan_element(value, &in, &one));
	assert_part(one, "{}");
	assert_false(jscan_element(value, &in, &one));

	assert_true(jscan_member(o, &at, &key, &value));
	assert_true(jscan_is(key, "b"));
	assert_true(jscan_int(value, INT64_MIN, INT64_MAX, &n));
	assert_int_equal(n, -2);
	assert_false(jscan_member(o, &at, &key, &value));
}

static void
empty_containers_have_nothing(void **state UNUSED)
{
	struct jpart key, value;
	size_t at = 0;

	assert_false(jscan_member(part("{ }"), &at, &key, &value));
	at = 0;
	assert_false(jscan_element(part("[]"), &at, &value));
}

static void
texts_are_decoded(void **state UNUSED)
{
	AUTO_BUF struct buf b = BUF_INIT(100);

	assert_true(jscan_text(part("\"a\\n\\\\\\/\\u00e9\\ud83d\\ude00z\""),
	    &b));
	assert_string_equal(b.data, "a\n\\/\xc3\xa9\xf0\x9f\x98\x80z");
	assert_false(jscan_text(part("\"\\u0000\""), &b));
	assert_false(jscan_text(part("\"\\ud83d\""), &b));
	assert_false(jscan_text(part("\"\\ude00\\ud83d\""), &b));
	assert_false(jscan_text(part("1"), &b));
}

static void
integers_are_whole_and_in_range(void **state UNUSED)
{
	int64_t n = 7;

	assert_false(jscan_int(part("1.0"), 0, 9, &n));
	assert_false(jscan_int(part("\"1\""), 0, 9, &n));
	assert_false(jscan_int(part("10"), 0, 9, &n));
	assert_false(jscan_int(part("99999999999999999999999"), 0, 9, &n));
	assert_int_equal(n, 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_json_is_taken),
		cmocka_unit_test(what_is_not_is_refused),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(members_and_elements_are_where_they_lie),
		cmocka_unit_test(empty_containers_have_nothing),
		cmocka_unit_test(texts_are_decoded),
		cmocka_unit_test(integers_are_whole_and_in_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

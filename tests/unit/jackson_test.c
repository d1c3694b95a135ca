#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "buf.h"
#include "err.h"
#include "jackson.h"
#include "jv.h"

#define VALUES "(JSON String, Number, Array, Object or token 'null', " \
	"'true' or 'false')"

/* Words and column, as Jackson 2.15 gives them. */
static const struct {
	const char *text, *words;
	int column;
} broken[] = {
	{ "", "No content to map due to end-of-input", 0 },
	{ " \n\t", "No content to map due to end-of-input", 0 },
	{ "{\"a\":", "Unexpected end-of-input within/between Object entries",
	  6 },
	{ "{\"a\"", "Unexpected end-of-input within/between Object entries",
	  5 },
	{ "{\"a", "Unexpected end-of-input in field name", 4 },
	{ "{\"a\":1,", "Unexpected end-of-input within/between Object entries",
	  8 },
	{ "[1,", "Unexpected end-of-input within/between Array entries", 4 },
	{ "[\"a", "Unexpected end-of-input in VALUE_STRING", 4 },
	{ "{bad", "Unexpected character ('b' (code 98)): was expecting "
	  "double-quote to start field name", 3 },
	{ "{\"a\" 1}", "Unexpected character ('1' (code 49)): was expecting a "
	  "colon to separate field name and value", 7 },
	{ "{\"a\":1 \"b\"}", "Unexpected character ('\"' (code 34)): was "
	  "expecting comma to separate Object entries", 9 },
	{ "[1 2]", "Unexpected character ('2' (code 50)): was expecting comma "
	  "to separate Array entries", 5 },
	{ "{\"a\":12x}", "Unexpected character ('x' (code 120)): was "
	  "expecting comma to separate Object entries", 9 },
	{ "<x>", "Unexpected character ('<' (code 60)): expected a valid "
	  "value " VALUES, 2 },
	{ "nul", "Unrecognized token 'nul': was expecting " VALUES, 4 },
	{ "{'a':1}", "Unexpected character (''' (code 39)): was expecting "
	  "double-quote to start field name", 3 },
	{ "[01]", "Invalid numeric value: Leading zeroes not allowed", 3 },
	{ "[1.]", "Unexpected character (']' (code 93)) in numeric value: "
	  "Decimal point not followed by a digit", 5 },
	{ "[1,]", "Unexpected character (']' (code 93)): expected a value",
	  5 },
	{ "{\"a\":,}", "Unexpected character (',' (code 44)): expected a "
	  "value", 7 },
	{ "[tru]", "Unrecognized token 'tru': was expecting " VALUES, 6 },
	{ "[\"\\x\"]", "Unrecognized character escape 'x' (code 120)", 5 },
	{ "[\"a\nb\"]", "Illegal unquoted character ((CTRL-CHAR, code 10)): "
	  "has to be escaped using backslash to be included in string value",
	  1 },
	{ "[\"\xfc\"]", "Invalid UTF-8 start byte 0xfc", 4 },
	{ "[\"\xc3(\"]", "Invalid UTF-8 middle byte 0x28", 5 },
};

static void
what_is_no_json_is_refused_in_jacksons_words(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
		AUTO_BUF struct buf want = BUF_INIT(2000);
		AUTO_JSON json_object *o = NULL;
		struct err err = ERR_INIT;
		const char *text = broken[i].text;

		if (jackson_parse(text, strlen(text), &o, &err))
			fail_msg("accepted %s", text);
		buf_addf(&want, "%s\n at [Source: (org.eclipse.jetty.server."
		    "HttpInputOverHTTP); line: %d, column: %d]",
		    broken[i].words, strchr(text, '\n') && text[0] == '[' ? 2 :
		    1, broken[i].column);
		assert_string_equal(err.msg, want.data);
		assert_int_equal(err.status, 400);
		assert_int_equal(err.shape, ERR_BARE);
	}
}

static void
an_unclosed_value_names_its_start(void **state UNUSED)
{
	AUTO_JSON json_object *o = NULL;
	struct err err = ERR_INIT;

	assert_false(jackson_parse("{\"a\":\n [1", 9, &o, &err));
	assert_string_equal(err.msg, "Unexpected end-of-input: expected close "
	    "marker for Array (start marker at [Source: (org.eclipse.jetty."
	    "server.HttpInputOverHTTP); line: 2, column: 2])\n at [Source: "
	    "(org.eclipse.jetty.server.HttpInputOverHTTP); line: 2, column: "
	    "4]");
	assert_false(jackson_parse("{\"a\":1]", 7, &o, &err));
	assert_string_equal(err.msg, "Unexpected close marker ']': expected "
	    "'}' (for Object starting at [Source: (org.eclipse.jetty.server."
	    "HttpInputOverHTTP); line: 1, column: 1])\n at [Source: "
	    "(org.eclipse.jetty.server.HttpInputOverHTTP); line: 1, column: "
	    "8]");
}

static void
deep_nesting_is_refused(void **state UNUSED)
{
	AUTO_BUF struct buf deep = BUF_INIT(200000);
	AUTO_JSON json_object *o = NULL;
	struct err err = ERR_INIT;

	for (int i = 0; i < 100000; i++)
		buf_addch(&deep, '[');

	assert_false(jackson_parse(deep.data, deep.len, &o, &err));
	assert_int_equal(err.status, 400);
	assert_memory_equal(err.msg, "Document nesting depth exceeds", 30);
}

static void
values_are_found_by_key_and_index(void **state UNUSED)
{
	static const char text[] = " {\"a\":[1, {\"b\":\"]\"}],\"\\u0061\" :2,"
	    "\"c\":\"}\"} rest";
	struct jackson_value whole, v;

	assert_true(jackson_whole(text, strlen(text), &whole));
	assert_memory_equal(text + whole.end, " rest", 5);
	assert_true(jackson_find(text, strlen(text), whole.start, "c", 0, &v));
	assert_memory_equal(text + v.start, "\"}\"", v.end - v.start);
	/* the last of equal names counts, however it is written */
	assert_true(jackson_find(text, strlen(text), whole.start, "a", 0, &v));
	assert_memory_equal(text + v.start, "2,", 2);
	assert_true(jackson_find(text, strlen(text), 6, NULL, 1, &v));
	assert_memory_equal(text + v.start, "{\"b\":\"]\"}", v.end - v.start);
	assert_false(jackson_find(text, strlen(text), 6, NULL, 2, &v));
	assert_false(jackson_find(text, strlen(text), whole.start, "d", 0,
	    &v));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_json_is_refused_in_jacksons_words),
		cmocka_unit_test(an_unclosed_value_names_its_start),
		cmocka_unit_test(deep_nesting_is_refused),
		cmocka_unit_test(values_are_found_by_key_and_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

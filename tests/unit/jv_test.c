#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "buf.h"
#include "err.h"
#include "jv.h"

/* What text parses to, printed; NULL if it is refused. Static. */
static const char *
parsed(const char *text)
{
	static char out[4096];
	AUTO_JSON json_object *o = NULL;
	struct err err = ERR_INIT;

	if (!jv_parse(text, strlen(text), JV_DEPTH_CLIENT, &o, &err)) {
		assert_int_equal(err.status, 400);
		assert_non_null(strstr(err.msg, "malformed JSON: "));
		return NULL;
	}
	snprintf(out, sizeof out, "%s", jv_print(o));
	return out;
}

static void
json_of_every_kind_is_parsed(void **state UNUSED)
{
	static const char *const kept[] = {
		"{}", "[]", "0", "-0.5", "1.50", "1e5", "2E-7", "true",
		"false", "null", "\"\"", "\"a/b\"", "\"\xc3\xa9\xf0\x9f\x98\x80\"",
		"{\"a\":[1,{\"b\":null}],\"c\":\"'NaN\"}",
		"9223372036854775807", "-9223372036854775808", "1e400",
		"\"\\u0000\"", "\"\\\\\"", "[\"\\\"'\",1]",
	};

	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		assert_string_equal(parsed(kept[i]), kept[i]);
	assert_string_equal(parsed(" \t\r\n{ \"a\" : 1 } \n"), "{\"a\":1}");
	assert_string_equal(parsed("\"\\u00e9\\ud83d\\ude00\\b\""),
	    "\"\xc3\xa9\xf0\x9f\x98\x80\\b\"");
}

static void
what_json_refuses_is_refused(void **state UNUSED)
{
	static const char *const bad[] = {
		"", " ", "{", "[1", "\"a", "{'a':1}", "['a']", "NaN", "[NaN]",
		"Infinity", "[-Infinity]", "\"a\nb\"", "\"\t\"", "{\"\x01\":1}",
		"[1,]", "{\"a\":1,}", "[,]", "{a:1}", "{\"a\" 1}", "{,}",
		"01", "-01", "[-012]", "1.", "[1.]", "1.e5", ".5", "-.5", "[-.5]",
		"-", "+1", "1e", "1e+", "[1.5.5]", "[1-2]", "0x10", "[1+1]",
		"tru", "True", "nul", "nan", "/* */1", "//\n1", "[1] // x",
		"\"\\x\"", "\"\\u12\"", "\"\xff\"", "\"\xc0\x80\"",
		"\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xc3", "[1]]",
		"1 x", "{} {}", "null x", "nullx", "truefalse", "1 2",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (parsed(bad[i]))
			fail_msg("%s was taken for JSON", bad[i]);
}

static void
a_nul_byte_never_ends_the_text_quietly(void **state UNUSED)
{
	AUTO_JSON json_object *o = NULL;
	struct err err = ERR_INIT;

	assert_false(jv_parse("{}\0junk", 7, 8, &o, &err));
	assert_false(jv_parse("1\0", 2, 8, &o, &err));
	assert_false(jv_parse("[1\0]", 4, 8, &o, &err));
	assert_false(jv_parse("\"a\0b\"", 5, 8, &o, &err));
	assert_null(o);
}

static void
an_error_tells_the_byte(void **state UNUSED)
{
	AUTO_JSON json_object *o = NULL;
	struct err err = ERR_INIT;

	assert_false(jv_parse("{\"a\": 'x'}", 10, 8, &o, &err));
	assert_string_equal(err.msg,
	    "malformed JSON: unexpected character, at byte 6");
	assert_false(jv_parse("[1] x", 5, 8, &o, &err));
	assert_string_equal(err.msg,
	    "malformed JSON: text after the value, at byte 4");
}

static void
the_first_value_is_read_and_the_rest_is_not(void **state UNUSED)
{
	AUTO_JSON json_object *o = NULL;
	AUTO_JSON json_object *none = NULL;
	struct err err = ERR_INIT;
	const char text[] = "{\"a\":1} 'NaN\xff {";

	assert_true(jv_parse_first(text, sizeof text, 8, &o, &err));
	assert_string_equal(jv_print(o), "{\"a\":1}");
	assert_false(jv_parse_first("{'a':1} x", 9, 8, &none, &err));
	assert_false(jv_parse_first("", 0, 8, &none, &err));
}

static void
nesting_ends_at_the_depth(void **state UNUSED)
{
	AUTO_JSON json_object *o = NULL;
	AUTO_JSON json_object *deep = NULL;
	struct err err = ERR_INIT;

	assert_true(jv_parse("[[[1]]]", 7, 4, &o, &err));
	assert_false(jv_parse("[[[[1]]]]", 9, 4, &deep, &err));
	assert_int_equal(err.status, 400);
}

static void
integers_beyond_64_bits_saturate(void **state UNUSED)
{
	AUTO_JSON json_object *o = NULL;
	struct err err = ERR_INIT;
	const char text[] = "{\"a\":99999999999999999999}";

	assert_true(jv_parse(text, strlen(text), 8, &o, &err));
	assert_int_equal(jv_int(o, "a", 0), INT64_MAX);
}

static void
members_are_read_without_coercion(void **state UNUSED)
{
	AUTO_JSON json_object *o = NULL;
	struct err err = ERR_INIT;
	const char text[] = "{\"s\":\"12\",\"n\":5,\"d\":1.5,\"b\":true,\"z\":null,"
	    "\"x\":{\"y\":{\"s\":\"deep\"},\"a.b\":\"dotted\"},\"l\":[1]}";

	assert_true(jv_parse(text, strlen(text), 8, &o, &err));

	assert_string_equal(jv_str(o, "s"), "12");
	assert_null(jv_str(o, "n"));
	assert_null(jv_str(o, "z"));
	assert_null(jv_str(o, "none"));
	assert_int_equal(jv_int(o, "n", -1), 5);
	assert_int_equal(jv_int(o, "s", -1), -1);
	assert_int_equal(jv_int(o, "d", -1), -1);
	assert_true(jv_bool(o, "b", false));
	assert_true(jv_bool(o, "s", true));
	assert_false(jv_bool(o, "s", false));
	assert_string_equal(jv_str(o, "x.y.s"), "deep");
	assert_null(jv_str(o, "x.a.b"));
	assert_string_equal(jv_text(jv_member(jv_get(o, "x"), "a.b")), "dotted");
	assert_null(jv_str(o, "l.s"));
	assert_null(jv_get(NULL, "a"));
}

static void
an_empty_text_is_set_as_null(void **state UNUSED)
{
	AUTO_JSON json_object *o = json_object_new_object();

	jv_set_str(o, "a", "x");
	jv_set_str(o, "b", "");
	jv_set_str(o, "c", NULL);

	assert_string_equal(jv_print(o), "{\"a\":\"x\",\"b\":null,\"c\":null}");
}

static void
string_literals_are_always_valid_json(void **state UNUSED)
{
	AUTO_BUF struct buf b = BUF_INIT(4096);
	char all[256];

	jv_add_str(&b, "a\"b\\c/\n\t\x01\x7f\xc3\xa9");
	assert_string_equal(b.data, "\"a\\\"b\\\\c/\\n\\t\\u0001\x7f\xc3\xa9\"");
	buf_clear(&b);
	jv_add_str(&b, "cut \xf0\x9f\x98");
	assert_string_equal(b.data,
	    "\"cut \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
	buf_clear(&b);
	jv_add_str(&b, NULL);
	assert_string_equal(b.data, "null");
	buf_clear(&b);
	for (int i = 0; i < 256; i++)
		all[i] = (char)i;
	jv_add_strn(&b, all, sizeof all);
	assert_non_null(parsed(b.data));
	assert_non_null(strstr(b.data, "\\u0000"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_of_every_kind_is_parsed),
		cmocka_unit_test(what_json_refuses_is_refused),
		cmocka_unit_test(a_nul_byte_never_ends_the_text_quietly),
		cmocka_unit_test(an_error_tells_the_byte),
		cmocka_unit_test(the_first_value_is_read_and_the_rest_is_not),
		cmocka_unit_test(nesting_ends_at_the_depth),
		cmocka_unit_test(integers_beyond_64_bits_saturate),
		cmocka_unit_test(members_are_read_without_coercion),
		cmocka_unit_test(an_empty_text_is_set_as_null),
		cmocka_unit_test(string_literals_are_always_valid_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

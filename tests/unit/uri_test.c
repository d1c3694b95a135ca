#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "buf.h"
#include "err.h"
#include "uri.h"

/* What java.net.URI of JDK 17 says: scheme and raw path. */
static const struct {
	const char *text, *parts;
} good[] = {
	{ "x.jar", "null x.jar" },
	{ "file:/etc/passwd", "file /etc/passwd" },
	{ "file:///etc/passwd", "file /etc/passwd" },
	{ "file://host/x", "file /x" },
	{ "gs://bucket_name/a.py", "gs /a.py" },
	{ "http:///", "http /" },
	{ "http:///x", "http /x" },
	{ "//x", "null " },
	{ "/\303\274n\303\257/x.py", "null /\303\274n\303\257/x.py" },
	{ "http://[::1]/x", "http /x" },
	{ "http://[::1]:80/x", "http /x" },
	{ "http://user@host:80/x", "http /x" },
	{ "http://h:8a/x", "http /x" },
	{ "http://%41/x", "http /x" },
	{ "local:///opt/x.py", "local /opt/x.py" },
	{ "hdfs://nn1,nn2:8020/x", "hdfs /x" },
	{ "a", "null a" },
	{ "?x", "null " },
	{ "#x", "null " },
	{ "http://[::1%eth0]/x", "http /x" },
	{ "http://@/x", "http /x" },
	{ "a:?", "a null" },
};

/* And its words for what it refuses. */
static const struct {
	const char *text, *words;
} bad[] = {
	{ "/a b|c", "Illegal character in path at index 2" },
	{ "http://[bad",
	  "Expected closing bracket for IPv6 address at index 11" },
	{ "ht tp://a b", "Illegal character in scheme name at index 2" },
	{ "gs://bu|cket/a.py", "Illegal character in authority at index 5" },
	{ ":x", "Expected scheme name at index 0" },
	{ "1a:b", "Illegal character in scheme name at index 0" },
	{ "a_b:c", "Illegal character in scheme name at index 1" },
	{ "mailto:x y", "Illegal character in opaque part at index 8" },
	{ "mailto:", "Expected scheme-specific part at index 7" },
	{ "mailto:#x", "Expected scheme-specific part at index 7" },
	{ "http://", "Expected authority at index 7" },
	{ "//", "Expected authority at index 2" },
	{ "/%zz", "Malformed escape pair at index 1" },
	{ "/%2", "Malformed escape pair at index 1" },
	{ "/a%20b?q=a b", "Illegal character in query at index 10" },
	{ "/a?b#c d", "Illegal character in fragment at index 6" },
	{ "/a#b^", "Illegal character in fragment at index 4" },
	{ "/a b", "Illegal character in path at index 2" },
	{ "/a b", "Illegal character in path at index 2" },
	{ "http://[]/x",
	  "Expected closing bracket for IPv6 address at index 8" },
	{ "http://a b/x", "Illegal character in authority at index 7" },
	{ "s3a://b/k=1/{x}.py", "Illegal character in path at index 12" },
	{ "C:\134x\134y", "Illegal character in opaque part at index 2" },
	{ "/\360\237\230\200 x", "Illegal character in path at index 3" },
	{ "x?y z", "Illegal character in query at index 3" },
	{ "//[x", "Expected closing bracket for IPv6 address at index 4" },
	{ "a:/b\134c", "Illegal character in path at index 4" },
	{ "a:b?c d", "Illegal character in opaque part at index 5" },
	{ "a:%", "Malformed escape pair at index 2" },
};

static void
what_java_takes_has_the_same_parts(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		AUTO_BUF struct buf b = BUF_INIT(1000);
		struct err err = ERR_INIT;
		struct uri u;

		if (!uri_parse(good[i].text, &u, &err))
			fail_msg("%s: %s", good[i].text, err.msg);
		if (u.scheme)
			buf_add(&b, u.scheme, u.scheme_len);
		else
			buf_addstr(&b, "null");
		buf_addch(&b, ' ');
		if (u.path)
			buf_add(&b, u.path, u.path_len);
		else
			buf_addstr(&b, "null");
		assert_string_equal(b.data, good[i].parts);
	}
}

static void
what_java_refuses_is_refused_in_its_words(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		AUTO_BUF struct buf b = BUF_INIT(1000);
		struct err err = ERR_INIT;
		struct uri u;

		if (uri_parse(bad[i].text, &u, &err))
			fail_msg("accepted %s", bad[i].text);
		buf_addf(&b, "%s: %s", bad[i].words, bad[i].text);
		assert_string_equal(err.msg, b.data);
		assert_int_equal(err.status, 400);
	}
}

static void
query_and_fragment_are_what_follows_the_path(void **state UNUSED)
{
	struct err err = ERR_INIT;
	struct uri u;

	assert_true(uri_parse("hdfs:///x.zip?a=b#env", &u, &err));
	assert_string_equal(u.rest, "?a=b#env");
	assert_false(u.authority);
	assert_true(uri_parse("hdfs://nn:8020/x.zip", &u, &err));
	assert_string_equal(u.rest, "");
	assert_true(u.authority);
}

static void
a_scheme_is_one_in_any_case(void **state UNUSED)
{
	struct err err = ERR_INIT;
	struct uri u;

	assert_true(uri_parse("FiLe:/etc/passwd", &u, &err));
	assert_true(uri_is(&u, "file"));
	assert_false(uri_is(&u, "fil"));
	assert_true(uri_parse("/etc/passwd", &u, &err));
	assert_false(uri_is(&u, "file"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_java_takes_has_the_same_parts),
		cmocka_unit_test(what_java_refuses_is_refused_in_its_words),
		cmocka_unit_test(query_and_fragment_are_what_follows_the_path),
		cmocka_unit_test(a_scheme_is_one_in_any_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <zlib.h>

#include "coding.h"
#include "err.h"

#define LIMIT (1u << 20)
#define GZIP (MAX_WBITS + 16)
#define ZLIB MAX_WBITS

/* Adds text to b, packed. */
static void
pack(struct buf *b, int window, const void *text, size_t len)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)text,
		.avail_in = (uInt)len };
	Bytef *room = (Bytef *)buf_room(b, len + 1000);

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, window, 8,
	    Z_DEFAULT_STRATEGY), Z_OK);
	z.next_out = room;
	z.avail_out = (uInt)len + 1000;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	buf_wrote(b, z.total_out);
	deflateEnd(&z);
}

static void
both_codings_are_undone(void **state UNUSED)
{
	static const struct {
		const char *name;
		int window;
	} codings[] = { { "gzip", GZIP }, { "GZip", GZIP },
		{ "deflate", ZLIB } };
	const char *text = "{\"file\": \"a\"}";
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(codings); i++) {
		AUTO_BUF struct buf b = BUF_INIT(LIMIT);

		pack(&b, codings[i].window, text, strlen(text));
		assert_true(coding_undo(codings[i].name, &b, &err));
		assert_string_equal(b.data, text);
		assert_int_equal(b.limit, LIMIT);
	}
}

static void
several_gzip_streams_are_one_text(void **state UNUSED)
{
	AUTO_BUF struct buf b = BUF_INIT(LIMIT);
	struct err err = ERR_INIT;

	pack(&b, GZIP, "ab", 2);
	pack(&b, GZIP, "cd", 2);
	buf_addstr(&b, "trailing");
	assert_true(coding_undo("gzip", &b, &err));
	assert_string_equal(b.data, "abcd");
}

static void
other_words_mean_nothing(void **state UNUSED)
{
	static const char *const names[] = { NULL, "", "UTF-8", "identity",
		"br", "gzip, gzip" };
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		AUTO_BUF struct buf b = BUF_INIT(LIMIT);

		buf_addstr(&b, "{}");
		assert_true(coding_undo(names[i], &b, &err));
		assert_string_equal(b.data, "{}");
	}
}

static void
nothing_needs_no_unpacking(void **state UNUSED)
{
	AUTO_BUF struct buf b = BUF_INIT(LIMIT);
	struct err err = ERR_INIT;

	assert_true(coding_undo("gzip", &b, &err));
	assert_int_equal(b.len, 0);
}

static void
a_bomb_stops_at_the_limit(void **state UNUSED)
{
	AUTO_BUF struct buf b = BUF_INIT(LIMIT);
	AUTO_BUF struct buf big = BUF_INIT(128u << 20);
	AUTO_FREE char *zeros = mem_alloc(64u << 20);
	struct err err = ERR_INIT;

	pack(&big, GZIP, zeros, 64u << 20);
	buf_add(&b, big.data, big.len);
	assert_true(buf_ok(&b));

	assert_false(coding_undo("gzip", &b, &err));
	assert_int_equal(err.status, 413);
}

static void
what_is_not_packed_gets_javas_words(void **state UNUSED)
{
	static const struct {
		const char *name, *text, *words;
	} cases[] = {
		{ "gzip", "{\"kind\":\"bogus\"}",
		  "java.util.zip.ZipException: Not in GZIP format" },
		{ "gzip", "\x1f",
		  "java.util.zip.ZipException: Not in GZIP format" },
		{ "deflate", "{}",
		  "java.util.zip.ZipException: incorrect header check" },
		{ "gzip", "\x1f\x8b", "java.io.EOFException: Unexpected end "
		  "of ZLIB input stream" },
	};
	struct err err;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_BUF struct buf b = BUF_INIT(LIMIT);

		err = (struct err)ERR_INIT;
		buf_addstr(&b, cases[i].text);
		assert_false(coding_undo(cases[i].name, &b, &err));
		assert_int_equal(err.status, 500);
		assert_int_equal(err.shape, ERR_BARE);
		assert_string_equal(err.msg, cases[i].words);
	}
}

static void
a_stream_that_is_cut_off_or_changed_fails(void **state UNUSED)
{
	AUTO_BUF struct buf whole = BUF_INIT(LIMIT);
	struct err err = ERR_INIT;

	pack(&whole, GZIP, "some text, some text", 20);
	for (size_t n = 1; n < whole.len; n++) {
		AUTO_BUF struct buf b = BUF_INIT(LIMIT);

		buf_add(&b, whole.data, n);
		assert_false(coding_undo("gzip", &b, &err));
		assert_int_equal(err.status, 500);
	}
	whole.data[whole.len - 6] ^= 1;		/* its checksum */
	assert_false(coding_undo("gzip", &whole, &err));
	assert_string_equal(err.msg,
	    "java.util.zip.ZipException: incorrect data check");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_codings_are_undone),
		cmocka_unit_test(several_gzip_streams_are_one_text),
		cmocka_unit_test(other_words_mean_nothing),
		cmocka_unit_test(nothing_needs_no_unpacking),
		cmocka_unit_test(a_bomb_stops_at_the_limit),
		cmocka_unit_test(what_is_not_packed_gets_javas_words),
		cmocka_unit_test(a_stream_that_is_cut_off_or_changed_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

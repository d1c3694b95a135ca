#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "buf.h"
#include "multipart.h"

#define TYPE "multipart/form-data; boundary=BB"
#define HEAD(name, more) "Content-Disposition: form-data; name=\"" name \
	"\"" more "\r\n\r\n"

/* A body that comes in pieces of so many bytes. */
struct source {
	const char *text;
	size_t len, at, piece;
};

static int64_t
source_read(void *arg, char *data, size_t len)
{
	struct source *s = arg;
	size_t n = s->len - s->at;

	n = n < len ? n : len;
	n = n < s->piece ? n : s->piece;
	memcpy(data, s->text + s->at, n);
	s->at += n;
	return (int64_t)n;
}

/* The whole part; false if it is cut off. */
static bool
read_all(struct multipart *m, struct buf *out)
{
	char piece[7];
	int64_t n;

	buf_clear(out);
	while ((n = multipart_read(m, piece, sizeof piece)) > 0)
		buf_add(out, piece, (size_t)n);
	return n == 0;
}

static void
open_text(struct multipart *m, struct source *s, const char *text,
    size_t piece)
{
	*s = (struct source){ text, strlen(text), 0, piece };
	assert_true(multipart_init(m, TYPE, source_read, s));
}

static void
parts_come_one_after_the_other(void **state UNUSED)
{
	static const char text[] = "preamble\r\n--BB\r\n"
	    HEAD("a", "") "one\r\n--B\r\n--BB\r\n"
	    "Content-Type: text/plain\r\n" HEAD("file", "; filename=\"x.txt\"")
	    "\r\n--BA\r\r\n\r\n--BB\r\n" HEAD("e", "; filename=\"\"")
	    "\r\n--BB--\r\nepilogue";
	AUTO_BUF struct buf b = BUF_INIT(4096);
	struct multipart m;
	struct source s;

	for (size_t piece = 1; piece < 40; piece++) {
		open_text(&m, &s, text, piece);
		assert_true(multipart_next(&m));
		assert_string_equal(m.name, "a");
		assert_false(m.is_file);
		assert_true(read_all(&m, &b));
		assert_string_equal(b.data, "one\r\n--B");
		assert_true(multipart_next(&m));
		assert_string_equal(m.name, "file");
		assert_string_equal(m.file, "x.txt");
		assert_true(m.is_file && read_all(&m, &b));
		assert_string_equal(b.data, "\r\n--BA\r\r\n");
		assert_true(multipart_next(&m));
		assert_true(m.is_file && read_all(&m, &b));
		assert_string_equal(b.data, "");
		assert_false(multipart_next(&m));
	}
}

static void
a_part_may_be_passed_over(void **state UNUSED)
{
	struct multipart m;
	struct source s;

	open_text(&m, &s, "--BB\r\n" HEAD("a", "") "skipped\r\n--BB\r\n"
	    HEAD("b", "") "x\r\n--BB--", 5);
	assert_true(multipart_next(&m));
	assert_true(multipart_next(&m));
	assert_string_equal(m.name, "b");
}

static void
what_is_cut_off_is_told(void **state UNUSED)
{
	AUTO_BUF struct buf b = BUF_INIT(4096);
	struct multipart m;
	struct source s;

	open_text(&m, &s, "--BB\r\n" HEAD("a", "") "half of it\r\n--B", 3);
	assert_true(multipart_next(&m));
	assert_false(read_all(&m, &b));
	assert_false(multipart_next(&m));

	open_text(&m, &s, "no mark at all", 3);
	assert_false(multipart_next(&m));
	open_text(&m, &s, "--BB\r\nContent-Disp", 3);
	assert_false(multipart_next(&m));
}

static void
a_boundary_is_needed(void **state UNUSED)
{
	static const char *const bad[] = { "", "text/plain; boundary=x",
		"multipart/form-data", "multipart/form-data; boundary=",
		"multipart/form-data; boundary=\"x",
		"multipart/mixed; boundary=x" };
	struct multipart m;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(multipart_init(&m, bad[i], source_read, NULL));
	assert_true(multipart_init(&m,
	    "Multipart/Form-Data; charset=UTF-8; Boundary=\"a b;c\"",
	    source_read, NULL));
	assert_string_equal(m.mark, "\r\n--a b;c");
}

static void
names_are_unquoted(void **state UNUSED)
{
	struct multipart m;
	struct source s;

	open_text(&m, &s, "--BB\r\ncontent-disposition: form-data; "
	    "filename=\"a \\\"q\\\"; name=x\"; name=jar[]\r\n\r\n\r\n--BB--",
	    100);
	assert_true(multipart_next(&m));
	assert_string_equal(m.name, "jar[]");
	assert_string_equal(m.file, "a \"q\"; name=x");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_come_one_after_the_other),
		cmocka_unit_test(a_part_may_be_passed_over),
		cmocka_unit_test(what_is_cut_off_is_told),
		cmocka_unit_test(a_boundary_is_needed),
		cmocka_unit_test(names_are_unquoted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "err.h"
#include "jv.h"
#include "kube_watch.h"

#define ADDED "{\"type\":\"ADDED\",\"object\":{\"metadata\":" \
	"{\"name\":\"b\xc3\xa9\",\"resourceVersion\":\"7\"}}}\n"
#define BOOKMARK "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":" \
	"{\"resourceVersion\":\"9\"}}}\n"
#define GONE "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\"," \
	"\"code\":410,\"reason\":\"Expired\",\"metadata\":{}}}\n"

/* What the events told, one after the other. */
struct seen {
	struct buf text;
	int stop_after;		/* events; 0 = never */
};

static bool
note(void *arg, const struct watch_event *ev)
{
	struct seen *seen = arg;
	const char *name = jv_str(ev->object, "metadata.name");

	buf_addf(&seen->text, "%d:%s:%s:%d ", ev->type, name ? name : "",
	    ev->rv, (int)ev->code);
	return --seen->stop_after != 0;
}

static bool
feed(const char *data, size_t len, size_t piece, struct seen *seen,
    struct err *err)
{
	struct watch_split w;
	bool good = true;

	watch_split_init(&w, 1000, note, seen);
	for (size_t i = 0; good && i < len; i += piece)
		good = watch_split_feed(&w, data + i,
		    len - i < piece ? len - i : piece, err);
	watch_split_release(&w);
	return good;
}

static void
events_come_whole_however_the_bytes_are_cut(void **state UNUSED)
{
	const char stream[] = ADDED "\n" BOOKMARK GONE;

	for (size_t piece = 1; piece < sizeof stream; piece++) {
		struct seen seen = { .text = BUF_INIT(1000) };
		struct err err = ERR_INIT;

		assert_true(feed(stream, sizeof stream - 1, piece, &seen,
		    &err));

		assert_string_equal(seen.text.data,
		    "0:b\xc3\xa9:7:0 3::9:0 4:::410 ");
		buf_release(&seen.text);
	}
}

static void
a_line_without_an_end_is_no_event_yet(void **state UNUSED)
{
	struct seen seen = { .text = BUF_INIT(1000) };
	struct err err = ERR_INIT;

	assert_true(feed(ADDED, strlen(ADDED) - 1, 1000, &seen, &err));

	assert_string_equal(seen.text.data, "");
}

static void
what_is_no_event_ends_the_stream(void **state UNUSED)
{
	static const char *const bad[] = {
		"not json\n", "[]\n", "7\n", "null\n", "{}\n",
		"{\"type\":\"ADDED\"}\n",
		"{\"type\":\"ADDED\",\"object\":{}}\n",
		"{\"type\":\"ADDED\",\"object\":{\"metadata\":"
		    "{\"resourceVersion\":7}}}\n",
		"{\"type\":\"MOVED\",\"object\":{\"metadata\":"
		    "{\"resourceVersion\":\"7\"}}}\n",
		"{\"type\":7,\"object\":{}}\n",
		"{\"type\":\"ERROR\",\"object\":\"text\"}\n",
		"{\"type\":\"ADDED\",\"object\":{\"metadata\":{\n",
		"\xff\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct seen seen = { .text = BUF_INIT(1000) };
		struct err err = ERR_INIT;

		if (feed(bad[i], strlen(bad[i]), 1000, &seen, &err) ||
		    seen.text.len > 0 || !*err.msg)
			fail_msg("'%s' was taken for an event", bad[i]);
	}
}

static void
a_line_over_the_limit_ends_the_stream(void **state UNUSED)
{
	struct seen seen = { .text = BUF_INIT(1000) };
	struct err err = ERR_INIT;
	char line[1200];

	memset(line, ' ', sizeof line);
	assert_false(feed(line, sizeof line, 100, &seen, &err));
	assert_non_null(strstr(err.msg, "longer than 1000 bytes"));

	line[sizeof line - 1] = '\n';
	err = (struct err)ERR_INIT;
	assert_false(feed(line, sizeof line, sizeof line, &seen, &err));
	assert_non_null(strstr(err.msg, "longer than 1000 bytes"));
}

static void
a_reader_may_stop_between_events(void **state UNUSED)
{
	struct seen seen = { .text = BUF_INIT(1000), .stop_after = 1 };
	struct err err = ERR_INIT;

	assert_false(feed(ADDED BOOKMARK, strlen(ADDED BOOKMARK), 1000, &seen,
	    &err));

	assert_string_equal(seen.text.data, "0:b\xc3\xa9:7:0 ");
	buf_release(&seen.text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_come_whole_however_the_bytes_are_cut),
		cmocka_unit_test(a_line_without_an_end_is_no_event_yet),
		cmocka_unit_test(what_is_no_event_ends_the_stream),
		cmocka_unit_test(a_line_over_the_limit_ends_the_stream),
		cmocka_unit_test(a_reader_may_stop_between_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

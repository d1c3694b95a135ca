#include "config.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "buf.h"
#include "conf.h"
#include "num.h"
#include "pod_events.h"
#include "shm.h"
#include "tail.h"
#include "tail_ring.h"
#include "tail_split.h"

/* Lines between bars: "a|b|". */
static void
on_line(void *arg, const char *line, size_t len)
{
	buf_add(arg, line, len);
	buf_addch(arg, '|');
}

static void
on_gap(void *arg)
{
	buf_addstr(arg, "GAP|");
}

/* What a log is told as, fed in pieces of step bytes. */
static void
tell(const char *text, size_t len, size_t step, bool finish, struct buf *out)
{
	static const struct tail_place start;
	struct tail_split s;

	tail_split_init(&s, on_line, on_gap, out);
	tail_split_begin(&s, &start);
	for (size_t at = 0; at < len; at += step)
		tail_split_feed(&s, text + at, len - at < step ? len - at :
		    step);
	if (finish)
		tail_split_finish(&s);
	tail_split_release(&s);
}

static void
assert_told(const char *text, size_t len, const char *lines)
{
	for (size_t step = 1; step <= len + 1; step += len / 7 + 1) {
		AUTO_BUF struct buf out = BUF_INIT(1 << 20);

		tell(text, len, step, /* finish= */ true, &out);
		assert_string_equal(out.data, lines);
	}
}

#define T0 "2026-11-23T17:37:56.160545426Z "
#define T1 "2026-11-23T17:37:56.160545427Z "
#define T2 "2026-11-23T17:37:58.000000001Z "

static void
lines_end_as_java_reads_them(void **state UNUSED)
{
	static const struct {
		const char *log, *lines;
	} rows[] = {
		{ "", "" },
		{ T0 "a\n", "a|" },
		{ T0 "a\n" T1 "b\n", "a|b|" },
		{ T0 "\n" T1 "b", "|b|" },
		{ T0 "10%\r20%\r\n", "10%|20%|" },
		{ T0 "a\r\r\n" T1 "\r\n", "a|||" },
		{ T0 "no newline", "no newline|" },
		{ "no time\nnone here either\n",
		    "no time|none here either|" },
		{ "2026-11-23T17:37:56+02:00 zone\n", "zone|" },
		{ "2026-11-23T17:37:56.1Z short\n", "short|" },
		{ "2026-13-23T17:37:56Z no month\n",
		    "2026-13-23T17:37:56Z no month|" },
		{ "2026-11-23T17:37:56Znot a time\n",
		    "2026-11-23T17:37:56Znot a time|" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_told(rows[i].log, strlen(rows[i].log), rows[i].lines);
}

static void
times_are_read_to_the_nanosecond(void **state UNUSED)
{
	int64_t a, b;

	assert_int_equal(tail_stamp(T0, strlen(T0), &a), strlen(T0));
	assert_int_equal(a, 1795455476160545426);
	assert_int_equal(tail_stamp("2026-11-23T19:37:56.160545426+02:00 ",
	    36, &b), 36);
	assert_int_equal(a, b);
	assert_int_equal(tail_stamp("9999-01-01T00:00:00Z ", 21, &a), 0);
	assert_int_equal(tail_stamp(T0, strlen(T0) - 1, &a), 0);
}

/* Every byte of a long line is told, in pieces cut at characters. */
static void
a_long_line_goes_on_in_the_next(void **state UNUSED)
{
	size_t n = 3 * TAIL_LINE_MAX + 11;
	AUTO_BUF struct buf log = BUF_INIT(1 << 20);

	buf_addstr(&log, T0);
	for (size_t i = 0; i < n / 2; i++)
		buf_addstr(&log, "\xc3\xa9");
	buf_addstr(&log, "\n" T1 "next\n");
	for (size_t step = 999; step < log.len; step = step * 3 + 1) {
		AUTO_BUF struct buf out = BUF_INIT(1 << 20);
		size_t told = 0, lines = 0, len;

		tell(log.data, log.len, step, true, &out);
		for (const char *p = out.data; *p; p += len + 1) {
			len = strcspn(p, "|");
			assert_in_range(len, 0, TAIL_LINE_MAX);
			assert_int_equal((unsigned char)p[0] & 0xc0,
			    strncmp(p, "next", 4) ? 0xc0 : 0x40);
			told += len;
			lines++;
		}
		assert_int_equal(told, n / 2 * 2 + 4);
		assert_int_equal(lines, 5);
	}
}

/* A log that is cut anywhere and taken up again is told as if it were not. */
static void
a_broken_stream_is_taken_up_where_it_was(void **state UNUSED)
{
	static const char log[] = T0 "a\n" T0 "b\rc\n" T0 "d\n" T1 "e\n"
	    T1 "\n" T2 "f\n" T2 "g\n";
	size_t len = sizeof log - 1;

	for (size_t cut = 0; cut <= len; cut++) {
		AUTO_BUF struct buf out = BUF_INIT(1 << 20);
		struct tail_place start = { 0 };
		struct tail_split s;

		tail_split_init(&s, on_line, on_gap, &out);
		tail_split_begin(&s, &start);
		tail_split_feed(&s, log, cut);
		start = s.at;
		/* a server may tell more than was asked for */
		tail_split_begin(&s, &start);
		tail_split_feed(&s, log, len);
		tail_split_finish(&s);
		tail_split_release(&s);
		assert_string_equal(out.data, "a|b|c|d|e||f|g|");
	}
}

static void
a_broken_long_line_is_taken_up_inside(void **state UNUSED)
{
	AUTO_BUF struct buf log = BUF_INIT(1 << 20);
	AUTO_BUF struct buf want = BUF_INIT(1 << 20);

	buf_addstr(&log, T0 "first\n" T1);
	for (size_t i = 0; i < 4 * TAIL_LINE_MAX; i++)
		buf_addch(&log, i % 50000 == 49999 ? '\r' :
		    (char)('a' + i % 26));
	buf_addstr(&log, "\n" T2 "last\n");
	tell(log.data, log.len, log.len, true, &want);
	for (size_t cut = 100; cut < log.len; cut += 33333) {
		AUTO_BUF struct buf out = BUF_INIT(1 << 20);
		struct tail_place start = { 0 };
		struct tail_split s;

		tail_split_init(&s, on_line, on_gap, &out);
		tail_split_begin(&s, &start);
		tail_split_feed(&s, log.data, cut);
		start = s.at;
		tail_split_begin(&s, &start);
		tail_split_feed(&s, log.data, log.len);
		tail_split_release(&s);
		assert_string_equal(out.data, want.data);
	}
}

static void
lines_that_were_rotated_away_leave_one_mark(void **state UNUSED)
{
	AUTO_BUF struct buf out = BUF_INIT(1 << 20);
	struct tail_place start = { 0 };
	struct tail_split s;

	tail_split_init(&s, on_line, on_gap, &out);
	tail_split_begin(&s, &start);
	tail_split_feed(&s, T0 "a\n" T1 "b\n", 2 * strlen(T0 "a\n"));
	start = s.at;
	tail_split_begin(&s, &start);
	tail_split_feed(&s, T2 "x\n" T2 "y\n", 2 * strlen(T0 "a\n"));
	tail_split_release(&s);
	assert_string_equal(out.data, "a|b|GAP|x|y|");
}

struct ring {
	struct tail_floor floor;
	struct seq seq;
	struct tail_span span;
	_Atomic int64_t written;
	char bytes[4096];
};

static void
number_line(char ret[128], int64_t n)
{
	size_t len = 20 + (size_t)(n * 7 % 60);

	snprintf(ret, 128, "%lld:", (long long)n);
	for (size_t i = strlen(ret); i < len; i++)
		ret[i] = (char)('a' + n % 26);
	ret[len] = '\0';
}

struct numbered {
	int64_t next;
	int64_t seen;
};

static void
check_number(void *arg, const char *line, size_t len)
{
	struct numbered *n = arg;
	char want[128];

	number_line(want, n->next++);
	assert_int_equal(len, strlen(want));
	assert_memory_equal(line, want, len);
	n->seen++;
}

static void
the_ring_keeps_the_last_lines_and_their_numbers(void **state UNUSED)
{
	static struct ring r;
	struct tail_writer w = { .floor = &r.floor, .bytes = r.bytes,
		.size = sizeof r.bytes, .lines_max = 20 };
	struct tail_copy copy = { .bytes = BUF_INIT(sizeof r.bytes) };
	struct numbered n = { 0 };
	char line[128];

	for (int64_t i = 0; i < 1000; i++) {
		number_line(line, i);
		tail_ring_add(&w, line, strlen(line));
	}
	assert_int_equal(w.now.count, 1000);
	assert_int_equal(w.now.first, 980);
	assert_true(tail_ring_copy(&r.floor, r.bytes, sizeof r.bytes, &w.now,
	    &copy));
	n.next = 985;
	tail_copy_each(&copy, 985, 5000, check_number, &n);
	assert_int_equal(n.seen, 15);

	w.lines_max = 1 << 20;
	for (int64_t i = 1000; i < 2000; i++) {
		number_line(line, i);
		tail_ring_add(&w, line, strlen(line));
	}
	assert_in_range(w.now.count - w.now.first, 40, 170);
	assert_false(tail_ring_copy(&r.floor, r.bytes, sizeof r.bytes,
	    &(struct tail_span){ 0, 100, 0, 2 }, &copy));
	tail_ring_reset(&w, 500);
	assert_int_equal(w.now.first, 500);
	assert_int_equal(w.now.count, 500);
	buf_release(&copy.bytes);
}

/* A line that has no room at all is cut, and the ring goes on. */
static void
a_line_too_long_for_the_ring_is_cut(void **state UNUSED)
{
	static struct ring r;
	static char line[sizeof r.bytes];
	struct tail_writer w = { .floor = &r.floor, .bytes = r.bytes,
		.size = sizeof r.bytes, .lines_max = 20 };

	for (int i = 0; i < 5; i++)
		tail_ring_add(&w, line, sizeof line);
	assert_int_equal(w.now.count, 5);
	assert_int_equal(w.now.end - w.now.start, sizeof r.bytes);
}

static void NORETURN
write_for_ever(struct ring *r)
{
	struct tail_writer w = { .floor = &r->floor, .bytes = r->bytes,
		.size = sizeof r->bytes, .lines_max = 1 << 20 };
	char line[128];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	tail_ring_adopt(&w, &r->span);
	for (;;) {
		number_line(line, w.now.count);
		tail_ring_add(&w, line, strlen(line));
		seq_write_begin(&r->seq);
		r->span = w.now;
		seq_write_end(&r->seq);
		atomic_store(&r->written, w.now.count);
	}
}

/* Whatever a writer does meanwhile, and wherever it dies, lines are whole. */
static void
readers_get_whole_lines_from_a_busy_writer(void **state UNUSED)
{
	struct ring *r = shm_map(sizeof *r, false);
	struct tail_copy copy = { .bytes = BUF_INIT(sizeof r->bytes) };
	struct tail_writer w = { .floor = &r->floor, .bytes = r->bytes,
		.size = sizeof r->bytes, .lines_max = 1 << 20 };
	int64_t end = num_mono_ms() + 500, copies = 0;
	pid_t pid;

	for (int round = 0; round < 5; round++) {
		pid = fork();
		if (pid == 0)
			write_for_ever(r);
		while (num_mono_ms() < end || atomic_load(&r->written) == 0) {
			struct numbered n = { 0 };
			struct tail_span span;
			uint32_t seq;

			do {
				seq = seq_read_begin(&r->seq);
				span = r->span;
			} while (seq_read_retry(&r->seq, seq));
			if (seq_is_torn(seq) || !tail_ring_copy(&r->floor,
			    r->bytes, sizeof r->bytes, &span, &copy))
				continue;
			n.next = copy.span.first;
			tail_copy_each(&copy, 0, INT64_MAX, check_number, &n);
			copies += n.seen > 0;
		}
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		if (atomic_load(&r->seq.n) & 1)
			r->span = w.now;	/* as tail_adopt: begun anew */
		seq_reset(&r->seq);
		tail_ring_adopt(&w, &r->span);
		r->span = w.now;
		end = num_mono_ms() + 200;
	}
	assert_true(copies > 0);
	buf_release(&copy.bytes);
}

static void
the_newest_event_is_told_on_one_line(void **state UNUSED)
{
	static const char list[] = "{\"items\":["
	    "{\"reason\":\"FailedMount\",\"message\":\"MountVolume.SetUp "
	    "failed\\nfor volume\",\"lastTimestamp\":\"2026-11-23T17:00:01Z\"},"
	    "{\"reason\":\"FailedScheduling\",\"lastTimestamp\":"
	    "\"2026-11-23T17:00:00Z\"},{\"message\":\"no reason\"}]}";
	char said[512];

	pod_events_last(list, sizeof list - 1, said, sizeof said);
	assert_string_equal(said,
	    "FailedMount: MountVolume.SetUp failed for volume");
	pod_events_last(list, 20, said, sizeof said);
	assert_string_equal(said, "");
	pod_events_last("{\"items\":[]}", 12, said, sizeof said);
	assert_string_equal(said, "");
}

/* Of two drivers, within one millisecond, from the same worker. */
static void
a_second_ask_is_told_from_the_first(void **state UNUSED)
{
	const struct conf conf = { .log_drivers = 1, .log_bytes = 65536,
		.log_lines = 10 };
	size_t size = tail_size(&conf, 1);
	void *mem = shm_map(size, false);
	struct tail_ask ask = { .key = { .id = 1 } }, got;
	int64_t before = 0, at;
	struct tail *t;

	tail_format(mem, &conf, 1);
	t = tail_open(mem, -1);
	for (ask.key.id = 1; ask.key.id < 100; ask.key.id++) {
		tail_ask(t, 0, &ask);
		assert_true(tail_asked(t, 0, &at, &got));
		assert_int_equal(got.key.id, ask.key.id);
		assert_true(at > before);
		before = at;
	}
	tail_close(t);
	munmap(mem, size);
}

static void
on_mark(void *arg, int64_t line, bool missing)
{
	buf_addf(arg, "MARK %d%s|", (int)line, missing ? "?" : "");
}

/* Numbers are known where the mark's line ends, or before what follows it. */
static void
a_mark_is_told_once_where_it_stands(void **state UNUSED)
{
	static const char text[] =
	    "2026-11-23T17:37:56.000000001Z a\n"
	    "2026-11-23T17:37:56.000000002Z b\n"
	    "2026-11-23T17:37:56.000000002Z c\n"
	    "2026-11-23T17:37:56.000000004Z d\n";
	static const struct {
		int64_t ns;
		uint64_t same;
		const char *told;
	} rows[] = {
		{ 1, 1, "a|MARK 7|b|c|d|" }, { 2, 1, "a|b|MARK 7|c|d|" },
		{ 2, 2, "a|b|c|MARK 7|d|" }, { 4, 1, "a|b|c|d|MARK 7|" },
		/* lines may be missing */
		{ 3, 1, "a|b|c|MARK 7?|d|" }, { 0, 9, "MARK 7?|a|b|c|d|" },
		{ 5, 1, "a|b|c|d|" }, { 4, 2, "a|b|c|d|" },
	};
	static const struct tail_place start;
	int64_t second;

	assert_int_equal(tail_stamp("2026-11-23T17:37:56Z x", 22, &second),
	    21);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_BUF struct buf out = BUF_INIT(1 << 16);
		const struct tail_mark mark = { second + rows[i].ns,
			rows[i].same, 7 };
		struct tail_split split;

		tail_split_init(&split, on_line, on_gap, &out);
		tail_split_begin(&split, &start);
		tail_split_mark(&split, &mark, on_mark);
		tail_split_feed(&split, text, sizeof text - 1);
		tail_split_finish(&split);
		tail_split_release(&split);
		assert_string_equal(out.data, rows[i].told);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_end_as_java_reads_them),
		cmocka_unit_test(times_are_read_to_the_nanosecond),
		cmocka_unit_test(a_long_line_goes_on_in_the_next),
		cmocka_unit_test(a_broken_stream_is_taken_up_where_it_was),
		cmocka_unit_test(a_broken_long_line_is_taken_up_inside),
		cmocka_unit_test(a_mark_is_told_once_where_it_stands),
		cmocka_unit_test(lines_that_were_rotated_away_leave_one_mark),
		cmocka_unit_test(
		    the_ring_keeps_the_last_lines_and_their_numbers),
		cmocka_unit_test(a_line_too_long_for_the_ring_is_cut),
		cmocka_unit_test(readers_get_whole_lines_from_a_busy_writer),
		cmocka_unit_test(the_newest_event_is_told_on_one_line),
		cmocka_unit_test(a_second_ask_is_told_from_the_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

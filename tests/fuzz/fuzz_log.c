#include "config.h"

#include <assert.h>

#include "buf.h"
#include "err.h"
#include "fuzz.h"
#include "jv.h"
#include "pod_events.h"
#include "tail_ring.h"
#include "tail_split.h"

#define RING 4096

struct told {
	struct buf text;
	size_t lines;
	struct tail_writer ring;
	struct tail_mark mark;
	int marks;
};

static void
on_line(void *arg, const char *line, size_t len)
{
	struct told *t = arg;

	assert(len <= TAIL_LINE_MAX);
	assert(memchr(line, '\n', len) == NULL);
	buf_add(&t->text, line, len);
	buf_addch(&t->text, '\n');
	t->lines++;
	tail_ring_add(&t->ring, line, len);
}

static void
on_gap(void *arg)
{
	struct told *t = arg;

	buf_addstr(&t->text, "gap\n");
}

/* Once a stream, and it changes no line. */
static void
on_mark(void *arg, int64_t line, bool missing UNUSED)
{
	struct told *t = arg;

	assert(line == t->mark.line && t->marks++ == 0);
}

static void
feed(struct tail_split *s, const char *data, size_t len, size_t step)
{
	for (size_t at = 0; at < len; at += step)
		tail_split_feed(s, data + at, len - at < step ? len - at :
		    step);
}

/* The log whole, or broken off at cut and told again from its beginning. */
static void
tell(const struct buf *log, size_t cut, size_t step, struct told *t)
{
	struct tail_place place = { 0 };
	struct tail_split s;

	t->text = (struct buf)BUF_INIT(8 << 20);
	tail_split_init(&s, on_line, on_gap, t);
	tail_split_begin(&s, &place);
	tail_split_mark(&s, &t->mark, on_mark);
	feed(&s, log->data, cut, step);
	if (cut < log->len) {
		place = s.at;
		tail_split_begin(&s, &place);
		feed(&s, log->data, log->len, step);
	}
	tail_split_finish(&s);
	tail_split_release(&s);
}

/* A node's log of these bytes: a time before each line, none earlier. */
static void
with_times(const char *data, size_t size, struct buf *out)
{
	const char *nl;
	size_t n;

	for (unsigned ns = 0; size > 0; data += n, size -= n) {
		nl = memchr(data, '\n', size);
		n = nl ? (size_t)(nl - data) + 1 : size;
		ns += (unsigned char)data[0] % 3;
		buf_addf(out, "2026-11-23T17:37:56.%09uZ ", ns);
		buf_add(out, data, n);
	}
}

static void
check_ring(struct told *t, struct tail_floor *floor, const char *bytes)
{
	struct tail_copy copy = { .bytes = BUF_INIT(RING) };
	AUTO_BUF struct buf json = BUF_INIT(16 * RING);

	if (tail_ring_copy(floor, bytes, RING, &t->ring.now, &copy)) {
		assert(t->ring.now.count == (int64_t)t->lines);
		jv_add_strn(&json, copy.bytes.data, copy.bytes.len);
		assert(fuzz_is_json(json.data, json.len));
	}
	buf_release(&copy.bytes);
}

/* In whatever pieces a log comes, and wherever it breaks, lines are the same. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char bytes[RING], others[RING], said[128];
	struct tail_floor floor = { 0 }, other = { 0 };
	struct told whole = { .ring = { &floor, bytes, RING, 50, { 0 } } };
	struct told broken = { .ring = { &other, others, RING, 50, { 0 } } };
	const int64_t when = 1795455476000000000;	/* as with_times says */
	AUTO_BUF struct buf log = BUF_INIT(4 << 20);
	const char *text = (const char *)data + 4;
	size_t cut;

	if (size < 4)
		return 0;
	whole.mark = (struct tail_mark){ when + data[1], data[2] % 4, 99 };
	size -= 4;
	pod_events_last(text, size, said, sizeof said);
	assert(jv_utf8(said, strlen(said)) == strlen(said));
	if (data[0] & 1)
		with_times(text, size, &log);
	else
		buf_add(&log, text, size);
	/* a few bytes make a line longer than lines may be */
	for (int i = 0; (data[0] & 6) == 6 && i < 1600; i++)
		buf_addstr(&log, i % 1500 == 1499 ? "\r" :
		    "0123456789\xc3\xa9 abcdefghijklmnopqrstuvwxyz 01234567");
	cut = (size_t)(data[2] << 8 | data[3]);
	tell(&log, log.len, log.len + 1, &whole);
	check_ring(&whole, &floor, bytes);
	/* times that go back may repeat or lose: only whole logs are equal */
	tell(&log, data[0] & 1 && cut < log.len ? cut : log.len,
	    data[1] * 37u + 1, &broken);
	assert(whole.lines == broken.lines);
	assert(strcmp(whole.text.data, broken.text.data) == 0);
	buf_release(&whole.text);
	buf_release(&broken.text);
	return 0;
}

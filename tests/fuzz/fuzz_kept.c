#include "config.h"

#include <assert.h>

#include "buf.h"
#include "cache.h"
#include "err.h"
#include "fuzz.h"
#include "jv.h"
#include "kept.h"

#define RING 8192
#define RUN 7

struct told {
	struct buf text;
	int64_t lines;
};

static void
on_line(void *arg, const char *line, size_t len)
{
	struct told *t = arg;

	jv_add_strn(&t->text, line, len);
	t->lines++;
}

static void
ignore(void *arg, const char *line UNUSED, size_t len UNUSED)
{
	(*(int64_t *)arg)++;
}

/* Somebody may have edited it: what is told adds up all the same. */
static void
read_any(const char *text, size_t len, uint32_t run)
{
	AUTO_JSON json_object *map = NULL;
	struct err err = ERR_INIT;
	int64_t first, total, lines = 0;

	if (!jv_parse(text, len, JV_DEPTH_KUBE, &map, &err))
		return;
	if (kept_read(map, run, &first, &total, ignore, &lines, &err))
		assert(first >= 0 && first + lines == total);
	else
		assert(lines == 0 && err.status >= 500 && err.msg[0]);
}

/* What is kept of a log of these lines is its end, and reads back so. */
static void
keep_and_read(const char *text, size_t size, int64_t max)
{
	static char bytes[RING];
	struct tail_floor floor = { 0 };
	struct tail_writer ring = { &floor, bytes, RING, 500, { 0 } };
	struct tail_copy copy = { .bytes = BUF_INIT(RING) };
	struct told was = { .text = BUF_INIT(1 << 20) };
	struct told is = { .text = BUF_INIT(1 << 20) };
	struct cache_view view = CACHE_VIEW_INIT;
	AUTO_JSON json_object *map = NULL;
	AUTO_JSON json_object *notes = NULL;
	struct err err = ERR_INIT;
	int64_t first = 0, total = 0;

	view.app.pod_run = RUN;
	view.app.exit_code = -1;
	view.text.object = "livy-livy-b-1";
	for (size_t n; size > 0; text += n, size -= n) {
		const char *nl = memchr(text, '\n', size);

		n = nl ? (size_t)(nl - text) + 1 : size;
		tail_ring_add(&ring, text, nl ? n - 1 : n);
	}
	assert(tail_ring_copy(&floor, bytes, RING, &ring.now, &copy));
	map = kept_map(fuzz_conf(), &(struct kept_log){ &view, &copy, max });
	notes = kept_notes(&(struct kept_log){ &view, &copy, max });
	assert(strlen(jv_print(notes)) < 65536);
	assert(kept_read(map, RUN, &first, &total, on_line, &is, &err));
	assert(total == ring.now.count && total - first <= max);
	tail_copy_each(&copy, first, total, on_line, &was);
	assert(is.lines == was.lines);
	assert(strcmp(is.text.data, was.text.data) == 0);
	buf_release(&copy.bytes);
	buf_release(&was.text);
	buf_release(&is.text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data + 1;

	if (size < 1)
		return 0;
	if (data[0] & 1)
		keep_and_read(text, size - 1, 10 + data[0]);
	else
		read_any(text, size - 1, data[0] & 2 ? RUN : 0);
	return 0;
}

#include "config.h"

#include "tail_ring.h"

#define HEAD sizeof(uint32_t)	/* a line's length is before it */

static void
put(struct tail_writer *w, uint64_t at, const void *data, size_t len)
{
	size_t from = (size_t)(at % w->size);
	size_t n = w->size - from < len ? w->size - from : len;

	memcpy(w->bytes + from, data, n);
	memcpy(w->bytes, (const char *)data + n, len - n);
}

static uint32_t
length_at(const struct tail_writer *w, uint64_t at)
{
	char head[HEAD];
	uint32_t len;

	for (size_t i = 0; i < HEAD; i++)
		head[i] = w->bytes[(at + i) % w->size];
	memcpy(&len, head, sizeof len);
	return len;
}

/* Readers are told before anything is written over. */
static void
raise_floor(struct tail_writer *w)
{
	seq_write_begin(&w->floor->seq);
	w->floor->start = w->now.start;
	w->floor->first = w->now.first;
	seq_write_end(&w->floor->seq);
	atomic_thread_fence(memory_order_seq_cst);
}

void
tail_ring_adopt(struct tail_writer *w, const struct tail_span *published)
{
	bool torn = atomic_load(&w->floor->seq.n) & 1;

	seq_reset(&w->floor->seq);
	w->now = *published;
	if (w->floor->start > w->now.start) {
		w->now.start = w->floor->start;
		w->now.first = w->floor->first;
	}
	if (torn || w->now.start > w->now.end ||
	    w->now.first > w->now.count ||
	    w->now.end - w->now.start > w->size) {
		if (w->now.end < w->floor->start)
			w->now.end = w->floor->start;
		w->now.start = w->now.end;
		w->now.first = w->now.count;
	}
	raise_floor(w);
}

static void
drop_first(struct tail_writer *w)
{
	uint32_t len = length_at(w, w->now.start);

	w->now.start += HEAD + len;
	w->now.first++;
}

void
tail_ring_reset(struct tail_writer *w, int64_t first)
{
	/* positions go on, so nobody takes old bytes for new ones */
	w->now.start = w->now.end;
	w->now.first = w->now.count = first;
	raise_floor(w);
}

void
tail_ring_shift(struct tail_writer *w, int64_t by)
{
	w->now.first += by;
	w->now.count += by;
	raise_floor(w);
}

void
tail_ring_add(struct tail_writer *w, const char *line, size_t len)
{
	size_t max = w->size / 2 - HEAD;
	uint32_t head = (uint32_t)(len < max ? len : max);
	bool dropped = false;

	while (w->now.count > w->now.first &&
	    (w->now.end - w->now.start + HEAD + head > w->size ||
	    w->now.count - w->now.first >= w->lines_max)) {
		drop_first(w);
		dropped = true;
	}
	if (dropped)
		raise_floor(w);
	put(w, w->now.end, &head, HEAD);
	put(w, w->now.end + HEAD, line, head);
	w->now.end += HEAD + head;
	w->now.count++;
}

/* What of the copy has not been written over since. */
static bool
still_there(const struct tail_floor *floor, struct tail_copy *c)
{
	uint64_t start;
	int64_t first;
	uint32_t n;

	atomic_thread_fence(memory_order_seq_cst);
	do {
		n = seq_read_begin(&floor->seq);
		start = floor->start;
		first = floor->first;
	} while (seq_read_retry(&floor->seq, n));
	if (seq_is_torn(n))
		return false;
	if (start <= c->span.start)
		return true;
	if (start > c->span.end || first > c->span.count)
		return false;
	c->at = (size_t)(start - c->span.start);
	c->span.start = start;
	c->span.first = first;
	return true;
}

bool
tail_ring_copy(const struct tail_floor *floor, const char *bytes,
    size_t size, const struct tail_span *span, struct tail_copy *ret)
{
	uint64_t len = span->end - span->start;
	size_t from = (size_t)(span->start % size), n;
	char *room;

	buf_clear(&ret->bytes);
	ret->span = *span;
	ret->at = 0;
	if (len > size || span->first > span->count)
		return false;	/* no writer makes that */
	room = buf_room(&ret->bytes, (size_t)len);
	if (!room)
		return false;
	n = size - from < len ? size - from : (size_t)len;
	memcpy(room, bytes + from, n);
	memcpy(room + n, bytes, (size_t)len - n);
	buf_wrote(&ret->bytes, (size_t)len);
	return still_there(floor, ret);
}

void
tail_copy_each(const struct tail_copy *c, int64_t from, int64_t to,
    void (*on_line)(void *arg, const char *line, size_t len), void *arg)
{
	size_t at = c->at;
	uint32_t len;

	for (int64_t i = c->span.first; i < c->span.count && i < to; i++) {
		if (c->bytes.len - at < HEAD)
			return;
		memcpy(&len, c->bytes.data + at, sizeof len);
		at += HEAD;
		if (c->bytes.len - at < len)
			return;
		if (i >= from)
			on_line(arg, c->bytes.data + at, len);
		at += len;
	}
}

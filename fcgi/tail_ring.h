/*
 * The last lines of one log in shared memory: written by one process, read
 * by many without a lock. Lines have numbers, from 0 at the log's beginning;
 * the oldest go when there is no room for another, by bytes or by lines. A
 * reader copies all that is there and then looks how much of it has been
 * written over meanwhile: that much from the front does not count.
 */
#ifndef TAIL_RING_H
#define TAIL_RING_H

#include "buf.h"
#include "defs.h"
#include "shm.h"

/* Positions count all bytes that were ever written. */
struct tail_span {
	uint64_t start, end;	/* positions of the first line, after the last */
	int64_t first, count;	/* numbers of the first line, after the last */
};

/* What is before it may be written over at any time. */
struct tail_floor {
	struct seq seq;
	uint64_t start;
	int64_t first;		/* the number of the line there */
};

/*
 * The writer's side. It appends to a span of its own, which its owner then
 * publishes, so that a reader sees whole pieces.
 */
struct tail_writer {
	struct tail_floor *floor;
	char *bytes;
	size_t size;		/* of bytes */
	int64_t lines_max;
	struct tail_span now;
};

/* Goes on with what a writer that died had published. */
void tail_ring_adopt(struct tail_writer *w, const struct tail_span *published);
/* Empty, as if lines before first had been there. */
void tail_ring_reset(struct tail_writer *w, int64_t first);
/* All lines have numbers that are higher by that much, not below 0. */
void tail_ring_shift(struct tail_writer *w, int64_t by);
void tail_ring_add(struct tail_writer *w, const char *line, size_t len);

/*
 * A copy of the lines of a span, less those that went meanwhile: its own span
 * says which it has. False if all of them went.
 */
struct tail_copy {
	struct buf bytes;
	struct tail_span span;
	size_t at;		/* of span.start in bytes */
};
bool tail_ring_copy(const struct tail_floor *floor, const char *bytes,
    size_t size, const struct tail_span *span, struct tail_copy *ret)
    MUST_CHECK;
/* Its lines whose numbers are in [from, to), in order. */
void tail_copy_each(const struct tail_copy *c, int64_t from, int64_t to,
    void (*on_line)(void *arg, const char *line, size_t len), void *arg);

#endif

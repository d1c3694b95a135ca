/*
 * A container's log as the API server streams it with timestamps=true, in
 * arbitrary pieces -> lines. Pure. Lines end as Java reads them, at \n, \r
 * and \r\n, so each step of a progress bar is a line; one that is longer
 * than TAIL_LINE_MAX goes on in the next. The place reached is kept as a
 * time and a count, so that a stream which broke is taken up with sinceTime
 * where it was, without a line lost or told twice.
 */
#ifndef TAIL_SPLIT_H
#define TAIL_SPLIT_H

#include "buf.h"
#include "defs.h"

#define TAIL_LINE_MAX 65536

/* A place in a container's log. */
struct tail_place {
	int64_t stamp_ns;	/* of the last line begun, epoch; 0 = none */
	uint64_t same;		/* whole ones with that stamp (or none) */
	uint64_t part;		/* bytes told of the one after them */
};

/* A place that somebody counted to, and the number of the line after it. */
struct tail_mark {
	int64_t stamp_ns;	/* 0 = none */
	uint64_t same;
	int64_t line;
};

struct tail_split {
	struct buf keep;	/* of a line whose end has not come */
	struct tail_place at;
	bool headed;		/* its time is off keep already */
	bool after_cr;		/* a \n now belongs to the \r before it */
	bool passing;		/* over what was told before a break */
	struct tail_place from;	/* that place */
	uint64_t drop;		/* bytes of a line that were told */
	void (*on_line)(void *arg, const char *line, size_t len);
	void (*on_gap)(void *arg); /* lines are missing before the next */
	/*
	 * The mark is reached: the next line has its number, or, where lines
	 * between may be missing, a higher one. NULL = no matter.
	 */
	void (*on_mark)(void *arg, int64_t line, bool missing);
	struct tail_mark mark;	/* its stamp is 0 once it was told */
	void *arg;
};

void tail_split_init(struct tail_split *s,
    void (*on_line)(void *, const char *, size_t), void (*on_gap)(void *),
    void *arg);
void tail_split_release(struct tail_split *s);

/* A new stream begins, of all since that place (all: a zero one). */
void tail_split_begin(struct tail_split *s, const struct tail_place *from);
/* Looks for a mark from here on. */
void tail_split_mark(struct tail_split *s, const struct tail_mark *mark,
    void (*on_mark)(void *arg, int64_t line, bool missing));
void tail_split_feed(struct tail_split *s, const char *data, size_t len);
/* The container has ended: what has no end of line is a line as well. */
void tail_split_finish(struct tail_split *s);

/* The time before a line and the length of it with its space; 0 = none. */
size_t tail_stamp(const char *text, size_t len, int64_t *ret_ns);

#endif

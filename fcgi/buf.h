/*
 * A growing byte string that cannot exist without a limit. Appending never
 * needs a check: the first append that would pass the limit frees the
 * contents and marks the buffer failed, later ones do nothing, and the owner
 * asks buf_ok() once at the end. Contents are always NUL-terminated; data is
 * never NULL. Running out of memory ends the process.
 */
#ifndef BUF_H
#define BUF_H

#include "defs.h"

struct buf {
	char *data;	/* len bytes and a NUL; "" when empty */
	size_t len;
	size_t cap;
	size_t limit;	/* bytes that len may reach */
	bool failed;
};

#define BUF_INIT(max) { .data = buf_nothing, .limit = (max) }
extern char buf_nothing[1];

void buf_init(struct buf *b, size_t limit);
void buf_release(struct buf *b);	/* contents; b is then reusable */
void buf_clear(struct buf *b);		/* empty again, memory kept */
bool buf_ok(const struct buf *b) MUST_CHECK;

void buf_add(struct buf *b, const void *data, size_t len);
void buf_addstr(struct buf *b, const char *s);
void buf_addch(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
void buf_addint(struct buf *b, int64_t n);	/* decimal */

/* Room for len more bytes to be written by the caller, NULL past the limit. */
char *buf_room(struct buf *b, size_t len);
void buf_wrote(struct buf *b, size_t len);	/* of what buf_room gave */

/* Drops the first n bytes; drops all but the first len. */
void buf_shift(struct buf *b, size_t n);
void buf_truncate(struct buf *b, size_t len);

/* The contents, now the caller's to free; b is empty. NULL when failed. */
char *buf_steal(struct buf *b);

#define AUTO_BUF __attribute__((cleanup(buf_release)))

/* Allocation that cannot fail: running out of memory ends the process. */
void *mem_alloc(size_t n);	/* zeroed */
void *mem_realloc(void *p, size_t n);
char *mem_strdup(const char *s);
char *mem_strndup(const char *s, size_t n);

#endif

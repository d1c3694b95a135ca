#include "config.h"

#include "buf.h"

#include <assert.h>
#include <stdarg.h>

char buf_nothing[1] = "";

static void NORETURN
out_of_memory(size_t n)
{
	fprintf(stderr, "livy-fcgi: out of memory (%zu bytes)\n", n);
	abort();
}

void *
mem_alloc(size_t n)
{
	void *p = calloc(1, n ? n : 1);

	if (!p)
		out_of_memory(n);
	return p;
}

void *
mem_realloc(void *p, size_t n)
{
	void *q = realloc(p, n ? n : 1);

	if (!q)
		out_of_memory(n);
	return q;
}

char *
mem_strndup(const char *s, size_t n)
{
	char *p = mem_alloc(n + 1);

	memcpy(p, s, n);
	return p;
}

char *
mem_strdup(const char *s)
{
	return mem_strndup(s, strlen(s));
}

void
buf_init(struct buf *b, size_t limit)
{
	*b = (struct buf)BUF_INIT(limit);
}

void
buf_release(struct buf *b)
{
	if (b->cap)
		free(b->data);
	buf_init(b, b->limit);
}

void
buf_clear(struct buf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->cap)
		b->data[0] = '\0';
}

bool
buf_ok(const struct buf *b)
{
	return !b->failed;
}

char *
buf_room(struct buf *b, size_t len)
{
	size_t need, cap;

	if (b->failed)
		return NULL;
	if (len > b->limit || b->len > b->limit - len) {
		buf_release(b);
		b->failed = true;
		return NULL;
	}
	need = b->len + len + 1;
	if (need > b->cap) {
		cap = b->cap ? b->cap : 64;
		while (cap < need)
			cap *= 2;
		b->data = mem_realloc(b->cap ? b->data : NULL, cap);
		b->cap = cap;
		b->data[b->len] = '\0';
	}
	return b->data + b->len;
}

void
buf_wrote(struct buf *b, size_t len)
{
	assert(!b->failed && b->len + len < b->cap);
	b->len += len;
	b->data[b->len] = '\0';
}

void
buf_add(struct buf *b, const void *data, size_t len)
{
	char *room;

	if (len == 0)
		return;
	room = buf_room(b, len);
	if (!room)
		return;
	memcpy(room, data, len);
	buf_wrote(b, len);
}

void
buf_addstr(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void
buf_addch(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void
buf_addint(struct buf *b, int64_t n)
{
	char digits[24];
	char *p = digits + sizeof digits;
	uint64_t u = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;

	do {
		*--p = (char)('0' + u % 10);
		u /= 10;
	} while (u);
	if (n < 0)
		*--p = '-';
	buf_add(b, p, (size_t)(digits + sizeof digits - p));
}

void
buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	char *room;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	assert(n >= 0);
	room = buf_room(b, (size_t)n);
	if (room) {
		vsnprintf(room, (size_t)n + 1, fmt, again);
		buf_wrote(b, (size_t)n);
	}
	va_end(again);
	va_end(ap);
}

void
buf_shift(struct buf *b, size_t n)
{
	if (b->failed || n == 0)
		return;
	assert(n <= b->len);
	memmove(b->data, b->data + n, b->len - n + 1);
	b->len -= n;
}

void
buf_truncate(struct buf *b, size_t len)
{
	if (b->failed || len >= b->len)
		return;
	b->len = len;
	b->data[len] = '\0';
}

char *
buf_steal(struct buf *b)
{
	char *p;

	if (b->failed)
		return NULL;
	p = b->cap ? b->data : mem_strdup("");
	b->cap = 0;
	buf_init(b, b->limit);
	return p;
}

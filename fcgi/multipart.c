#include "config.h"

#include "multipart.h"

#include <strings.h>

/* The value of a header's parameter, its quotes and their escapes undone. */
static bool
parameter(const char *header, const char *name, char *ret, size_t size)
{
	size_t n = strlen(name), len = 0;
	const char *s = header;
	bool quoted = false;

	for (; *s; s++) {
		if (*s == '"')
			quoted = !quoted;
		else if (quoted && *s == '\\' && s[1])
			s++;
		else if (!quoted && *s == ';') {
			s += 1 + strspn(s + 1, " \t");
			if (strncasecmp(s, name, n) == 0 && s[n] == '=')
				break;
			s--;
		}
	}
	if (!*s)
		return false;
	s += n + 1;
	quoted = *s == '"';
	for (s += quoted; *s && (quoted ? *s != '"' :
	    !strchr("; \t", *s)); s++) {
		if (quoted && *s == '\\' && (s[1] == '"' || s[1] == '\\'))
			s++;
		if (len + 1 >= size)
			return false;
		ret[len++] = *s;
	}
	ret[len] = '\0';
	return !quoted || *s == '"';
}

bool
multipart_init(struct multipart *m, const char *content_type,
    int64_t (*read)(void *arg, char *data, size_t len), void *arg)
{
	static const char type[] = "multipart/form-data";
	char boundary[MULTIPART_BOUNDARY_MAX + 1];

	memset(m, 0, sizeof *m);
	m->read = read;
	m->arg = arg;
	if (strncasecmp(content_type, type, sizeof type - 1) != 0 ||
	    !parameter(content_type, "boundary", boundary, sizeof boundary) ||
	    !*boundary)
		return false;
	m->mark_len = (size_t)snprintf(m->mark, sizeof m->mark, "\r\n--%s",
	    boundary);
	/* the first mark has no line before it: this one stands for it */
	memcpy(m->window, "\r\n", 2);
	m->end = 2;
	return true;
}

/* Takes more into the window; false if there is no more, or no room. */
static bool
fill(struct multipart *m)
{
	int64_t n;

	if (m->start > 0) {
		memmove(m->window, m->window + m->start, m->end - m->start);
		m->end -= m->start;
		m->start = 0;
	}
	if (m->ended || m->end == sizeof m->window)
		return false;
	n = m->read(m->arg, m->window + m->end, sizeof m->window - m->end);
	if (n <= 0) {
		m->ended = true;
		return false;
	}
	m->end += (size_t)n;
	return true;
}

/*
 * How many bytes are surely before the next mark, and whether one follows
 * them. What may be the start of one waits until it is known.
 */
static size_t
before_mark(const struct multipart *m, bool *ret_mark)
{
	const char *from = m->window + m->start, *s = from;
	size_t len = m->end - m->start, left, n;

	*ret_mark = false;
	while ((s = memchr(s, '\r', len - (size_t)(s - from)))) {
		left = len - (size_t)(s - from);
		n = left < m->mark_len ? left : m->mark_len;
		if (memcmp(s, m->mark, n) == 0) {
			*ret_mark = n == m->mark_len;
			return (size_t)(s - from);
		}
		s++;
	}
	return len;
}

int64_t
multipart_read(struct multipart *m, char *data, size_t len)
{
	bool mark;
	size_t n;

	if (!m->in_part)
		return 0;
	for (;;) {
		n = before_mark(m, &mark);
		if (n > 0 || mark)
			break;
		if (!fill(m))
			return -1;
	}
	if (n == 0) {
		m->in_part = false;
		return 0;
	}
	n = n < len ? n : len;
	memcpy(data, m->window + m->start, n);
	m->start += n;
	return (int64_t)n;
}

/* A line without its end, in the window until the next one; NULL at the end. */
static const char *
line(struct multipart *m)
{
	char *from, *end;

	for (;;) {
		from = m->window + m->start;
		end = memchr(from, '\n', m->end - m->start);
		if (end)
			break;
		if (!fill(m))
			return NULL;
	}
	m->start += (size_t)(end - from) + 1;
	if (end > from && end[-1] == '\r')
		end--;
	*end = '\0';
	return from;
}

static bool
headers(struct multipart *m)
{
	static const char disposition[] = "Content-Disposition:";
	const char *text;

	m->name[0] = m->file[0] = '\0';
	m->is_file = false;
	while ((text = line(m)) && *text) {
		if (strncasecmp(text, disposition, sizeof disposition - 1) != 0)
			continue;
		if (!parameter(text, "name", m->name, sizeof m->name))
			m->name[0] = '\0';
		m->is_file = parameter(text, "filename", m->file,
		    sizeof m->file);
	}
	return text != NULL;
}

/* Skips what is left of a part, or what stands before the first one. */
static bool
skip_to_mark(struct multipart *m)
{
	bool mark;

	for (;;) {
		m->start += before_mark(m, &mark);
		if (mark)
			return true;
		if (!fill(m))
			return false;
	}
}

bool
multipart_next(struct multipart *m)
{
	const char *rest;

	if (!skip_to_mark(m))
		return false;
	m->start += m->mark_len;
	rest = line(m);
	/* behind the last mark stands "--" */
	if (!rest || strspn(rest, " \t") != strlen(rest) || !headers(m))
		return false;
	m->in_part = true;
	return true;
}

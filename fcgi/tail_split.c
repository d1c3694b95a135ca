#include "config.h"

#include "tail_split.h"

#include <time.h>

#define STAMP_MAX 48	/* "2026-11-23T17:37:56.160545426+02:00 " and more */

void
tail_split_init(struct tail_split *s,
    void (*on_line)(void *, const char *, size_t), void (*on_gap)(void *),
    void *arg)
{
	*s = (struct tail_split){ .on_line = on_line, .on_gap = on_gap,
		.arg = arg };
	buf_init(&s->keep, TAIL_LINE_MAX + 2 * STAMP_MAX);
}

void
tail_split_release(struct tail_split *s)
{
	buf_release(&s->keep);
}

void
tail_split_begin(struct tail_split *s, const struct tail_place *from)
{
	buf_clear(&s->keep);
	s->from = *from;
	s->at = (struct tail_place){ .stamp_ns = from->stamp_ns };
	s->passing = from->stamp_ns || from->same || from->part;
	s->headed = s->after_cr = false;
	s->drop = 0;
}

/* Two digits; -1 if they are none. */
static int
two(const char *p)
{
	if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
		return -1;
	return (p[0] - '0') * 10 + p[1] - '0';
}

/* "2026-11-23T17:37:56" as seconds of the epoch. */
static bool
seconds(const char *p, int64_t *ret)
{
	int part[7];
	static const struct { int at; char after; } where[] = {
		{ 0, 0 }, { 2, '-' }, { 5, '-' }, { 8, 'T' }, { 11, ':' },
		{ 14, ':' }, { 17, 0 },
	};
	struct tm tm = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(where); i++) {
		part[i] = two(p + where[i].at);
		if (part[i] < 0 || (where[i].after &&
		    p[where[i].at + 2] != where[i].after))
			return false;
	}
	if (part[2] < 1 || part[2] > 12 || part[3] < 1 || part[3] > 31 ||
	    part[4] > 23 || part[5] > 59 || part[6] > 60)
		return false;
	tm.tm_year = part[0] * 100 + part[1] - 1900;
	tm.tm_mon = part[2] - 1;
	tm.tm_mday = part[3];
	tm.tm_hour = part[4];
	tm.tm_min = part[5];
	tm.tm_sec = part[6];
	*ret = timegm(&tm);
	/* what nanoseconds can hold in 64 bits */
	return *ret > -9000000000 && *ret < 9000000000;
}

/* "Z" or "+02:00" at p, with len bytes there; its length, 0 = neither. */
static size_t
zone(const char *p, size_t len, int64_t *ret_s)
{
	int hours, minutes;

	*ret_s = 0;
	if (len >= 1 && p[0] == 'Z')
		return 1;
	if (len < 6 || (p[0] != '+' && p[0] != '-') || p[3] != ':')
		return 0;
	hours = two(p + 1);
	minutes = two(p + 4);
	if (hours < 0 || minutes < 0)
		return 0;
	*ret_s = (hours * 60 + minutes) * (p[0] == '+' ? 60 : -60);
	return 6;
}

size_t
tail_stamp(const char *text, size_t len, int64_t *ret_ns)
{
	int64_t s, off, ns = 0, unit = 100000000;
	size_t at = 19, n;

	if (len < 21 || !seconds(text, &s))
		return 0;
	if (text[at] == '.') {
		for (at++; at < len && text[at] >= '0' && text[at] <= '9';
		    at++) {
			ns += (text[at] - '0') * unit;
			unit /= 10;
		}
		if (at == 20 || at > 29)
			return 0;
	}
	n = at < len ? zone(text + at, len - at, &off) : 0;
	at += n;
	if (n == 0 || at >= len || text[at] != ' ')
		return 0;
	*ret_ns = (s - off) * 1000000000 + ns;
	return at + 1;
}

/*
 * What to do with the line that begins: pass over it, or over its first
 * bytes, if it was told before the stream broke.
 */
static void
pass_over(struct tail_split *s, int64_t stamp_ns)
{
	const struct tail_place *from = &s->from;

	s->drop = 0;
	if (!s->passing)
		return;
	if (stamp_ns < from->stamp_ns) {
		s->drop = UINT64_MAX;
		return;
	}
	if (stamp_ns == from->stamp_ns) {
		if (s->at.same < from->same) {
			s->drop = UINT64_MAX;
			return;
		}
		s->drop = from->part;
	} else if (s->at.same < from->same + (from->part > 0)) {
		s->on_gap(s->arg);
	}
	s->passing = false;
}

void
tail_split_mark(struct tail_split *s, const struct tail_mark *mark,
    void (*on_mark)(void *arg, int64_t line, bool missing))
{
	s->mark = *mark;
	s->on_mark = on_mark;
}

/* Before a line of that time is told. */
static void
look_for_mark(struct tail_split *s, int64_t stamp_ns)
{
	const struct tail_mark *m = &s->mark;
	uint64_t same = stamp_ns == s->at.stamp_ns ? s->at.same : 0;
	bool missing;

	if (m->stamp_ns == 0 || s->passing || stamp_ns < m->stamp_ns ||
	    (stamp_ns == m->stamp_ns && same < m->same))
		return;
	missing = stamp_ns > m->stamp_ns;
	s->mark.stamp_ns = 0;
	s->on_mark(s->arg, m->line, missing);
}

/* The head of a line is there: its time comes off. */
static void
take_head(struct tail_split *s)
{
	int64_t stamp = s->at.stamp_ns, read;
	size_t n = tail_stamp(s->keep.data, s->keep.len, &read);
	bool older;

	if (n > 0)
		stamp = read;
	older = s->passing && stamp < s->from.stamp_ns;
	pass_over(s, stamp);
	look_for_mark(s, stamp);
	if (!s->passing && stamp != s->at.stamp_ns) {
		s->at.stamp_ns = stamp;
		s->at.same = 0;
	}
	s->at.part = older ? UINT64_MAX : 0;	/* it counts in no place */
	buf_shift(&s->keep, n);
	s->headed = true;
	s->after_cr = false;
}

/* Tells the first len bytes of keep, and takes them and ended off it. */
static void
tell(struct tail_split *s, size_t len, size_t ended)
{
	if (s->drop > 0)
		s->drop -= s->drop == UINT64_MAX ? 0 :
		    s->drop < len + ended ? s->drop : len + ended;
	else
		s->on_line(s->arg, s->keep.data, len);
	if (s->at.part != UINT64_MAX)
		s->at.part += len + ended;
	buf_shift(&s->keep, len + ended);
	s->after_cr = ended > 0;
}

/* The length of a piece of a line that is too long, cut at a character. */
static size_t
piece(const char *text)
{
	size_t n = TAIL_LINE_MAX;

	while (n > TAIL_LINE_MAX - 4 &&
	    ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	return n;
}

/* Tells what needs no more bytes to be told. */
static void
drain(struct tail_split *s, bool whole)
{
	size_t max = TAIL_LINE_MAX + 1, n;
	const char *cr;

	while (s->keep.len > 0 && (whole || s->keep.len > TAIL_LINE_MAX)) {
		n = s->keep.len < max ? s->keep.len : max;
		cr = memchr(s->keep.data, '\r', n);
		if (cr)
			tell(s, (size_t)(cr - s->keep.data), 1);
		else if (s->keep.len > TAIL_LINE_MAX)
			tell(s, piece(s->keep.data), 0);
		else
			return;
	}
}

/* The end of a line has come, or of all of them. */
static void
end_line(struct tail_split *s)
{
	if (!s->headed)
		take_head(s);
	drain(s, /* whole= */ true);
	if (s->keep.len > 0 || !s->after_cr)
		tell(s, s->keep.len, 0);
	if (s->at.part != UINT64_MAX)
		s->at.same++;
	s->at.part = 0;
	s->headed = false;
	s->after_cr = false;
	look_for_mark(s, s->at.stamp_ns);	/* no line may come after it */
}

void
tail_split_feed(struct tail_split *s, const char *data, size_t len)
{
	size_t room, n;
	const char *nl;

	while (len > 0) {
		room = s->keep.limit - s->keep.len;
		n = len < room ? len : room;
		nl = memchr(data, '\n', n);
		if (nl)
			n = (size_t)(nl - data);
		buf_add(&s->keep, data, n);
		data += n;
		len -= n;
		if (nl) {
			end_line(s);
			data++;
			len--;
		} else if (s->keep.len > TAIL_LINE_MAX + STAMP_MAX) {
			if (!s->headed)
				take_head(s);
			drain(s, /* whole= */ false);
		}
	}
}

void
tail_split_finish(struct tail_split *s)
{
	if (s->keep.len > 0 || s->headed)
		end_line(s);
}

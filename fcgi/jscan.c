#include "config.h"

#include "jscan.h"

#include "buf.h"
#include "jv.h"
#include "num.h"

struct walk {
	const char *text;
	size_t len, pos;
	unsigned depth;
	uint8_t is_array[JSCAN_DEPTH / 8]; /* of the containers we are in */
};

static void
space(struct walk *w)
{
	while (w->pos < w->len && (w->text[w->pos] == ' ' ||
	    w->text[w->pos] == '\t' || w->text[w->pos] == '\r' ||
	    w->text[w->pos] == '\n'))
		w->pos++;
}

static bool
next_is(struct walk *w, char c)
{
	space(w);
	if (w->pos == w->len || w->text[w->pos] != c)
		return false;
	w->pos++;
	return true;
}

static bool
escape(struct walk *w)
{
	static const char hex[] = "0123456789abcdefABCDEF";

	if (++w->pos == w->len || !w->text[w->pos] ||
	    !strchr("\"\\/bfnrtu", w->text[w->pos]))
		return false;
	if (w->text[w->pos++] != 'u')
		return true;
	for (int i = 0; i < 4; i++, w->pos++)
		if (w->pos == w->len || !w->text[w->pos] ||
		    !strchr(hex, w->text[w->pos]))
			return false;
	return true;
}

static bool
string(struct walk *w)
{
	size_t n;

	if (!next_is(w, '"'))
		return false;
	while (w->pos < w->len) {
		unsigned char c = (unsigned char)w->text[w->pos];

		if (c == '"') {
			w->pos++;
			return true;
		}
		if (c < 0x20)
			return false;
		if (c == '\\') {
			if (!escape(w))
				return false;
			continue;
		}
		n = jv_character((const unsigned char *)w->text + w->pos,
		    w->len - w->pos);
		if (n == 0)
			return false;
		w->pos += n;
	}
	return false;
}

static bool
scalar(struct walk *w)
{
	static const char *const words[] = { "true", "false", "null" };
	size_t n;

	if (w->text[w->pos] == '"')
		return string(w);
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		n = strlen(words[i]);
		if (w->len - w->pos >= n &&
		    memcmp(w->text + w->pos, words[i], n) == 0) {
			w->pos += n;
			return true;
		}
	}
	n = jv_number(w->text + w->pos, w->len - w->pos);
	w->pos += n;
	return n > 0;
}

static bool
in_array(const struct walk *w)
{
	unsigned top = w->depth - 1;

	return w->is_array[top / 8] >> top % 8 & 1;
}

static bool
enter(struct walk *w, bool array)
{
	unsigned top = w->depth;

	if (w->depth == JSCAN_DEPTH)
		return false;
	w->is_array[top / 8] = (uint8_t)((w->is_array[top / 8] &
	    ~(1u << top % 8)) | (unsigned)array << top % 8);
	w->depth++;
	w->pos++;
	return true;
}

static bool
key(struct walk *w)
{
	return string(w) && next_is(w, ':');
}

/* Behind a value: closes what ends there; *ret_more: another value comes. */
static bool
after_value(struct walk *w, bool *ret_more)
{
	while (w->depth > 0) {
		if (next_is(w, ',')) {
			*ret_more = true;
			return in_array(w) || key(w);
		}
		if (!next_is(w, in_array(w) ? ']' : '}'))
			return false;
		w->depth--;
	}
	*ret_more = false;
	return true;
}

/* Into a container, or over a scalar; *ret_open: its first value is next. */
static bool
begin_value(struct walk *w, bool *ret_open)
{
	bool array;

	space(w);
	*ret_open = false;
	if (w->pos == w->len)
		return false;
	array = w->text[w->pos] == '[';
	if (!array && w->text[w->pos] != '{')
		return scalar(w);
	if (!enter(w, array))
		return false;
	if (next_is(w, array ? ']' : '}')) {
		w->depth--;
		return true;
	}
	*ret_open = true;
	return array || key(w);
}

bool
jscan_check(const char *text, size_t len, struct jpart *ret)
{
	struct walk w = { .text = text, .len = len };
	bool more = true, open;
	size_t start;

	space(&w);
	start = w.pos;
	while (more) {
		if (!begin_value(&w, &open))
			return false;
		if (!open && !after_value(&w, &more))
			return false;
	}
	*ret = (struct jpart){ text + start, w.pos - start };
	space(&w);
	return w.pos == len;
}

/* Where the value at pos of a checked text ends. */
static size_t
end_of(struct jpart p, size_t pos)
{
	size_t depth = 0;
	bool quoted = false;

	for (; pos < p.len; pos++) {
		char c = p.at[pos];

		if (quoted) {
			if (c == '\\')
				pos++;
			quoted = c != '"';
		} else if (c == '"') {
			quoted = true;
		} else if (c == '{' || c == '[') {
			depth++;
		} else if (depth > 0 && (c == '}' || c == ']')) {
			depth--;
		} else if (depth == 0 && strchr(",:}] \t\r\n", c)) {
			return pos;
		}
	}
	return p.len;
}

/* Skips what is between values. */
static size_t
gap(struct jpart p, size_t pos)
{
	while (pos < p.len && p.at[pos] && strchr(" \t\r\n,:", p.at[pos]))
		pos++;
	return pos;
}

bool
jscan_element(struct jpart array, size_t *cursor, struct jpart *ret)
{
	size_t pos = gap(array, *cursor ? *cursor : 1), end;

	if (pos >= array.len || array.at[pos] == ']' || array.at[pos] == '}')
		return false;
	end = end_of(array, pos);
	*ret = (struct jpart){ array.at + pos, end - pos };
	*cursor = end;
	return true;
}

bool
jscan_member(struct jpart object, size_t *cursor, struct jpart *ret_key,
    struct jpart *ret_value)
{
	return jscan_element(object, cursor, ret_key) &&
	    jscan_element(object, cursor, ret_value);
}

bool
jscan_is(struct jpart k, const char *name)
{
	size_t n = strlen(name);

	return k.len == n + 2 && memcmp(k.at + 1, name, n) == 0;
}

static bool
begins(struct jpart value, char c)
{
	return value.at && value.len > 0 && value.at[0] == c;
}

bool
jscan_is_object(struct jpart value)
{
	return begins(value, '{');
}

bool
jscan_is_array(struct jpart value)
{
	return begins(value, '[');
}

bool
jscan_is_string(struct jpart value)
{
	return begins(value, '"');
}

bool
jscan_is_null(struct jpart value)
{
	return begins(value, 'n');
}

bool
jscan_int(struct jpart value, int64_t least, int64_t most, int64_t *ret)
{
	char digits[24];

	if (!value.at || value.len >= sizeof digits)
		return false;
	memcpy(digits, value.at, value.len);
	digits[value.len] = '\0';
	return num_int(digits, least, most, ret);
}

static unsigned
hex4(const char *s)
{
	unsigned n = 0;

	for (int i = 0; i < 4; i++) {
		char c = s[i];

		n = n * 16 + (unsigned)(c <= '9' ? c - '0' :
		    (c | 0x20) - 'a' + 10);
	}
	return n;
}

static void
add_utf8(struct buf *out, unsigned c)
{
	unsigned char b[4];
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const unsigned char first[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

	for (size_t i = n - 1; i > 0; i--, c >>= 6)
		b[i] = (unsigned char)(0x80 | (c & 0x3f));
	b[0] = (unsigned char)(first[n] | c);
	buf_add(out, b, n);
}

/* \uXXXX, and its second half where it is the first of a pair. */
static bool
add_unicode(struct jpart p, size_t *pos, struct buf *out)
{
	unsigned c = hex4(p.at + *pos), low;

	*pos += 4;
	if (c >= 0xd800 && c < 0xdc00 && *pos + 6 <= p.len &&
	    memcmp(p.at + *pos, "\\u", 2) == 0) {
		low = hex4(p.at + *pos + 2);
		if (low >= 0xdc00 && low < 0xe000) {
			c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
			*pos += 6;
		}
	}
	if (c == 0 || (c >= 0xd800 && c < 0xe000))
		return false;
	add_utf8(out, c);
	return true;
}

bool
jscan_text(struct jpart value, struct buf *out)
{
	static const char pairs[] = "b\bf\fn\nr\rt\t\"\"\\\\//";
	size_t pos = 1, n;

	if (!begins(value, '"'))
		return false;
	while (pos < value.len - 1) {
		const char *s = value.at + pos, *known = pairs;

		for (n = 0; pos + n < value.len - 1 && s[n] != '\\';)
			n++;
		buf_add(out, s, n);
		pos += n;
		if (pos >= value.len - 1)
			break;
		pos += 2;	/* the backslash and its letter */
		if (s[n + 1] == 'u') {
			if (!add_unicode(value, &pos, out))
				return false;
			continue;
		}
		while (*known != s[n + 1])
			known += 2;
		buf_addch(out, known[1]);
	}
	return true;
}

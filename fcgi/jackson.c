#include "config.h"

#include "jackson.h"

#include "err.h"
#include "jv.h"

#define SOURCE "[Source: (org.eclipse.jetty.server.HttpInputOverHTTP)"
#define SENTENCE_MAX ERR_MSG_MAX
#define VALUES "(JSON String, Number, Array, Object or token 'null', " \
	"'true' or 'false')"

/*
 * A walk over a text, which stops at the first thing that is not JSON: then
 * what holds the words and pos is where Jackson's reader would stand.
 */
struct walk {
	const char *text;
	size_t len;
	size_t pos;
	int depth;
	struct buf what;
};

static bool value(struct walk *w);

static void
line_and_column(const char *text, size_t offset, size_t *line, size_t *column)
{
	*line = 1;
	*column = 1;
	for (size_t i = 0; i < offset; i++)
		if (text[i] == '\n') {
			++*line;
			*column = 1;
		} else {
			++*column;
		}
}

static void
add_source(struct buf *b, const char *text, size_t offset)
{
	size_t line, column;

	line_and_column(text, offset, &line, &column);
	buf_addf(b, SOURCE "; line: %zu, column: %zu]", line, column);
}

void
jackson_source(struct buf *b, const char *text, size_t offset)
{
	buf_addstr(b, "\n at ");
	add_source(b, text, offset);
}

/* False, for the caller to return; the reader stands behind the character. */
static bool
unexpected(struct walk *w, const char *was)
{
	unsigned char c = (unsigned char)w->text[w->pos++];

	if (c < 0x20)
		buf_addf(&w->what, "Illegal character ((CTRL-CHAR, code %d)): "
		    "only regular white space (\\r, \\n, \\t) is allowed "
		    "between tokens", c);
	else
		buf_addf(&w->what, "Unexpected character ('%c' (code %d)): %s",
		    c, c, was);
	return false;
}

static bool
ended(struct walk *w, const char *how)
{
	w->pos = w->len;
	buf_addf(&w->what, "Unexpected end-of-input%s", how);
	return false;
}

/* Skips space; false at the end of the text. */
static bool
space(struct walk *w)
{
	while (w->pos < w->len && w->text[w->pos] &&
	    strchr(" \t\r\n", w->text[w->pos]))
		w->pos++;
	return w->pos < w->len;
}

static bool
unclosed(struct walk *w, size_t start, const char *kind)
{
	struct buf *b = &w->what;

	w->pos = w->len;
	buf_addf(b, "Unexpected end-of-input: expected close marker for %s "
	    "(start marker at ", kind);
	add_source(b, w->text, start);
	buf_addch(b, ')');
	return false;
}

static bool
escape(struct walk *w, bool name)
{
	const char *hex = "0123456789abcdefABCDEF";

	if (++w->pos == w->len)
		return ended(w, name ? " in field name" :
		    " in character escape sequence");
	if (w->text[w->pos] != 'u') {
		if (w->text[w->pos] && strchr("\"\\/bfnrt", w->text[w->pos])) {
			w->pos++;
			return true;
		}
		buf_addf(&w->what, "Unrecognized character escape '%c' "
		    "(code %d)", w->text[w->pos],
		    (unsigned char)w->text[w->pos]);
		w->pos++;
		return false;
	}
	w->pos++;
	for (int i = 0; i < 4; i++, w->pos++) {
		if (w->pos == w->len)
			return ended(w, " in character escape sequence");
		if (!w->text[w->pos] || !strchr(hex, w->text[w->pos]))
			return unexpected(w, "expected a hex-digit for "
			    "character escape sequence");
	}
	return true;
}

/* A byte above 0x7f starts or goes on a character, or says how it fails. */
static bool
utf8(struct walk *w)
{
	const unsigned char *s = (const unsigned char *)w->text + w->pos;
	size_t more = (s[0] & 0xe0) == 0xc0 ? 1 : (s[0] & 0xf0) == 0xe0 ? 2 :
	    (s[0] & 0xf8) == 0xf0 ? 3 : 0;

	w->pos++;
	if (more == 0) {
		buf_addf(&w->what, "Invalid UTF-8 start byte 0x%x", s[0]);
		return false;
	}
	for (size_t i = 1; i <= more; i++, w->pos++) {
		if (w->pos == w->len)
			return ended(w, " in VALUE_STRING");
		if ((s[i] & 0xc0) != 0x80) {
			buf_addf(&w->what, "Invalid UTF-8 middle byte 0x%x",
			    s[i]);
			w->pos++;
			return false;
		}
	}
	return true;
}

/* The reader stands on the opening quote. */
static bool
string(struct walk *w, bool name)
{
	unsigned char c;

	for (w->pos++; w->pos < w->len;) {
		c = (unsigned char)w->text[w->pos];
		if (c == '"') {
			w->pos++;
			return true;
		}
		if (c == '\\') {
			if (!escape(w, name))
				return false;
		} else if (c < 0x20) {
			w->pos++;
			buf_addf(&w->what, "Illegal unquoted character "
			    "((CTRL-CHAR, code %d)): has to be escaped using "
			    "backslash to be included in %s", c,
			    name ? "name" : "string value");
			return false;
		} else if (c >= 0x80) {
			if (!utf8(w))
				return false;
		} else {
			w->pos++;
		}
	}
	return ended(w, name ? " in field name" : " in VALUE_STRING");
}

static bool
digits(struct walk *w, const char *was)
{
	size_t from = w->pos;

	while (w->pos < w->len && w->text[w->pos] >= '0' &&
	    w->text[w->pos] <= '9')
		w->pos++;
	if (w->pos > from)
		return true;
	if (w->pos == w->len)
		return ended(w, " in numeric value");
	buf_addf(&w->what, "Unexpected character ('%c' (code %d)) in numeric "
	    "value: %s", w->text[w->pos], (unsigned char)w->text[w->pos], was);
	w->pos++;
	return false;
}

static bool
number(struct walk *w)
{
	size_t from;

	if (w->text[w->pos] == '-')
		w->pos++;
	from = w->pos;
	if (!digits(w, "expected digit (0-9) to follow minus sign, for valid "
	    "numeric value"))
		return false;
	if (w->text[from] == '0' && w->pos > from + 1) {
		w->pos = from + 1;
		buf_addstr(&w->what, "Invalid numeric value: Leading zeroes "
		    "not allowed");
		return false;
	}
	if (w->pos < w->len && w->text[w->pos] == '.') {
		w->pos++;
		if (!digits(w, "Decimal point not followed by a digit"))
			return false;
	}
	if (w->pos < w->len && (w->text[w->pos] | 0x20) == 'e') {
		w->pos++;
		if (w->pos < w->len && (w->text[w->pos] == '+' ||
		    w->text[w->pos] == '-'))
			w->pos++;
		if (!digits(w, "Exponent indicator not followed by a digit"))
			return false;
	}
	return true;
}

static bool
is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '_' || c == '$' ||
	    (unsigned char)c >= 0x80;
}

static bool
literal(struct walk *w)
{
	static const char *const words[] = { "true", "false", "null" };
	size_t from = w->pos, n;

	while (w->pos < w->len && is_word(w->text[w->pos]))
		w->pos++;
	n = w->pos - from;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (n == strlen(words[i]) &&
		    memcmp(w->text + from, words[i], n) == 0)
			return true;
	buf_addf(&w->what, "Unrecognized token '%.*s': was expecting " VALUES,
	    (int)(n < 256 ? n : 256), w->text + from);
	if (w->pos < w->len)
		w->pos++;	/* it has looked at what follows */
	return false;
}

/* After an entry: its separator or the end. *ret_more tells which. */
static bool
separator(struct walk *w, char close, size_t start, bool *ret_more)
{
	const char *kind = close == '}' ? "Object" : "Array";
	char c;

	if (!space(w))
		return unclosed(w, start, kind);
	c = w->text[w->pos];
	if (c == close || c == ',') {
		w->pos++;
		*ret_more = c == ',';
		return true;
	}
	if (c == '}' || c == ']') {
		w->pos++;
		buf_addf(&w->what, "Unexpected close marker '%c': expected "
		    "'%c' (for %s starting at ", c, close, kind);
		add_source(&w->what, w->text, start);
		buf_addch(&w->what, ')');
		return false;
	}
	return unexpected(w, close == '}' ?
	    "was expecting comma to separate Object entries" :
	    "was expecting comma to separate Array entries");
}

/* A field name and its colon; the reader then stands before the value. */
static bool
name(struct walk *w)
{
	if (w->text[w->pos] != '"')
		return unexpected(w, "was expecting double-quote to start "
		    "field name");
	if (!string(w, true))
		return false;
	if (!space(w))
		return ended(w, " within/between Object entries");
	if (w->text[w->pos] != ':')
		return unexpected(w, "was expecting a colon to separate field "
		    "name and value");
	w->pos++;
	return space(w) || ended(w, " within/between Object entries");
}

static bool
object(struct walk *w)
{
	size_t start = w->pos++;
	bool more = true;

	if (!space(w))
		return unclosed(w, start, "Object");
	if (w->text[w->pos] == '}') {
		w->pos++;
		return true;
	}
	while (more) {
		if (!space(w))
			return ended(w, " within/between Object entries");
		if (!name(w) || !value(w) || !separator(w, '}', start, &more))
			return false;
	}
	return true;
}

static bool
array(struct walk *w)
{
	size_t start = w->pos++;
	bool more = true;

	if (!space(w))
		return unclosed(w, start, "Array");
	if (w->text[w->pos] == ']') {
		w->pos++;
		return true;
	}
	while (more) {
		if (!space(w))
			return ended(w, " within/between Array entries");
		if (!value(w) || !separator(w, ']', start, &more))
			return false;
	}
	return true;
}

/* The reader stands on a character that is no space. */
static bool
value(struct walk *w)
{
	char c = w->text[w->pos];
	bool good;

	if (w->depth == JV_DEPTH_CLIENT) {
		buf_addf(&w->what, "Document nesting depth exceeds the "
		    "maximum allowed (%d)", JV_DEPTH_CLIENT);
		return false;
	}
	w->depth++;
	if (c == '{')
		good = object(w);
	else if (c == '[')
		good = array(w);
	else if (c == '"')
		good = string(w, false);
	else if (c == '-' || (c >= '0' && c <= '9'))
		good = number(w);
	else if (is_word(c) && (unsigned char)c < 0x80)
		good = literal(w);
	else if (w->depth > 1 && c && strchr(",]}", c))
		good = unexpected(w, "expected a value");
	else
		good = unexpected(w, "expected a valid value " VALUES);
	w->depth--;
	return good;
}

static size_t
after_mark(const char *text, size_t len)
{
	return len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

/* Says what is wrong with a text that is not JSON, json-c's word for it. */
static bool
explain(const char *text, size_t len, struct err *err)
{
	struct walk w = { .text = text, .len = len, .pos = 0,
		.what = BUF_INIT(SENTENCE_MAX) };
	AUTO_BUF struct buf message = BUF_INIT(2 * SENTENCE_MAX);

	if (!space(&w)) {
		buf_addstr(&message, "No content to map due to end-of-input\n"
		    " at " SOURCE "; line: 1, column: 0]");
	} else if (!value(&w)) {
		buf_addstr(&message, w.what.data);
		jackson_source(&message, text, w.pos);
	} else {
		buf_addf(&message, "Unexpected character: %s", err->msg);
		jackson_source(&message, text, w.pos);
	}
	err_bare(err, 400, "%s", message.data);
	buf_release(&w.what);
	return false;
}

bool
jackson_parse(const char *text, size_t len, json_object **ret_new,
    struct err *err)
{
	size_t skip = after_mark(text, len);

	return jv_parse_first(text + skip, len - skip, JV_DEPTH_CLIENT,
	    ret_new, err) || explain(text + skip, len - skip, err);
}

bool
jackson_whole(const char *text, size_t len, struct jackson_value *ret)
{
	struct walk w = { .text = text, .len = len,
		.pos = after_mark(text, len), .what = BUF_INIT(SENTENCE_MAX) };
	bool good = space(&w);

	ret->start = w.pos;
	good = good && value(&w);
	ret->end = w.pos;
	buf_release(&w.what);
	return good;
}

/* Whether the name that starts at the walk's place reads as key. */
static bool
named(const struct walk *w, const char *key)
{
	AUTO_JSON json_object *o = NULL;
	struct err err = ERR_INIT;

	return jv_parse_first(w->text + w->pos, w->len - w->pos, 1, &o,
	    &err) && jv_text(o) && strcmp(jv_text(o), key) == 0;
}

bool
jackson_find(const char *text, size_t len, size_t from, const char *key,
    size_t index, struct jackson_value *ret)
{
	struct walk w = { .text = text, .len = len, .pos = from + 1,
		.what = BUF_INIT(SENTENCE_MAX) };
	bool found = false, wanted, more = true;
	size_t start;

	for (size_t i = 0; more && space(&w); i++) {
		if (strchr("]}", w.text[w.pos]))
			break;
		wanted = key ? named(&w, key) : i == index;
		if (key && !name(&w))
			break;
		start = w.pos;
		if (!value(&w))
			break;
		if (wanted) {
			*ret = (struct jackson_value){ start, w.pos };
			found = true;
		}
		if (!separator(&w, key ? '}' : ']', from, &more))
			break;
	}
	buf_release(&w.what);
	return found;
}

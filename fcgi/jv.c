#include "config.h"

#include "jv.h"

#include <assert.h>

#include "buf.h"
#include "err.h"

void
auto_json(json_object **o)
{
	json_object_put(*o);
}

static bool
only_space(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!strchr(" \t\r\n", text[i]) || text[i] == '\0')
			return false;
	return true;
}

size_t
jv_character(const unsigned char *s, size_t len)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 :
	    s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
	uint32_t c;

	if (n <= 1 || n > len)
		return n > len ? 0 : n;
	c = s[0] & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	return n;
}

size_t
jv_utf8(const char *text, size_t len)
{
	size_t i, n;

	for (i = 0; i < len; i += n) {
		n = jv_character((const unsigned char *)text + i, len - i);
		if (n == 0 || text[i] == '\0')
			break;
	}
	return i;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

size_t
jv_number(const char *s, size_t len)
{
	size_t i = s[0] == '-', from = i;

	while (i < len && is_digit(s[i]))
		i++;
	if (i == from || (s[from] == '0' && i > from + 1))
		return 0;
	if (i < len && s[i] == '.') {
		for (from = ++i; i < len && is_digit(s[i]);)
			i++;
		if (i == from)
			return 0;
	}
	if (i < len && (s[i] == 'e' || s[i] == 'E')) {
		i++;
		if (i < len && (s[i] == '+' || s[i] == '-'))
			i++;
		for (from = i; i < len && is_digit(s[i]);)
			i++;
		if (i == from)
			return 0;
	}
	return i;
}

/*
 * What json-c takes for JSON and is not, even when told to be strict: single
 * quotes, NaN and Infinity, "1.", "-.5", "-01", raw control characters and
 * overlong UTF-8 in strings. Only called for text that json-c has parsed.
 */
static bool
check_strict(const char *text, size_t len, struct err *err)
{
	const char *what = NULL;
	bool string = false;
	size_t n, i;

	for (i = 0; i < len && !what; i += n) {
		n = 1;
		if (text[i] == '"') {
			string = !string;
		} else if (string && text[i] == '\\') {
			n = 2;
		} else if (string) {
			n = jv_character((const unsigned char *)text + i, len - i);
			if ((unsigned char)text[i] < 0x20)
				what = "raw control character in a string";
			else if (n == 0)
				what = "invalid UTF-8";
		} else if (text[i] == '-' || is_digit(text[i])) {
			n = jv_number(text + i, len - i);
			if (n == 0 || (i + n < len && is_digit(text[i + n])))
				what = "invalid number";
		} else if (strchr("'NI", text[i])) {
			what = "unexpected character";
		}
		if (what)
			break;
	}
	return !what || err_set(err, 400, "malformed JSON: %s, at byte %zu",
	    what, i);
}

/* Parses the first value; *ret_used is where it and a space after it end. */
static bool
parse(const char *text, size_t len, int depth, json_object **ret_new,
    size_t *ret_used, struct err *err)
{
	AUTO_JSON json_object *o = NULL;
	json_tokener *tok;
	enum json_tokener_error result;
	size_t used;

	if (len > INT32_MAX - 1)
		return err_set(err, 413, "JSON of %zu bytes is too long", len);
	tok = json_tokener_new_ex(depth);
	assert(tok);
	json_tokener_set_flags(tok,
	    JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8 |
	    JSON_TOKENER_ALLOW_TRAILING_CHARS);
	o = json_tokener_parse_ex(tok, text, (int)len);
	result = json_tokener_get_error(tok);
	used = json_tokener_get_parse_end(tok);
	if (result == json_tokener_continue) {
		/* a bare scalar ends only at a NUL */
		o = json_tokener_parse_ex(tok, "", 1);
		result = json_tokener_get_error(tok);
		used = len;
	}
	json_tokener_free(tok);
	if (result != json_tokener_success)
		return err_set(err, 400, "malformed JSON: %s, at byte %zu",
		    json_tokener_error_desc(result), used);
	if (!check_strict(text, used, err))
		return false;
	*ret_new = o;
	*ret_used = used;
	o = NULL;
	return true;
}

bool
jv_parse_first(const char *text, size_t len, int depth, json_object **ret_new,
    struct err *err)
{
	size_t used;

	return parse(text, len, depth, ret_new, &used, err);
}

bool
jv_parse(const char *text, size_t len, int depth, json_object **ret_new,
    struct err *err)
{
	AUTO_JSON json_object *o = NULL;
	size_t used;

	if (!parse(text, len, depth, &o, &used, err))
		return false;
	if (!only_space(text + used, len - used))
		return err_set(err, 400,
		    "malformed JSON: text after the value, at byte %zu", used);
	*ret_new = o;
	o = NULL;
	return true;
}

json_object *
jv_member(json_object *o, const char *key)
{
	json_object *value = NULL;

	if (!json_object_is_type(o, json_type_object))
		return NULL;
	json_object_object_get_ex(o, key, &value);
	return value;
}

json_object *
jv_get(json_object *o, const char *path)
{
	char key[KUBE_NAME_MAX + 1];
	const char *dot;
	size_t n;

	for (; o && path; path = dot ? dot + 1 : NULL) {
		dot = strchr(path, '.');
		n = dot ? (size_t)(dot - path) : strlen(path);
		assert(n < sizeof key);
		memcpy(key, path, n);
		key[n] = '\0';
		o = jv_member(o, key);
	}
	return o;
}

const char *
jv_text(json_object *value)
{
	return json_object_is_type(value, json_type_string) ?
	    json_object_get_string(value) : NULL;
}

const char *
jv_str(json_object *o, const char *path)
{
	return jv_text(jv_get(o, path));
}

int64_t
jv_int(json_object *o, const char *path, int64_t fallback)
{
	json_object *value = jv_get(o, path);

	return json_object_is_type(value, json_type_int) ?
	    json_object_get_int64(value) : fallback;
}

bool
jv_bool(json_object *o, const char *path, bool fallback)
{
	json_object *value = jv_get(o, path);

	return json_object_is_type(value, json_type_boolean) ?
	    (bool)json_object_get_boolean(value) : fallback;
}

void
jv_set_str(json_object *o, const char *key, const char *text)
{
	json_object_object_add(o, key,
	    text && *text ? json_object_new_string(text) : NULL);
}

const char *
jv_print(json_object *o)
{
	return json_object_to_json_string_ext(o,
	    JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}

/* How many of the first bytes stand for themselves in a JSON string. */
static size_t
plain(const unsigned char *s, size_t len)
{
	size_t n = 0;

	while (n < len && s[n] >= 0x20 && s[n] < 0x80 && s[n] != '"' &&
	    s[n] != '\\')
		n++;
	return n;
}

void
jv_add_strn(struct buf *b, const char *text, size_t len)
{
	static const char short_for[] = "\bb\ff\nn\rr\tt\"\"\\\\";
	const unsigned char *s = (const unsigned char *)text;
	const char *known;
	size_t n;

	buf_addch(b, '"');
	for (; len > 0; s += n, len -= n) {
		n = plain(s, len);
		if (n > 0) {	/* most are, and go in one piece */
			buf_add(b, s, n);
			continue;
		}
		n = jv_character(s, len);
		if (n == 0) {
			buf_addstr(b, "\xef\xbf\xbd");
			n = 1;
		} else if (n > 1) {
			buf_add(b, s, n);
		} else {
			for (known = short_for; *known && *known != (char)*s;)
				known += 2;
			if (*known && *s) {
				buf_addch(b, '\\');
				buf_addch(b, known[1]);
			} else {
				buf_addf(b, "\\u%04x", *s);
			}
		}
	}
	buf_addch(b, '"');
}

void
jv_add_str(struct buf *b, const char *text)
{
	if (text)
		jv_add_strn(b, text, strlen(text));
	else
		buf_addstr(b, "null");
}

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

bool
jv_parse(const char *text, size_t len, int depth, json_object **ret_new,
    struct err *err)
{
	json_tokener *tok;
	json_object *o;
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
	if (result == json_tokener_continue) {
		/* a bare scalar ends only at a NUL */
		o = json_tokener_parse_ex(tok, "", 1);
		result = json_tokener_get_error(tok);
		used = len;
	} else {
		used = json_tokener_get_parse_end(tok);
	}
	json_tokener_free(tok);
	if (result != json_tokener_success) {
		json_object_put(o);
		return err_set(err, 400, "malformed JSON: %s",
		    json_tokener_error_desc(result));
	}
	if (used < len && !only_space(text + used, len - used)) {
		json_object_put(o);
		return err_set(err, 400,
		    "malformed JSON: text after the value, at byte %zu", used);
	}
	*ret_new = o;
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

/* Bytes of the valid UTF-8 character at s, 0 if there is none. */
static size_t
character(const unsigned char *s, size_t len)
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

void
jv_add_strn(struct buf *b, const char *text, size_t len)
{
	static const char short_for[] = "\bb\ff\nn\rr\tt\"\"\\\\";
	const unsigned char *s = (const unsigned char *)text;
	const char *known;
	size_t n;

	buf_addch(b, '"');
	for (; len > 0; s += n, len -= n) {
		n = character(s, len);
		if (n == 0) {
			buf_addstr(b, "\xef\xbf\xbd");
			n = 1;
		} else if (n > 1 || (*s >= 0x20 && *s != '"' && *s != '\\')) {
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

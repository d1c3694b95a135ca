#include "config.h"

#include "query.h"

#include <strings.h>

#include "err.h"
#include "jint.h"
#include "request.h"

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool
decode(const char *in, size_t len, bool plus, char *out, size_t size)
{
	size_t n = 0;
	char c;

	for (size_t i = 0; i < len; i++) {
		c = in[i];
		if (c == '%') {
			if (len - i < 3 || hex(in[i + 1]) < 0 ||
			    hex(in[i + 2]) < 0)
				return false;
			c = (char)(hex(in[i + 1]) << 4 | hex(in[i + 2]));
			i += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		if (c == '\0' || n + 1 >= size)
			return false;
		out[n++] = c;
	}
	if (size == 0)
		return false;
	out[n] = '\0';
	return true;
}

bool
request_decode(const char *in, size_t len, char *out, size_t size)
{
	return decode(in, len, false, out, size);
}

const char *
query_param(const char *query, const char *name, char *ret, size_t size)
{
	const char *at, *value, *end;
	char key[64];
	size_t len;

	for (at = query; *at; at = *end ? end + 1 : end) {
		end = at + strcspn(at, "&");
		len = strcspn(at, "=&");
		if (!decode(at, len, true, key, sizeof key) ||
		    strcmp(key, name) != 0)
			continue;
		value = at + len + (at[len] == '=');
		len = (size_t)(end - value);
		if (decode(value, len, true, ret, size))
			return ret;
		if (len >= size)
			return NULL;
		memcpy(ret, value, len);	/* not decodable: as it is */
		ret[len] = '\0';
		return ret;
	}
	return NULL;
}

const char *
request_param(const struct request *rq, const char *name, char *ret,
    size_t size)
{
	return query_param(rq->query, name, ret, size);
}

bool
request_int(const struct request *rq, const char *name, int32_t fallback,
    int32_t *ret, struct err *err)
{
	char value[REQUEST_QUERY_MAX];

	if (request_param(rq, name, value, sizeof value))
		return jint_parse(value, ret, err);
	*ret = fallback;
	return true;
}

/* Whether a segment means "." or "..": the dots may be escaped. */
static bool
is_dots(const char *s, size_t len)
{
	size_t dots = 0;

	len = (size_t)(memchr(s, ';', len) ?
	    (const char *)memchr(s, ';', len) - s : (ptrdiff_t)len);
	for (size_t i = 0; i < len; dots++) {
		if (s[i] == '.')
			i++;
		else if (len - i >= 3 && strncasecmp(s + i, "%2e", 3) == 0)
			i += 3;
		else
			return false;
	}
	return dots == 1 || dots == 2;
}

bool
query_check_path(const char *path, struct err *err)
{
	const char *s, *end;

	for (s = path; (s = strchr(s, '%')); s++) {
		if (hex(s[1]) < 0 || hex(s[2]) < 0)
			return err_shaped(err, 400, ERR_EMPTY);
		if (s[1] == '0' && s[2] == '0')
			return err_shaped(err, 404, ERR_EMPTY);
	}
	for (s = path + 1; *s; s = *end ? end + 1 : end) {
		end = s + strcspn(s, "/");
		if (end == s || is_dots(s, (size_t)(end - s)))
			return err_shaped(err, 404, ERR_EMPTY);
	}
	return true;
}

static size_t
without_default_port(const char *s)
{
	size_t len = strlen(s);

	if (len > 4 && strcmp(s + len - 4, ":443") == 0)
		return len - 4;
	if (len > 3 && strcmp(s + len - 3, ":80") == 0)
		return len - 3;
	return len;
}

bool
query_same_host(const char *a, const char *b)
{
	size_t n = without_default_port(a), m = without_default_port(b);

	return n == m && n > 0 && strncasecmp(a, b, n) == 0;
}

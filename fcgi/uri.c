#include "config.h"

#include "uri.h"

#include <arpa/inet.h>
#include <strings.h>

#include "err.h"

#define ALPHA "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGIT "0123456789"
#define UNRESERVED ALPHA DIGIT "_-!.~'()*"
#define SCHEME ALPHA DIGIT "+-."
#define URIC UNRESERVED ";/?:@&=+$,[]"
#define PATH UNRESERVED ":@&=+$,;/"
#define REGISTRY UNRESERVED "$,;:@&=+"
#define SERVER UNRESERVED ";:&=+$,@[]"

struct reader {
	const char *text;
	const char *end;
};

/* Java counts UTF-16 units. */
static size_t
java_index(const char *text, const char *at)
{
	size_t n = 0;

	for (; text < at; text++) {
		if (((unsigned char)*text & 0xc0) != 0x80)
			n++;
		if (((unsigned char)*text & 0xf8) == 0xf0)
			n++;
	}
	return n;
}

static bool
refuse(const struct reader *r, const char *at, const char *why,
    const char *what, struct err *err)
{
	return err_set(err, 400, "%s%s at index %zu: %s", why, what,
	    java_index(r->text, at), r->text);
}

static bool
in(const char *set, char c)
{
	return c && strchr(set, c);
}

static bool
is_hex(char c)
{
	return in("0123456789abcdefABCDEF", c);
}

/* The first byte from s on, before end, that is in stops; or end. */
static const char *
until(const char *s, const char *end, const char *stops)
{
	while (s < end && !in(stops, *s))
		s++;
	return s;
}

/*
 * The first byte that a part may not hold, or end. Where escapes may stand,
 * so may any character beyond ASCII but the spaces and controls there
 * (U+0080-00A0, U+1680, U+2000-200A, U+2028-202F, U+205F, U+3000).
 */
static const char *
allowed(const char *s, const char *end, const char *set, bool escapes)
{
	const unsigned char *u;

	for (; s < end; s++) {
		u = (const unsigned char *)s;
		if (in(set, *s))
			continue;
		if (!escapes)
			return s;
		if (*u >= 0x80) {
			if ((u[0] == 0xc2 && u[1] <= 0xa0) ||
			    (u[0] == 0xe1 && u[1] == 0x9a && u[2] == 0x80) ||
			    (u[0] == 0xe2 && u[1] == 0x80 &&
			    (u[2] <= 0x8a || (u[2] >= 0xa8 && u[2] <= 0xaf))) ||
			    (u[0] == 0xe2 && u[1] == 0x81 && u[2] == 0x9f) ||
			    (u[0] == 0xe3 && u[1] == 0x80 && u[2] == 0x80))
				return s;
			continue;
		}
		if (*s != '%' || end - s < 3 || !is_hex(s[1]) || !is_hex(s[2]))
			return s;
		s += 2;
	}
	return end;
}

static bool
check(const struct reader *r, const char *s, const char *end, const char *set,
    const char *what, struct err *err)
{
	const char *bad = allowed(s, end, set, true);

	if (bad == end)
		return true;
	if (*bad == '%')
		return refuse(r, bad, "Malformed escape pair", "", err);
	return refuse(r, bad, "Illegal character in ", what, err);
}

static bool
check_ipv6(const struct reader *r, const char *s, const char *close,
    struct err *err)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr addr;
	size_t len = (size_t)(until(s, close, "%") - s);

	if (len < sizeof text) {
		memcpy(text, s, len);
		text[len] = '\0';
		if (inet_pton(AF_INET6, text, &addr) == 1)
			return true;
	}
	return refuse(r, s, "Malformed IPv6 address", "", err);
}

/* An authority with a bracket can only be a server: [address] and port. */
static bool
check_server(const struct reader *r, const char *s, const char *end,
    struct err *err)
{
	const char *at = until(s, end, "@"), *close;

	if (at < end)
		s = at + 1;
	if (s == end || *s != '[')
		return refuse(r, s, "Illegal character in authority", "", err);
	s++;
	close = until(s, end, "]");
	if (close == end || close == s)
		return refuse(r, close,
		    "Expected closing bracket for IPv6 address", "", err);
	if (!check_ipv6(r, s, close, err))
		return false;
	s = close + 1;
	if (s < end && *s == ':')
		s = allowed(s + 1, end, DIGIT, false);
	return s == end ||
	    refuse(r, s, "Expected end of authority", "", err);
}

static bool
check_authority(const struct reader *r, const char *s, const char *end,
    struct err *err)
{
	if (allowed(s, end, REGISTRY, true) == end)
		return true;
	/* inside brackets a scope, "%eth0", is no escape */
	if (allowed(s, end, memchr(s, ']', (size_t)(end - s)) ? SERVER "%" :
	    SERVER, false) == end)
		return check_server(r, s, end, err);
	return refuse(r, s, "Illegal character in authority", "", err);
}

static bool
take_hierarchical(const struct reader *r, const char *s, struct uri *ret,
    struct err *err)
{
	const char *q;

	if (r->end - s >= 2 && s[0] == '/' && s[1] == '/') {
		s += 2;
		q = until(s, r->end, "/?#");
		if (q == r->end && q == s)
			return refuse(r, s, "Expected authority", "", err);
		if (q > s && !check_authority(r, s, q, err))
			return false;
		ret->authority = q > s;
		s = q;
	}
	q = until(s, r->end, "?#");
	if (!check(r, s, q, PATH, "path", err))
		return false;
	ret->path = s;
	ret->path_len = (size_t)(q - s);
	ret->rest = q;
	if (q < r->end && *q == '?') {
		s = q + 1;
		q = until(s, r->end, "#");
		if (!check(r, s, q, URIC, "query", err))
			return false;
	}
	return q == r->end || check(r, q + 1, r->end, URIC, "fragment", err);
}

static bool
take_opaque(const struct reader *r, const char *s, struct uri *ret,
    struct err *err)
{
	const char *q = until(s, r->end, "#");

	if (q == s)
		return refuse(r, s, "Expected scheme-specific part", "", err);
	ret->rest = q;
	return check(r, s, q, URIC, "opaque part", err) && (q == r->end ||
	    check(r, q + 1, r->end, URIC, "fragment", err));
}

bool
uri_parse(const char *text, struct uri *ret, struct err *err)
{
	const struct reader r = { text, text + strlen(text) };
	const char *colon = until(text, r.end, "/?#:"), *bad;

	*ret = (struct uri){ .rest = r.end };
	if (colon == r.end || *colon != ':')
		return take_hierarchical(&r, text, ret, err);
	if (colon == text)
		return refuse(&r, text, "Expected scheme name", "", err);
	bad = in(ALPHA, *text) ? allowed(text, colon, SCHEME, false) : text;
	if (bad != colon)
		return refuse(&r, bad, "Illegal character in scheme name", "",
		    err);
	ret->scheme = text;
	ret->scheme_len = (size_t)(colon - text);
	if (colon[1] == '/')
		return take_hierarchical(&r, colon + 1, ret, err);
	return take_opaque(&r, colon + 1, ret, err);
}

bool
uri_is(const struct uri *uri, const char *scheme)
{
	return uri->scheme && uri->scheme_len == strlen(scheme) &&
	    strncasecmp(uri->scheme, scheme, uri->scheme_len) == 0;
}

/*
 * JSON from outside read in place: one walk says whether it is JSON at all,
 * then its parts are looked at where they lie. For what may be long, or is
 * passed on as it came: no tree is built, nothing is copied. Pure.
 */
#ifndef JSCAN_H
#define JSCAN_H

#include "defs.h"

struct buf;

#define JSCAN_DEPTH 512	/* containers that may nest */

/* A part of a text, lent; at NULL = none. */
struct jpart {
	const char *at;
	size_t len;
};

/*
 * Whether text is one JSON value, in valid UTF-8, with nothing but space
 * around it. ret is the value without that space.
 */
bool jscan_check(const char *text, size_t len, struct jpart *ret) MUST_CHECK;

/* The rest takes parts of what jscan_check has taken. */

/* The next member or element; *cursor begins at 0. False at the end. */
bool jscan_member(struct jpart object, size_t *cursor, struct jpart *ret_key,
    struct jpart *ret_value) MUST_CHECK;
bool jscan_element(struct jpart array, size_t *cursor, struct jpart *ret)
    MUST_CHECK;
/* Whether a key is this name, which needs no escapes. */
bool jscan_is(struct jpart key, const char *name) MUST_CHECK;

bool jscan_is_object(struct jpart value) MUST_CHECK;
bool jscan_is_array(struct jpart value) MUST_CHECK;
bool jscan_is_string(struct jpart value) MUST_CHECK;
bool jscan_is_null(struct jpart value) MUST_CHECK;
/* An integer from least to most; false for anything else. */
bool jscan_int(struct jpart value, int64_t least, int64_t most, int64_t *ret)
    MUST_CHECK;
/* Appends a string's text; false for no string, one with \u0000 in it, or
 * half a surrogate pair, which no UTF-8 can hold. */
bool jscan_text(struct jpart value, struct buf *out) MUST_CHECK;

#endif

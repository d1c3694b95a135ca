/*
 * Livy reads request bodies with Jackson, and its clients see Jackson's
 * words. json-c does the reading here; this module says what is wrong with
 * a text, and where, as Jackson would. Pure.
 */
#ifndef JACKSON_H
#define JACKSON_H

#include <json-c/json.h>

#include "buf.h"
#include "defs.h"

struct err;

/*
 * Parses the first JSON value of a body (a byte order mark is skipped); what
 * follows it is ignored. JSON null gives NULL and true. On failure err is a
 * bare 400 in Jackson's words.
 */
bool jackson_parse(const char *text, size_t len, json_object **ret_new,
    struct err *err) MUST_CHECK;

/* Where a value is in a text that jackson_parse has taken. */
struct jackson_value {
	size_t start;	/* offset of its first byte */
	size_t end;	/* and behind its last */
};
/*
 * The value of the last member called key of the object at from, or the
 * index'th element of the array there when key is NULL.
 */
bool jackson_find(const char *text, size_t len, size_t from, const char *key,
    size_t index, struct jackson_value *ret) MUST_CHECK;
/* Where the whole first value is. */
bool jackson_whole(const char *text, size_t len, struct jackson_value *ret)
    MUST_CHECK;

/* Appends "\n at [Source: (…); line: L, column: C]" for a byte offset. */
void jackson_source(struct buf *b, const char *text, size_t offset);

#endif

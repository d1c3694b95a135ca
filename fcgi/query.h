/*
 * The texts of a request line and what hangs on them: percent-escapes, path
 * segments, query parameters, host names. Declared here is what request.c
 * needs besides its own header. Pure.
 */
#ifndef QUERY_H
#define QUERY_H

#include "defs.h"

struct err;

/*
 * request_param() of request.h over any text in the form of a query, such as
 * the body of an HTML form.
 */
const char *query_param(const char *query, const char *name, char *ret,
    size_t size);
/*
 * 404 for a path with dot segments, empty segments (but one at the end) or
 * NUL, however they are written; 400 for a bad escape.
 */
bool query_check_path(const char *path, struct err *err) MUST_CHECK;
/* Whether two host[:port] texts mean the same, default ports left out. */
bool query_same_host(const char *a, const char *b);

#endif

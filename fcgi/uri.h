/*
 * URIs as java.net.URI reads them, which decides what Livy takes for a file
 * name and in which words it refuses one. Pure.
 */
#ifndef URI_H
#define URI_H

#include "defs.h"

struct err;

/* Parts lend from the text that was parsed; escapes are left as they are. */
struct uri {
	const char *scheme;	/* NULL = none */
	size_t scheme_len;
	const char *path;	/* NULL for an opaque one, "mailto:x" */
	size_t path_len;
	bool authority;		/* it has one, "//host" */
	const char *rest;	/* query and fragment, with their marks; or "" */
};

/* 400 with "Illegal character in path at index 2: /a b" if it is none. */
bool uri_parse(const char *text, struct uri *ret, struct err *err) MUST_CHECK;
/* Whether its scheme is this one, in any case. */
bool uri_is(const struct uri *uri, const char *scheme);

#endif

/*
 * The one way to fail: a function that can fail returns bool (or an enum),
 * takes struct err *err last, and fills it where the fact is known. An err is
 * what the client will get: an HTTP status, one of Livy's error shapes, and
 * a sentence. Owned by the caller, usually on its stack; never allocated.
 */
#ifndef ERR_H
#define ERR_H

#include "defs.h"

#define ERR_MSG_MAX 2048 /* a longer sentence is cut, at a character */

/* Livy's shapes of an error body (its contract, section 0). */
enum err_shape {
	ERR_MSG,	/* {"msg":"text"} */
	ERR_BARE,	/* "text" */
	ERR_OBJECT,	/* {} */
	ERR_EMPTY,	/* no body at all */
	ERR_PAGE,	/* of a filter: a page, or JSON for who accepts it */
};

struct err {
	int status;		/* HTTP status; 0 while nothing failed */
	enum err_shape shape;
	int retry_after_s;	/* Retry-After in seconds; 0: none */
	const char *allow;	/* Allow header of a 405 (static); or NULL */
	char msg[ERR_MSG_MAX];
};

#define ERR_INIT { 0 }

/* Each fills *err and returns false, so failing is one statement. */
bool err_set(struct err *err, int status, const char *fmt, ...) PRINTF(3, 4);
bool err_bare(struct err *err, int status, const char *fmt, ...) PRINTF(3, 4);
bool err_shaped(struct err *err, int status, enum err_shape shape);
bool err_retry(struct err *err, int status, int after_s, const char *fmt, ...)
    PRINTF(4, 5);

/* Puts "context: " before the sentence; status and shape stay. */
bool err_wrap(struct err *err, const char *fmt, ...) PRINTF(2, 3);

#endif

/*
 * Integers as Java reads them, because Livy's ids, names and query
 * parameters follow its rules: any Unicode decimal digit of the basic plane
 * counts, and an int has 32 bits. Pure.
 */
#ifndef JINT_H
#define JINT_H

#include "defs.h"

struct err;

/* Whether text is made of digits alone; true for "" as well. */
bool jint_all_digits(const char *text);
/* Integer.parseInt; 400 For input string: "x" if it refuses. */
bool jint_parse(const char *text, int32_t *ret, struct err *err) MUST_CHECK;

#endif

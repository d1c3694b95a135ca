/*
 * Content-Encoding of a request: gzip and deflate are undone, as Livy undoes
 * them; every other word, such as the "UTF-8" that Livy's own Java client
 * sends, means nothing. Pure.
 */
#ifndef CODING_H
#define CODING_H

#include "buf.h"
#include "defs.h"

struct err;

/*
 * Replaces body by what it was before name (NULL: as it is) was applied,
 * within the body's own limit: 413 beyond it, 500 in Java's words for bytes
 * that are not what name says.
 */
bool coding_undo(const char *name, struct buf *body, struct err *err)
    MUST_CHECK;

#endif

/*
 * Who has which bytes of an area: a buddy allocator that knows offsets only,
 * so the area may be shared memory that others read. Its books are private
 * to the process that gives the blocks out (the cache's writer).
 */
#ifndef BLOCKS_H
#define BLOCKS_H

#include "defs.h"

#define BLOCK_MIN 256
#define BLOCK_MAX 16384		/* the longest; areas are multiples of it */

struct blocks;

struct blocks *blocks_new(size_t area);
void blocks_free(struct blocks *b);
/* len bytes of the area, 1…BLOCK_MAX; false if there is no such room. */
bool blocks_take(struct blocks *b, size_t len, size_t *ret) MUST_CHECK;
void blocks_give(struct blocks *b, size_t at);

#endif

/*
 * Who has which bytes of an area: a buddy allocator that knows offsets only,
 * so the area may be shared memory that others read. Its books are private
 * to the process that gives the blocks out (the writer of cache or feed).
 */
#ifndef BLOCKS_H
#define BLOCKS_H

#include "defs.h"

#define BLOCK_MIN 256
#define BLOCK_LIMIT (4u << 20)	/* the longest of anybody */

struct blocks;

/* longest is a power of two times BLOCK_MIN, and area a multiple of it. */
struct blocks *blocks_new(size_t area, size_t longest);
void blocks_free(struct blocks *b);
/* len bytes of the area, 1…longest; false if there is no such room. */
bool blocks_take(struct blocks *b, size_t len, size_t *ret) MUST_CHECK;
void blocks_give(struct blocks *b, size_t at);

#endif

#include "config.h"

#include "blocks.h"

#include <assert.h>

#include "buf.h"

#define ORDERS 15	/* BLOCK_MIN << (ORDERS - 1) is BLOCK_LIMIT */
#define NONE UINT32_MAX
#define TAKEN 0x80	/* in state: with the order of a taken block */
#define FREE 0x40	/* with the order of a free one; 0: inside another */

_Static_assert(BLOCK_MIN << (ORDERS - 1) == BLOCK_LIMIT, "orders fit");

struct links {
	uint32_t next, prev;
};

/* Units are of BLOCK_MIN bytes; a block is named by its first. */
struct blocks {
	uint32_t units;
	unsigned orders;
	uint32_t first[ORDERS];	/* free blocks */
	uint8_t *state;
	struct links *links;
};

static void
push(struct blocks *b, uint32_t at, unsigned order)
{
	b->state[at] = (uint8_t)(FREE | order);
	b->links[at] = (struct links){ b->first[order], NONE };
	if (b->first[order] != NONE)
		b->links[b->first[order]].prev = at;
	b->first[order] = at;
}

static void
unlink_block(struct blocks *b, uint32_t at, unsigned order)
{
	struct links l = b->links[at];

	if (l.prev == NONE)
		b->first[order] = l.next;
	else
		b->links[l.prev].next = l.next;
	if (l.next != NONE)
		b->links[l.next].prev = l.prev;
	b->state[at] = 0;
}

struct blocks *
blocks_new(size_t area, size_t longest)
{
	struct blocks *b = mem_alloc(sizeof *b);
	const uint32_t step = (uint32_t)(longest / BLOCK_MIN);

	assert(longest <= BLOCK_LIMIT && area % longest == 0 &&
	    area / BLOCK_MIN < NONE);
	while (b->orders < ORDERS && (size_t)BLOCK_MIN << b->orders < longest)
		b->orders++;
	assert((size_t)BLOCK_MIN << b->orders == longest);
	b->orders++;
	b->units = (uint32_t)(area / BLOCK_MIN);
	b->state = mem_alloc(b->units);
	b->links = mem_alloc(b->units * sizeof *b->links);
	for (unsigned i = 0; i < ORDERS; i++)
		b->first[i] = NONE;
	/* the front of the area is used first: pages cost once touched */
	for (uint32_t at = b->units; at >= step; at -= step)
		push(b, at - step, b->orders - 1);
	return b;
}

void
blocks_free(struct blocks *b)
{
	if (!b)
		return;
	free(b->state);
	free(b->links);
	free(b);
}

bool
blocks_take(struct blocks *b, size_t len, size_t *ret)
{
	unsigned want = 0, order;
	uint32_t at;

	while (want < b->orders && (size_t)BLOCK_MIN << want < len)
		want++;
	for (order = want; order < b->orders && b->first[order] == NONE;)
		order++;
	if (order >= b->orders)
		return false;
	at = b->first[order];
	unlink_block(b, at, order);
	while (order > want) {
		order--;
		push(b, at + (1u << order), order);
	}
	b->state[at] = (uint8_t)(TAKEN | order);
	*ret = (size_t)at * BLOCK_MIN;
	return true;
}

void
blocks_give(struct blocks *b, size_t where)
{
	uint32_t at = (uint32_t)(where / BLOCK_MIN), buddy;
	unsigned order;

	assert(at < b->units && (b->state[at] & TAKEN));
	order = b->state[at] & (TAKEN - 1);
	b->state[at] = 0;
	for (; order < b->orders - 1; order++) {
		buddy = at ^ (1u << order);
		if (b->state[buddy] != (FREE | order))
			break;
		unlink_block(b, buddy, order);
		at = at < buddy ? at : buddy;
	}
	push(b, at, order);
}

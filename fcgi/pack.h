/*
 * An application's strings and its view's parts as one run of bytes that
 * holds no pointers: how cache and own writes keep them in shared memory.
 * Reading trusts nothing: a run that does not add up is refused.
 */
#ifndef PACK_H
#define PACK_H

#include "app.h"
#include "livy.h"

struct cache_view;

#define PACK_TEXTS 17
#define PACK_PARTS 4
#define PACK_NONE UINT32_MAX	/* the length of a string that is NULL */

struct pack {
	uint32_t text[PACK_TEXTS];	/* lengths, without the NUL */
	uint32_t part[PACK_PARTS];
	uint32_t len;			/* of the run */
	bool whole;			/* the parts are there */
};

/*
 * Measures: parts are left out with view NULL (or one that failed), and the
 * strings that only an error's story needs with brief.
 */
void pack_measure(struct pack *ret, const struct app_text *text,
    const struct livy_view *view, bool brief);
/* Fills p->len bytes at run with what was measured. */
void pack_write(const struct pack *p, char *run, const struct app_text *text,
    const struct livy_view *view);
/* Where the parts begin in a run, and how long they are together. */
bool pack_parts(const struct pack *p, size_t *ret_at, size_t *ret_len)
    MUST_CHECK;
/* Points v's text and parts into v->strings, which holds the run. */
bool pack_read(const struct pack *p, struct cache_view *v) MUST_CHECK;

#endif

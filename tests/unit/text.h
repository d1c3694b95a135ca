/* Files of the source, for tests that compare with them. */
#ifndef TEXT_H
#define TEXT_H

#include <stdio.h>
#include <stdlib.h>

#include "buf.h"

#define TEXT_MAX (1 << 20)

/* The path of a file of the source; good until the next call. */
static inline const char *
source(const char *name)
{
	static char path[4096];

	snprintf(path, sizeof path, "%s/%s", getenv("top_srcdir"), name);
	return path;
}

/* The caller frees; a file that is not there fails the test. */
static inline char *
text_new(const char *path)
{
	struct buf b = BUF_INIT(TEXT_MAX);
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	do {
		n = fread(buf_room(&b, 4096), 1, 4096, f);
		buf_wrote(&b, n);
	} while (n > 0);
	fclose(f);
	return buf_steal(&b);
}

#endif

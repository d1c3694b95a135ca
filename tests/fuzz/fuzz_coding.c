#include "config.h"

#include <assert.h>

#include "coding.h"
#include "err.h"
#include "fuzz.h"

/* The first byte chooses the coding, the rest is the body. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_BUF struct buf b = BUF_INIT(65536);
	struct err err = ERR_INIT;

	if (size == 0 || size > b.limit)
		return 0;
	buf_add(&b, data + 1, size - 1);
	if (coding_undo(data[0] & 1 ? "gzip" : "deflate", &b, &err))
		assert(buf_ok(&b) && b.len <= b.limit);
	else
		assert(err.status == 413 || err.status == 500);
	return 0;
}

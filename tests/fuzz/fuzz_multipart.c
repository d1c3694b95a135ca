#include "config.h"

#include <assert.h>

#include "fuzz.h"
#include "multipart.h"

struct source {
	const uint8_t *data;
	size_t left, piece;
};

static int64_t
source_read(void *arg, char *data, size_t len)
{
	struct source *s = arg;
	size_t n = s->left < len ? s->left : len;

	n = n < s->piece ? n : s->piece;
	memcpy(data, s->data, n);
	s->data += n;
	s->left -= n;
	return (int64_t)n;
}

/* The first byte says how the body comes, a line the type, the rest it. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct multipart m;
	struct source s = { data, size, 1 };
	char type[256] = "", piece[100];
	const uint8_t *end;
	int64_t n, total = 0;

	if (size < 2)
		return 0;
	s.piece = (size_t)data[0] + 1;
	s.data++;
	s.left--;
	end = memchr(s.data, '\n', s.left);
	if (end && (size_t)(end - s.data) < sizeof type) {
		memcpy(type, s.data, (size_t)(end - s.data));
		s.left -= (size_t)(end - s.data) + 1;
		s.data = end + 1;
	}
	if (!multipart_init(&m, type, source_read, &s))
		return 0;
	while (multipart_next(&m)) {
		assert(strlen(m.name) <= MULTIPART_NAME_MAX);
		assert(strlen(m.file) <= MULTIPART_NAME_MAX);
		if (m.is_file)
			while ((n = multipart_read(&m, piece,
			    sizeof piece)) > 0)
				total += n;
	}
	assert(total <= (int64_t)size);
	return 0;
}

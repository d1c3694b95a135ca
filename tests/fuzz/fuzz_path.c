#include "config.h"

#include <assert.h>

#include "err.h"
#include "fuzz.h"
#include "query.h"
#include "request.h"

static void
decode(const char *data, size_t size)
{
	char out[64];

	memset(out, 'x', sizeof out);
	if (request_decode(data, size, out, sizeof out - 1)) {
		assert(strlen(out) <= size);
		assert(strlen(out) < sizeof out - 1);
	}
	assert(out[sizeof out - 1] == 'x');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct request rq;
	struct err err = ERR_INIT;
	char value[40];
	const char *got;
	int32_t n = 0;

	decode((const char *)data, size);
	if (size >= sizeof rq.query || size >= sizeof rq.path)
		return 0;
	memcpy(rq.query, data, size);
	rq.query[size] = '\0';
	memcpy(rq.path, rq.query, size + 1);
	got = request_param(&rq, "from", value, sizeof value);
	assert(!got || strlen(got) < sizeof value);
	if (!request_int(&rq, "from", 7, &n, &err))
		assert(err.status == 400);
	if (!query_check_path(rq.path, &err))
		assert(err.status == 404 || err.status == 400);
	else
		assert(!strstr(rq.path, "/../"));
	return 0;
}

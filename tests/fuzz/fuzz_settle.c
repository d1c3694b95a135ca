#include "config.h"

#include <assert.h>
#include <unistd.h>

#include "app.h"
#include "buf.h"
#include "conf.h"
#include "fuzz.h"
#include "gw.h"
#include "settle.h"
#include "slots.h"

static char path[] = "settle-fuzz.XXXXXX";

static void
drop_file(void)
{
	unlink(path);
}

/* A log by its name: links are not followed, so no memfd will do. */
static void
write_log(const uint8_t *data, size_t size)
{
	static int fd = -1;

	if (fd < 0) {
		fd = mkstemp(path);
		assert(fd >= 0 && atexit(drop_file) == 0);
	}
	assert(ftruncate(fd, 0) == 0);
	assert(pwrite(fd, data, size, 0) == (ssize_t)size);
}

/* Whatever an audit log holds, what is taken up from it are intents. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf conf = { .audit_log = path };
	struct gw gw = { .conf = &conf };
	AUTO_FREE struct slots *slots = mem_alloc(slots_size(1));
	const struct intent *in;
	bool ended = false;

	slots_format(slots, 1);
	gw.slots = slots;
	write_log(data, size);
	settle_recover(&gw);
	for (size_t i = 0; i < SLOTS_ORPHANS; i++) {
		in = &slots->orphan[i].intent;
		ended = ended || !in->open;
		assert(!(ended && in->open));
		assert(in->kind == APP_BATCH || in->kind == APP_SESSION);
		assert(memchr(in->user, '\0', sizeof in->user));
		assert(memchr(in->request_id, '\0', sizeof in->request_id));
		assert(!in->admitted);
	}
	return 0;
}

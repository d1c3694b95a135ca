#include "config.h"

#include <assert.h>

#include "err.h"
#include "fuzz.h"
#include "kube_watch.h"

struct seen {
	size_t events;
	size_t sum;
};

static bool
on_event(void *arg, const struct watch_event *ev)
{
	struct seen *seen = arg;

	assert(ev->rv);
	assert(json_object_is_type(ev->object, json_type_object));
	seen->events++;
	seen->sum += (size_t)ev->type + strlen(ev->rv);
	return seen->events < 100;
}

static bool
feed(const char *data, size_t size, size_t step, struct seen *ret)
{
	struct watch_split w;
	struct err err = ERR_INIT;
	bool good = true;

	*ret = (struct seen){ 0 };
	watch_split_init(&w, 1 << 16, on_event, ret);
	for (size_t at = 0; at < size && good; at += step)
		good = watch_split_feed(&w, data + at,
		    size - at < step ? size - at : step, &err);
	watch_split_release(&w);
	return good;
}

/* In whatever pieces a stream comes, its events are the same. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen whole, pieces;
	bool good;

	if (size < 2)
		return 0;
	good = feed((const char *)data + 1, size - 1, size, &whole);
	assert(feed((const char *)data + 1, size - 1, data[0] % 32 + 1u,
	    &pieces) == good);
	assert(whole.events == pieces.events && whole.sum == pieces.sum);
	return 0;
}

#include "config.h"

#include "stall.h"

#include "buf.h"
#include "kube_streams.h"
#include "num.h"

#define ANSWER_MS 500	/* later than that is no answer */
#define AGAIN_MS 200	/* from one question to the next, at first */
#define AGAIN_MAX_MS 1000
#define BYTES_MAX (1 << 20)	/* of an answer: an application or none */

struct stall {
	struct kube_streams *streams;
	size_t lane;
	char *path;
	bool asking;
	bool answered;		/* and not told yet */
	int64_t asked_ms;
	int64_t wait_ms;	/* from the last question to the next */
	size_t bytes;
};

struct stall *
stall_new(struct kube_streams *streams, size_t lane, const char *path)
{
	struct stall *s = mem_alloc(sizeof *s);

	s->streams = streams;
	s->lane = lane;
	s->path = mem_strdup(path);
	return s;
}

void
stall_free(struct stall *s)
{
	if (!s)
		return;
	free(s->path);
	free(s);
}

static bool
on_data(void *arg, const char *data UNUSED, size_t len)
{
	struct stall *s = arg;

	s->bytes += len;
	return s->bytes < BYTES_MAX;
}

static void
on_end(void *arg, enum kube_result result, int wait_s UNUSED,
    const struct err *err UNUSED)
{
	struct stall *s = arg;

	s->asking = false;
	/* a refusal is an answer, too */
	s->answered = result == KUBE_OK || result == KUBE_FORBIDDEN ||
	    result == KUBE_NOT_FOUND;
}

static void
ask(struct stall *s, int64_t now_ms)
{
	const struct kube_stream question = { .path = s->path,
		.idle_ms = ANSWER_MS, .open_ms = ANSWER_MS,
		.on_data = on_data, .arg = s };

	s->asking = true;
	s->bytes = 0;
	s->asked_ms = now_ms;
	kube_streams_start(s->streams, s->lane, &question, on_end);
}

bool
stall_over(struct stall *s, int64_t since_ms, int64_t *ret_asked_ms)
{
	int64_t now_ms = num_mono_ms();

	if (s->answered) {
		s->answered = false;
		s->wait_ms = 0;
		*ret_asked_ms = s->asked_ms;
		return true;
	}
	if (since_ms == 0 || s->asking || now_ms - s->asked_ms < s->wait_ms)
		return false;
	s->wait_ms = s->wait_ms ? s->wait_ms * 3 / 2 : AGAIN_MS;
	if (s->wait_ms > AGAIN_MAX_MS)
		s->wait_ms = AGAIN_MAX_MS;
	ask(s, now_ms);
	return false;
}

#include "config.h"

#include "tailer.h"

#include <signal.h>
#include <unistd.h>

#include "conf.h"
#include "gw.h"
#include "log.h"
#include "num.h"
#include "tail_driver.h"

#define LOOK_MS 200		/* longest sleep: heartbeats, retries */
#define ASK_MS 5000		/* an ask without a place is tried so long */
#define TAKE_MS 1500		/* a place not asked for so long may be taken */

struct tailer {
	struct tail_reader reader;
	struct tail_driver *driver;
	size_t count;
	int64_t *handled_ms;	/* of each box */
};

static struct tail_driver *
driver_of(struct tailer *t, const struct tail_key *key)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->driver[i].wanted_ms &&
		    tail_same_key(&t->driver[i].ask.key, key))
			return &t->driver[i];
	return NULL;
}

/* The place that was wanted least lately, free or to be freed. */
static struct tail_driver *
place_take(struct tailer *t, int64_t now_ms)
{
	struct tail_driver *d = &t->driver[0];

	for (size_t i = 1; i < t->count; i++)
		if (t->driver[i].wanted_ms < d->wanted_ms)
			d = &t->driver[i];
	if (d->wanted_ms && now_ms - d->wanted_ms < TAKE_MS) {
		tail_say_full(t->reader.tail);
		return NULL;
	}
	return tail_driver_leave(d) ? d : NULL;
}

/* False: there is no place for it now. */
static bool
take_ask(struct tailer *t, const struct tail_ask *ask, int64_t at_ms)
{
	struct tail_driver *d = driver_of(t, &ask->key);

	if (!d) {
		d = place_take(t, at_ms);
		if (!d)
			return false;
		tail_driver_begin(d, &ask->key);
	}
	tail_driver_ask(d, ask, at_ms);
	return true;
}

static void
take_asks(struct tailer *t, int64_t now_ms)
{
	const struct tail *tail = t->reader.tail;
	struct tail_ask ask;
	int64_t at_ms;

	for (size_t i = 0; i < tail_boxes(tail); i++)
		if (tail_asked(tail, i, &at_ms, &ask) &&
		    at_ms > t->handled_ms[i] && (now_ms - at_ms > ASK_MS ||
		    take_ask(t, &ask, at_ms)))
			t->handled_ms[i] = at_ms;
}

static void
tailer_init(struct tailer *t, struct gw *gw)
{
	const struct conf *conf = gw->conf;
	struct kube_opts opts = { .cred = gw->cred,
		.user_agent = "livy-fcgi-tailer",
		.connect_timeout_ms = conf->connect_timeout_ms,
		.attempt_ms = conf->call_timeout_ms,
		.reply_limit = conf->reply_limit };
	struct tail_reader *r = &t->reader;

	r->conf = conf;
	r->tail = tail_open(gw->tail_mem, gw->tail_fd);
	t->count = tail_places(r->tail);
	r->streams = kube_streams_new(&opts, t->count);
	kube_streams_wake(r->streams, gw->tail_fd);
	t->driver = mem_alloc(t->count * sizeof *t->driver);
	t->handled_ms = mem_alloc(tail_boxes(r->tail) *
	    sizeof *t->handled_ms);
	for (size_t i = 0; i < t->count; i++)
		tail_driver_init(&t->driver[i], r, i);
}

void
tailer_main(struct gw *gw)
{
	struct tailer t = { .count = 0 };
	int64_t now_ms;
	uint64_t woken;

	log_role("tailer");
	signal(SIGPIPE, SIG_IGN);
	tailer_init(&t, gw);
	for (;;) {
		now_ms = num_mono_ms();
		take_asks(&t, now_ms);
		for (size_t i = 0; i < t.count; i++)
			tail_driver_step(&t.driver[i], now_ms);
		kube_streams_run(t.reader.streams, LOOK_MS);
		if (read(gw->tail_fd, &woken, sizeof woken) < 0)
			continue;	/* nobody asked */
	}
}

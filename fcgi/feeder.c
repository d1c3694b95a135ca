#include "config.h"

#include "feeder.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cache.h"
#include "conf.h"
#include "drivers.h"
#include "err.h"
#include "feed.h"
#include "feed_write.h"
#include "gw.h"
#include "kube.h"
#include "log.h"
#include "num.h"

#define LOOK_MS 100		/* how often the cache is looked through */
#define SWEEP_MS 60000		/* and stamps that nobody owns any more */
#define COMPLETE_MS 2000	/* then the last feeder's knowledge goes */
#define CALL_MS 5000		/* for an answer, beyond what it may wait */
#define TEXT_MAX (256u << 10)	/* of code or output told unasked */
#define TEXTS_MAX (1u << 20)	/* of all in one answer */
#define ANSWER_MAX (3u << 20)
#define STATEMENT_MAX (FEED_RUN_MAX + (2u << 20))
#define FETCHES_MAX 8		/* long answers at once: what they may take up */
#define TELL_FAILURES 10	/* then the log says so */
#define TELL_STARTING 60	/* of one that may not listen yet: a minute */

enum ask { ASK_STATE, ASK_STATEMENT, ASK_STOP };

/* A request under way. */
struct lane {
	struct kube *kube;
	struct driver *driver;		/* NULL = free */
	enum ask ask;
	struct agent_http http;
	struct kube_answer answer;
	struct kube_transfer transfer;
	struct feed_stamps told;	/* that it passes on */
};

struct feeder {
	struct gw *gw;
	struct feed *feed;
	struct feed_writer *writer;
	struct kube *kube;
	struct lane **lane;
	size_t lanes;			/* made, at most conf->feed_lanes */
	struct drivers drivers;
	bool complete;
	bool full;			/* there was no room for a session */
	int64_t started_ms, synced_ms, swept_ms;
};

static volatile sig_atomic_t stopped;

static void
on_signal(int sig UNUSED)
{
	stopped = 1;
}

static struct lane *
free_lane(struct feeder *f)
{
	struct lane *l;

	for (size_t i = 0; i < f->lanes; i++)
		if (!f->lane[i]->driver)
			return f->lane[i];
	if (f->lanes == (size_t)f->gw->conf->feed_lanes)
		return NULL;
	l = mem_alloc(sizeof *l);
	l->kube = kube_lane_new(f->kube);
	l->http = (struct agent_http)AGENT_HTTP_INIT;
	f->lane[f->lanes++] = l;
	return l;
}

static void
lane_release(struct feeder *f, struct lane *l)
{
	buf_release(&l->answer.body);
	if (l->driver && l->ask == ASK_STATEMENT)
		feed_fetch_over(f->writer, l->driver->id, l->driver->fetched);
	if (l->driver)
		l->driver->lane = NULL;
	l->driver = NULL;
}

static void
say_trouble(struct driver *d, const struct kube_answer *a)
{
	if (d->told || d->follow.failures !=
	    (d->follow.heard ? TELL_FAILURES : TELL_STARTING))
		return;
	d->told = true;
	if (*a->failure)
		log_warn("the driver of session %d does not answer: %s",
		    (int)d->id, a->failure);
	else
		log_warn("the driver of session %d gives no news (status %ld)",
		    (int)d->id, a->status);
}

/*
 * Another agent where one was: whatever it holds, it is not what clients
 * made there. It is told to end, and they are told that it has.
 */
static void
swapped(struct feeder *f, struct driver *d)
{
	d->lost = true;
	d->follow.state = LIVY_DEAD;
	log_warn("the driver of session %d was started again: the session is "
	    "over", (int)d->id);
	feed_put_state(f->writer, d->id, LIVY_DEAD, "the session's driver was "
	    "started again: what it held is lost");
}

/* What has ended and is kept in the cluster makes room for what runs. */
static void
make_room(struct feeder *f)
{
	uint32_t cursor = 0;
	int32_t id;

	while ((id = feed_next_stamped(f->feed, &cursor)) >= 0) {
		if (feed_kept(f->feed, id) == 0)
			continue;
		feed_remove(f->writer, id);
		feed_unstamp(f->feed, id);
	}
}

/* Into the feed, if there is room. */
static void
put(struct feeder *f, struct driver *d, const struct agent_state *say)
{
	if (feed_put(f->writer, d->id, d->uid, say))
		return;
	make_room(f);
	if (feed_put(f->writer, d->id, d->uid, say) || f->full)
		return;
	f->full = true;
	log_warn("there are more sessions than sessions.feed_sessions, %lld: "
	    "the others are shown as starting",
	    (long long)f->gw->conf->feed_sessions);
}

static bool
take_state(struct feeder *f, struct driver *d, const struct buf *body,
    const struct feed_stamps *told)
{
	struct agent_state say;

	if (!agent_say_state(body->data, body->len, &say))
		return false;
	if (*d->instance && strcmp(d->instance, say.instance) != 0) {
		swapped(f, d);
		return true;
	}
	put(f, d, &say);
	memcpy(d->instance, say.instance, sizeof d->instance);
	d->version = say.version;
	d->follow.heard = true;
	d->follow.state = say.state;
	d->follow.next = say.next;
	d->follow.heartbeat_ms = say.heartbeat_ms;
	if (told->seen_ms > d->follow.seen_ms)
		d->follow.told_ms = num_mono_ms();
	d->follow.seen_ms = told->seen_ms;
	d->follow.used_ms = told->used_ms;
	return true;
}

static bool
take_statement(struct feeder *f, struct driver *d, const struct buf *body)
{
	struct statement s;
	struct jpart whole;

	if (!jscan_check(body->data, body->len, &whole) ||
	    !agent_say_statement(whole, &s) || s.id != d->fetched)
		return false;
	feed_put_statement(f->writer, d->id, &s);
	return true;
}

static bool
take(struct feeder *f, const struct lane *l)
{
	switch (l->ask) {
	case ASK_STATE:
		return take_state(f, l->driver, &l->answer.body, &l->told);
	case ASK_STATEMENT:
		return take_statement(f, l->driver, &l->answer.body);
	case ASK_STOP:
		return true;
	}
	return false;
}

static void
lane_finish(struct feeder *f, struct lane *l, CURLcode rc)
{
	struct driver *d = l->driver;
	int64_t now = num_mono_ms();
	struct feed_stamps stamps;
	enum agent_result result;

	(void)kube_http_end(&l->transfer, rc);
	feed_stamps(f->feed, d->id, &stamps);
	if (!l->http.http.origin && l->answer.status == 401 &&
	    !l->answer.marked)
		cred_refused(f->gw->cred, l->kube->generation);
	result = agent_judge(&l->answer);
	/* a statement that is no longer kept is an answer, too */
	if (result == AGENT_SAID && l->ask == ASK_STATEMENT &&
	    l->answer.status == 404) {
		follow_answered(&d->follow, &stamps, now);
	} else if (result == AGENT_OK && take(f, l)) {
		if (d->told)
			log_info("the driver of session %d answers again",
			    (int)d->id);
		d->told = false;
		follow_answered(&d->follow, &stamps, now);
	} else {
		follow_failed(&d->follow, now);
		say_trouble(d, &l->answer);
	}
	lane_release(f, l);
}

/* Puts a request on the wire. */
static void
lane_send(struct feeder *f, struct lane *l, struct driver *d, enum ask ask,
    const struct agent_req *rq)
{
	struct err err = ERR_INIT;

	l->ask = ask;
	l->driver = d;
	d->lane = l;
	agent_http_set(&l->http, &d->at, rq);
	l->answer = (struct kube_answer){ .body = BUF_INIT(0) };
	if (!d->at.direct && !kube_credential(f->kube, &err)) {
		snprintf(l->answer.failure, sizeof l->answer.failure, "%.200s",
		    err.msg);
	} else {
		kube_lane_sync(l->kube, f->kube);
		if (kube_http_start(l->kube, &l->http.http, &l->answer,
		    &l->transfer)) {
			curl_easy_setopt(l->kube->easy, CURLOPT_PRIVATE, l);
			return;
		}
	}
	follow_failed(&d->follow, num_mono_ms());
	say_trouble(d, &l->answer);
	lane_release(f, l);
}

static void
ask_state(struct feeder *f, struct lane *l, struct driver *d,
    const struct feed_stamps *stamps, int64_t now)
{
	AUTO_BUF struct buf path = BUF_INIT(512);
	int64_t wait = d->version < 0 ? 0 :
	    follow_wait(&d->follow, stamps, now);

	/* the last lanes are for those who only say a word */
	if (f->lanes + 8 > (size_t)f->gw->conf->feed_lanes && wait > 1000)
		wait = 1000;
	l->told = *stamps;
	buf_addf(&path, "/v1/state?since=%lld&waitMs=%lld&text=%u&texts=%u",
	    (long long)d->version, (long long)wait, TEXT_MAX, TEXTS_MAX);
	if (stamps->seen_ms)
		buf_addf(&path, "&seen=%lld", (long long)(now -
		    stamps->seen_ms));
	if (stamps->used_ms > d->follow.used_ms)
		buf_addf(&path, "&used=%lld", (long long)(now -
		    stamps->used_ms));
	lane_send(f, l, d, ASK_STATE, &(struct agent_req){ .method = "GET",
	    .path = path.data, .limit = ANSWER_MAX,
	    .timeout_ms = wait + CALL_MS,
	    .close = !follow_close(&d->follow, stamps, now), .share = true });
}

static void
ask_statement(struct feeder *f, struct lane *l, struct driver *d, int32_t sid)
{
	char path[64];

	d->fetched = sid;
	feed_fetch_begin(f->writer, d->id, sid);
	snprintf(path, sizeof path, "/v1/statements/%d?max=%u", (int)sid,
	    FEED_RUN_MAX);
	lane_send(f, l, d, ASK_STATEMENT, &(struct agent_req){
	    .method = "GET", .path = path, .limit = STATEMENT_MAX,
	    .timeout_ms = CALL_MS, .share = true });
}

static bool
may_fetch(const struct feeder *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->lanes; i++)
		n += f->lane[i]->driver && f->lane[i]->ask == ASK_STATEMENT;
	return n < FETCHES_MAX;
}

/* Asks a driver what is to be asked now; false if no lane is free. */
static bool
ask(struct feeder *f, struct driver *d, const struct feed_stamps *stamps,
    int64_t now)
{
	struct lane *l = free_lane(f);
	int32_t missing = -1;

	if (!l)
		return false;
	if (d->lost) {
		lane_send(f, l, d, ASK_STOP, &(struct agent_req){
		    .method = "POST", .path = "/v1/stop", .body = "{}",
		    .limit = 65536, .timeout_ms = CALL_MS, .close = true });
		return true;
	}
	if (d->version >= 0 && d->follow.failures == 0 &&
	    follow_close(&d->follow, stamps, now) && may_fetch(f))
		missing = feed_missing(f->writer, d->id);
	if (missing >= 0) {
		ask_statement(f, l, d, missing);
		return true;
	}
	ask_state(f, l, d, stamps, now);
	return true;
}

/* Asks all whose time has come; returns when the next one's will. */
static int64_t
ask_all(struct feeder *f, int64_t now)
{
	int64_t next = now + LOOK_MS, due;

	for (size_t i = 0; i < f->drivers.count; i++) {
		struct driver *d = f->drivers.item[i];
		struct feed_stamps stamps;

		if (d->lane || !d->at.ip[0])
			continue;
		feed_stamps(f->feed, d->id, &stamps);
		due = follow_due(&d->follow, &stamps, now);
		if (due <= now && !ask(f, d, &stamps, now))
			break;
		if (due > now && due < next)
			next = due;
	}
	return next;
}

static void
on_leave(void *arg, struct driver *d, bool gone)
{
	struct feeder *f = arg;

	if (d->lane) {
		(void)kube_http_end(&d->lane->transfer, CURLE_OK);
		lane_release(f, d->lane);
	}
	if (!gone)
		return;		/* what it told stays until the session goes */
	feed_remove(f->writer, d->id);
	feed_unstamp(f->feed, d->id);
}

/* Those that the last feeder followed are asked first, then all is told. */
static void
look_complete(struct feeder *f, int64_t now)
{
	struct cache_health health;
	bool all = true;

	cache_health(f->gw->cache, &health);
	for (size_t i = 0; i < f->drivers.count; i++) {
		const struct driver *d = f->drivers.item[i];

		all = all && (d->follow.heard || d->follow.failures > 0);
	}
	if (!health.synced || (!all && now - f->started_ms < COMPLETE_MS))
		return;
	feed_complete(f->writer);
	f->complete = true;
}

/*
 * The life of its agent that the feed knows, from the last feeder or from
 * before its driver was away for a moment.
 */
static void
recall(struct feeder *f)
{
	struct feed_session s;

	for (size_t i = 0; i < f->drivers.count; i++) {
		struct driver *d = f->drivers.item[i];

		if (!*d->instance && feed_get(f->feed, d->id, d->uid, &s))
			memcpy(d->instance, s.instance, sizeof d->instance);
	}
}

static void
sweep(struct feeder *f)
{
	enum livy_state state;
	uint32_t cursor = 0;
	int32_t id;

	while ((id = feed_next_stamped(f->feed, &cursor)) >= 0) {
		struct feed_stamps s;

		feed_stamps(f->feed, id, &s);
		if (cache_get_state(f->gw->cache, APP_SESSION, id, &state) ==
		    CACHE_FOUND || num_mono_ms() - s.seen_ms < SWEEP_MS)
			continue;
		feed_remove(f->writer, id);
		feed_unstamp(f->feed, id);
	}
}

static void
look(struct feeder *f, int64_t now)
{
	const struct drivers_listener to = { on_leave, f };

	if (now - f->synced_ms >= LOOK_MS) {
		f->synced_ms = now;
		drivers_sync(&f->drivers, f->gw, &to);
		recall(f);
		if (!f->complete)
			look_complete(f, now);
	}
	if (now - f->swept_ms >= SWEEP_MS) {
		f->swept_ms = now;
		sweep(f);
	}
}

static void
run_lanes(struct feeder *f, int timeout_ms)
{
	struct curl_waitfd poke = { .fd = f->gw->feed_poke,
		.events = CURL_WAIT_POLLIN };
	uint64_t count;
	int running, left;
	CURLMsg *msg;
	CURLcode rc;
	char *lane;

	curl_multi_poll(f->kube->multi, &poke, 1, timeout_ms, NULL);
	if (poke.revents && read(poke.fd, &count, sizeof count) < 0 &&
	    errno != EAGAIN)
		log_error("the feeder cannot be woken: %s", strerror(errno));
	curl_multi_perform(f->kube->multi, &running);
	while ((msg = curl_multi_info_read(f->kube->multi, &left)) != NULL) {
		if (msg->msg != CURLMSG_DONE)
			continue;
		rc = msg->data.result;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &lane);
		lane_finish(f, (struct lane *)(void *)lane, rc);
	}
}

/* Each lane is a descriptor: as many as the system lets us have. */
static void
raise_files(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

static void
feeder_release(struct feeder *f)
{
	for (size_t i = 0; i < f->lanes; i++) {
		struct lane *l = f->lane[i];

		if (l->driver)
			(void)kube_http_end(&l->transfer, CURLE_OK);
		lane_release(f, l);
		agent_http_release(&l->http);
		kube_lane_free(l->kube);
		free(l);
	}
	free(f->lane);
	drivers_release(&f->drivers);
	feed_writer_free(f->writer);
	kube_free(f->kube);
	cache_close(f->gw->cache);
	feed_close(f->feed);
}

void
feeder_main(struct gw *gw)
{
	struct feeder f = { .gw = gw };
	int64_t now, next;

	log_role("feeder");
	signal(SIGTERM, on_signal);
	signal(SIGPIPE, SIG_IGN);
	raise_files();
	gw->cache = cache_open(gw->cache_mem, NULL);
	f.feed = feed_open(gw->feed_mem, gw->feed_poke);
	f.writer = feed_writer_new(gw->feed_mem);
	f.kube = gw_client(gw);
	f.lane = mem_alloc((size_t)gw->conf->feed_lanes * sizeof *f.lane);
	f.started_ms = f.swept_ms = num_mono_ms();
	while (!stopped) {
		now = num_mono_ms();
		look(&f, now);
		next = ask_all(&f, now);
		run_lanes(&f, next > now ? (int)(next - now) : 0);
	}
	feeder_release(&f);
	exit(0);
}

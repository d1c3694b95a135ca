#include "config.h"

#include "tail_driver.h"

#include "conf.h"
#include "err.h"
#include "jv.h"
#include "kept.h"
#include "num.h"
#include "pod_events.h"

#define SHOW_MS 100		/* a followed log is up to date so often */
#define SILENT_MS 15000		/* of a followed log: look whether it stalled */
#define OVER_MS 1000		/* for a stream to end as its container has */
#define SHORT_MS 1000		/* a stream that ended sooner is not renewed */
#define WAITING_MS 500		/* between looks at what has not started */
#define EVENTS_MS 10000		/* between looks at its events */
#define GONE_MS 1000		/* between looks for what is gone */
#define BACKOFF_MS 200
#define BACKOFF_MAX_MS 5000
#define PATH_BYTES_MAX 2048
#define CONTAINER "spark-kubernetes-driver"
#define GAP "[lines may be missing here: the node had rotated the log away]"

static void
publish(struct tail_driver *d)
{
	d->facts.span = d->w.now;
	/* while a stream is passed over, it has not got where the last was */
	if (!d->split.passing)
		d->facts.place = d->split.at;
	tail_publish(d->r->tail, d->place, &d->facts);
}

static void
say(struct tail_driver *d, enum tail_state state)
{
	d->facts.state = state;
	d->facts.as_of_ms = num_mono_ms();
	publish(d);
}

static void
on_line(void *arg, const char *line, size_t len)
{
	struct tail_driver *d = arg;

	tail_ring_add(&d->w, line, len);
}

static void
on_gap(void *arg)
{
	on_line(arg, GAP, sizeof GAP - 1);
}

/*
 * What was read before has the numbers that end there. Another replica has
 * counted more lines than are left to read, never fewer.
 */
static void
on_mark(void *arg, int64_t line, bool missing)
{
	struct tail_driver *d = arg;

	d->missing = missing;
	if (line > d->w.now.count)
		tail_ring_shift(&d->w, line - d->w.now.count);
}

static bool
on_log(void *arg, const char *data, size_t len)
{
	struct tail_driver *d = arg;

	tail_split_feed(&d->split, data, len);
	publish(d);
	return true;
}

static bool
on_body(void *arg, const char *data, size_t len)
{
	struct tail_driver *d = arg;

	buf_add(&d->body, data, len);
	return buf_ok(&d->body);
}

static bool
is_wanted(const struct tail_driver *d, int64_t now_ms)
{
	return d->wanted_ms && !d->leave &&
	    now_ms - d->wanted_ms <= d->r->conf->log_idle_ms;
}

static bool
on_tick(void *arg)
{
	struct tail_driver *d = arg;
	int64_t now = num_mono_ms();

	d->stopped = !is_wanted(d, now) || (d->doing == DOING_FOLLOW &&
	    d->over_ms && now - d->over_ms > OVER_MS);
	return !d->stopped;
}

static void
back_off(struct tail_driver *d)
{
	d->backoff_ms = d->backoff_ms ? d->backoff_ms * 2 : BACKOFF_MS;
	if (d->backoff_ms > BACKOFF_MAX_MS)
		d->backoff_ms = BACKOFF_MAX_MS;
	d->retry_ms = num_mono_ms() + d->backoff_ms;
}

static void
trouble(struct tail_driver *d, const struct err *err)
{
	/* whatever it is, it is not the client's fault */
	d->facts.status = err->status == 503 ? 503 : 500;
	snprintf(d->facts.why, sizeof d->facts.why, "%.*s", TAIL_WHY_MAX - 1,
	    err->msg);
	back_off(d);
	say(d, TAIL_TROUBLE);
}

static kube_lane_end on_end;

static void
start(struct tail_driver *d, enum tail_doing doing, const char *path)
{
	int64_t call_ms = d->r->conf->call_timeout_ms;
	bool log = doing == DOING_READ || doing == DOING_FOLLOW;
	int64_t idle_ms = doing == DOING_FOLLOW ? SILENT_MS : call_ms;
	struct kube_stream s = { .path = path, .idle_ms = idle_ms,
		.on_tick = on_tick, .arg = d,
		/* a node answers only once there is something to tell */
		.open_ms = idle_ms,
		.on_data = log ? on_log : on_body,
		.accept = log ? "text/plain, application/json, */*" : NULL };

	d->doing = doing;
	d->stopped = false;
	d->began_ms = num_mono_ms();
	buf_clear(&d->body);
	kube_streams_start(d->r->streams, d->place, &s, on_end);
}

/* What is there, or what comes, since the place that was reached. */
static void
start_log(struct tail_driver *d, bool follow)
{
	AUTO_BUF struct buf path = BUF_INIT(PATH_BYTES_MAX);
	const struct tail_place place = d->facts.place;
	char since[32];

	kube_path_core(&path, d->ask.ns, "pods", d->ask.pod);
	buf_addstr(&path, "/log");
	kube_path_query(&path, "container", CONTAINER);
	kube_path_query(&path, "timestamps", "true");
	if (place.stamp_ns > 0) {
		/* a server that reads whole seconds only tells more again */
		num_time_text(place.stamp_ns / 1000000, since);
		kube_path_query(&path, "sinceTime", since);
	}
	if (follow)
		kube_path_query(&path, "follow", "true");
	d->over = d->ask.over;
	tail_split_begin(&d->split, &place);
	d->missing = false;
	/* numbers are given once, in the first read */
	tail_split_mark(&d->split, d->numbered ? &(struct tail_mark){ 0 } :
	    &d->ask.mark, on_mark);
	start(d, follow ? DOING_FOLLOW : DOING_READ, path.data);
}

static void
start_kept(struct tail_driver *d)
{
	AUTO_BUF struct buf path = BUF_INIT(PATH_BYTES_MAX);
	char name[KUBE_NAME_MAX + 1];

	kept_name(name, d->ask.object);
	kube_path_core(&path, d->ask.ns, "configmaps", name);
	start(d, DOING_KEPT, path.data);
}

static void
start_events(struct tail_driver *d)
{
	AUTO_BUF struct buf path = BUF_INIT(PATH_BYTES_MAX);

	d->events_ms = num_mono_ms();
	pod_events_path(&path, d->ask.ns, d->ask.pod);
	start(d, DOING_EVENTS, path.data);
}

/* First for the question to be there, then for its answer. */
static int64_t
unsure_for(const struct tail_driver *d)
{
	return d->r->conf->call_timeout_ms / 2;
}

/*
 * The node has rotated away what the mark tells of: who follows this log can
 * tell of a line that is there, and chore_mark.c asks for that. False: nobody
 * has for so long, so nobody can, and lines are numbered from the mark.
 */
static bool
wait_for_mark(struct tail_driver *d)
{
	int64_t now = num_mono_ms();

	if (!d->missing || d->over || (d->unsure_ms && now >= d->unsure_ms))
		return false;
	if (!d->unsure_ms)
		d->unsure_ms = now + unsure_for(d);
	d->retry_ms = d->unsure_ms;
	d->facts = (struct tail_facts){ .key = d->facts.key, .unsure = true,
		.unsure_line = d->ask.mark.line };
	tail_split_begin(&d->split, &d->facts.place);
	tail_ring_reset(&d->w, 0);
	publish(d);
	return true;
}

/* A read has come to the end of what there was. */
static void
on_read(struct tail_driver *d)
{
	d->backoff_ms = 0;
	if (!d->numbered && wait_for_mark(d))
		return;
	d->facts.unsure = false;
	d->current = !d->over;
	d->numbered = true;
	if (d->over)
		tail_split_finish(&d->split);
	say(d, d->over ? TAIL_ENDED : TAIL_LIVE);
}

/* There is no pod of that name, or none any more. */
static void
on_gone(struct tail_driver *d)
{
	d->current = false;
	if (d->ask.kept && d->doing != DOING_KEPT) {
		start_kept(d);
		return;
	}
	d->retry_ms = num_mono_ms() + GONE_MS;
	say(d, TAIL_GONE);
}

struct kept_lines {
	struct tail_driver *d;
	int64_t next, skip_to;
};

static void
on_kept_line(void *arg, const char *line, size_t len)
{
	struct kept_lines *k = arg;

	if (k->next++ >= k->skip_to)
		tail_ring_add(&k->d->w, line, len);
}

static void
ignore_line(void *arg UNUSED, const char *line UNUSED, size_t len UNUSED)
{
}

/* What is kept goes behind what was read, if that reaches as far. */
static void
on_kept(struct tail_driver *d, struct err *err)
{
	AUTO_JSON json_object *map = NULL;
	struct kept_lines k = { .d = d };
	int64_t first, total;

	if (!jv_parse(d->body.data, d->body.len, JV_DEPTH_KUBE, &map, err) ||
	    !kept_read(map, d->ask.key.run, &first, &total, ignore_line,
	    NULL, err)) {
		trouble(d, err);
		return;
	}
	if (total > d->w.now.count) {
		if (first > d->w.now.count ||
		    d->w.now.first == d->w.now.count)
			tail_ring_reset(&d->w, first);
		k.next = first;
		k.skip_to = d->w.now.count;
		if (!kept_read(map, d->ask.key.run, &first, &total,
		    on_kept_line, &k, err))
			return;
	}
	d->backoff_ms = 0;
	say(d, TAIL_ENDED);
}

static void
on_waiting(struct tail_driver *d)
{
	int64_t now = num_mono_ms();

	if (now - d->events_ms > EVENTS_MS && d->doing != DOING_EVENTS) {
		start_events(d);
		return;
	}
	d->retry_ms = now + WAITING_MS;
	say(d, TAIL_WAITING);
}

/* A stream has ended, or broke: why, a read will show. */
static void
on_followed(struct tail_driver *d)
{
	d->current = false;
	if (num_mono_ms() - d->began_ms < SHORT_MS && !d->ask.over)
		back_off(d);
}

static void
on_ended_well(struct tail_driver *d, enum tail_doing was)
{
	struct err err = ERR_INIT;

	switch (was) {
	case DOING_READ:
		on_read(d);
		return;
	case DOING_FOLLOW:
		on_followed(d);
		return;
	case DOING_KEPT:
		on_kept(d, &err);
		return;
	case DOING_EVENTS:
		pod_events_last(d->body.data, d->body.len, d->facts.why,
		    sizeof d->facts.why);
		on_waiting(d);
		return;
	case DOING_NOTHING:
		return;
	}
}

/* The container has not started: the API server says so with a 400. */
static bool
says_waiting(const struct err *err)
{
	return strstr(err->msg, "waiting to start") != NULL;
}

static void
on_end(void *arg, enum kube_result result, int wait_s, const struct err *err)
{
	struct tail_driver *d = arg;
	enum tail_doing was = d->doing;

	d->doing = DOING_NOTHING;
	if (d->stopped) {
		d->current = false;
		return;
	}
	d->doing = was;
	if (result == KUBE_OK) {
		on_ended_well(d, was);
	} else if (was == DOING_FOLLOW) {
		on_followed(d);
	} else if (was == DOING_EVENTS) {
		on_waiting(d);	/* without them, for whatever reason */
	} else if (result == KUBE_NOT_FOUND) {
		on_gone(d);
	} else if (result == KUBE_INVALID && says_waiting(err)) {
		d->facts.place = (struct tail_place){ 0 };
		on_waiting(d);
	} else if (was == DOING_READ && d->ask.over && d->ask.kept) {
		start_kept(d);	/* its node may be lost */
	} else {
		trouble(d, err);
		if (wait_s)
			d->retry_ms = num_mono_ms() + wait_s * 1000;
	}
	if (d->doing == was)
		d->doing = DOING_NOTHING;
}

void
tail_driver_step(struct tail_driver *d, int64_t now_ms)
{
	if (d->doing == DOING_FOLLOW &&
	    now_ms - d->facts.as_of_ms > SHOW_MS)
		say(d, TAIL_LIVE);
	if (d->doing != DOING_NOTHING || now_ms < d->retry_ms ||
	    !is_wanted(d, now_ms) || d->facts.state == TAIL_ENDED)
		return;
	if (!*d->ask.pod)
		start_kept(d);
	else
		start_log(d, /* follow= */ d->current && !d->ask.over);
}

void
tail_driver_begin(struct tail_driver *d, const struct tail_key *key)
{
	tail_ring_reset(&d->w, 0);
	d->facts = (struct tail_facts){ .key = *key };
	d->current = d->leave = d->numbered = d->missing = false;
	d->unsure_ms = 0;
	d->over_ms = d->retry_ms = d->backoff_ms = d->events_ms = 0;
	tail_split_begin(&d->split, &d->facts.place);
	publish(d);
}

void
tail_driver_ask(struct tail_driver *d, const struct tail_ask *ask,
    int64_t at_ms)
{
	if (d->wanted_ms < at_ms)
		d->wanted_ms = at_ms;
	d->leave = false;
	if (ask->over && !d->over_ms)
		d->over_ms = at_ms;
	/* what was just kept, or counted, need not be waited for */
	if ((ask->kept && !d->ask.kept) ||
	    (d->facts.unsure && ask->mark.line > d->ask.mark.line))
		d->retry_ms = 0;
	else if (d->facts.unsure && ask->mark_asked && !d->ask.mark_asked)
		d->retry_ms = d->unsure_ms = at_ms + unsure_for(d);
	d->ask = *ask;
	d->ask.over = ask->over || d->over_ms;
}

bool
tail_driver_leave(struct tail_driver *d)
{
	d->leave = d->doing != DOING_NOTHING;
	return !d->leave;
}

void
tail_driver_init(struct tail_driver *d, const struct tail_reader *r,
    size_t place)
{
	bool used = tail_adopt(r->tail, place, &d->facts);

	d->r = r;
	d->place = place;
	buf_init(&d->body, KEPT_OBJECT_MAX);
	tail_split_init(&d->split, on_line, on_gap, d);
	tail_writer(r->tail, place, &d->w);
	tail_ring_adopt(&d->w, &d->facts.span);
	if (!used)
		return;
	d->wanted_ms = 1;	/* long ago */
	d->numbered = d->facts.as_of_ms > 0 && !d->facts.unsure;
	d->ask.key = d->facts.key;
	tail_split_begin(&d->split, &d->facts.place);
	publish(d);
}

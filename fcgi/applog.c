#include "config.h"

#include "applog.h"

#include <time.h>

#include "access.h"
#include "conf.h"
#include "err.h"
#include "gw.h"
#include "jv.h"
#include "livy.h"
#include "livy_advice.h"
#include "lookup.h"
#include "num.h"
#include "reply.h"
#include "request.h"
#include "tail.h"

#define LOG_SIZE 100		/* lines in a page, as Livy */
#define FRESH_MS 1000		/* what was true so long ago still is */
#define LOOK_MS 2		/* first wait for the tailer, then doubled */
#define LOOK_MAX_MS 20
#define REPLY_MS 500		/* of a request are left for its answer */
#define TRIES 8			/* of a copy that is written over meanwhile */
#define STDOUT "stdout: "

/* A driver's lines, as they are now. */
struct driver_log {
	struct tail_ask ask;
	struct tail_facts facts;
	struct tail_copy copy;
	size_t place;
	bool known;		/* facts are there */
};

static void
driver_log_release(struct driver_log *l)
{
	buf_release(&l->copy.bytes);
}
#define AUTO_DRIVER_LOG __attribute__((cleanup(driver_log_release)))

static bool
find(const struct gw *gw, struct driver_log *l)
{
	l->known = tail_find(gw->tail, &l->ask.key, &l->facts, &l->place);
	return l->known;
}

/* Whether what is known will do for an answer to who asked at that time. */
static bool
is_settled(const struct driver_log *l, int64_t asked_ms)
{
	bool fresh = l->facts.as_of_ms >= asked_ms - FRESH_MS;

	switch (l->facts.state) {
	case TAIL_ENDED:
		return true;
	case TAIL_LIVE:
		return fresh && !l->ask.over;
	case TAIL_WAITING:
	case TAIL_GONE:
		return fresh && !l->ask.kept;
	case TAIL_TROUBLE:
		return fresh && l->facts.status != 503;
	case TAIL_OPENING:
		break;
	}
	return false;
}

/* Another replica may have told meanwhile where it is with the numbers. */
static void
renew_mark(struct gw *gw, struct driver_log *l)
{
	struct app app;

	if (!l->known || !l->facts.unsure || cache_get_app(gw->cache,
	    l->ask.key.kind, l->ask.key.id, &app) != CACHE_FOUND ||
	    strcmp(app.uid, l->ask.key.uid) != 0 ||
	    app.mark_run != l->ask.key.run ||
	    (app.mark_line <= l->ask.mark.line &&
	    app.mark_asked == l->ask.mark_asked))
		return;
	l->ask.mark = (struct tail_mark){ app.mark_ns, app.mark_same,
		app.mark_line };
	l->ask.mark_asked = app.mark_asked;
	tail_ask(gw->tail, (size_t)gw->slot, &l->ask);
}

static bool
wait_for(struct gw *gw, const struct request *rq, struct driver_log *l,
    struct err *err)
{
	int64_t asked_ms = num_mono_ms(), pause_ms = LOOK_MS;
	int64_t end_ms = asked_ms + gw->conf->call_timeout_ms;

	if (end_ms > rq->deadline_ms - REPLY_MS)
		end_ms = rq->deadline_ms - REPLY_MS;
	tail_ask(gw->tail, (size_t)gw->slot, &l->ask);
	while (!(find(gw, l) && is_settled(l, asked_ms)) &&
	    num_mono_ms() < end_ms) {
		const struct timespec pause = { .tv_nsec =
			pause_ms * 1000000 };

		if (tail_full_ms(gw->tail) > asked_ms)
			return err_retry(err, 503, 1, "the logs of as many "
			    "drivers as can be are being read");
		nanosleep(&pause, NULL);
		renew_mark(gw, l);
		pause_ms = pause_ms < LOOK_MAX_MS ? pause_ms * 2 :
		    LOOK_MAX_MS;
	}
	return true;
}

/*
 * What cannot be brought up to date: a running driver's lines as they were a
 * moment ago are no less true; an ended one's might lack the reason of it.
 */
static bool
is_usable(const struct gw *gw, const struct driver_log *l, int64_t asked_ms,
    struct err *err)
{
	if (l->known && l->facts.state != TAIL_TROUBLE &&
	    is_settled(l, asked_ms))
		return true;
	if (l->known && !l->ask.over && l->facts.span.count > 0 &&
	    asked_ms - l->facts.as_of_ms < gw->conf->stale_ms)
		return true;
	if (!l->known || l->facts.state != TAIL_TROUBLE)
		return err_retry(err, 503, 1, "the driver's log is still "
		    "being read");
	if (l->facts.status == 503)
		return err_retry(err, 503, 1, "cannot read the driver's log: "
		    "%s", l->facts.why);
	return err_set(err, l->facts.status, "cannot read the driver's log: "
	    "%s", l->facts.why);
}

static bool
copy_lines(const struct gw *gw, struct driver_log *l)
{
	for (int i = 0; i < TRIES; i++) {
		buf_init(&l->copy.bytes, tail_line_bytes(gw->tail));
		if (tail_lines(gw->tail, l->place, &l->facts, &l->copy))
			return true;
		buf_release(&l->copy.bytes);
		if (!find(gw, l))
			return false;
	}
	return false;
}

/*
 * The driver's lines: none of one that has not started, or of which nothing
 * is left; a cluster that cannot be asked is an error.
 */
static bool
read_driver(struct gw *gw, const struct request *rq,
    const struct cache_view *v, struct driver_log *l, struct err *err)
{
	int64_t asked_ms = num_mono_ms();
	bool waited;

	if (!tail_ask_of(&v->app, &v->text, &l->ask))
		return true;
	if (v->app.pod_seen && !v->app.pod_started && !l->ask.kept) {
		/* for its events, which may be there the next time */
		tail_ask(gw->tail, (size_t)gw->slot, &l->ask);
		if (find(gw, l))
			l->facts.span = (struct tail_span){ 0 };
		return true;
	}
	if (!lookup_calls_begin(gw, err))
		return false;
	waited = wait_for(gw, rq, l, err);
	lookup_calls_end(gw);
	if (!waited || !is_usable(gw, l, asked_ms, err))
		return false;
	return copy_lines(gw, l) || err_retry(err, 503, 1,
	    "the driver writes its log faster than it can be read");
}

/* Lines in their places; those between start and end are told. */
struct page {
	struct buf *out;
	int64_t start, end, at;
	bool any;
};

static void
page_add(void *arg, const char *line, size_t len)
{
	struct page *p = arg;
	int64_t at = p->at++;

	if (at < p->start || at >= p->end)
		return;
	if (p->any)
		buf_addch(p->out, ',');
	p->any = true;
	jv_add_strn(p->out, line, len);
}

static void
add_end(const struct cache_view *v, const struct driver_log *l,
    void (*on_line)(void *arg, const char *, size_t), void *arg)
{
	const char *events = l->known && l->facts.state == TAIL_WAITING ?
	    l->facts.why : "", *advice = livy_advice(events);

	if (livy_log_grows(&v->app, &v->text))
		return;
	livy_log_end(&v->app, &v->text, on_line, arg);
	if (*events)
		on_line(arg, events, strlen(events));
	if (advice)
		on_line(arg, advice, strlen(advice));
}

/* One line stands for those that are not there any more. */
static void
add_marker(struct page *p, const struct tail_span *span)
{
	char text[96];
	int n = snprintf(text, sizeof text, "[the %lld lines before this are "
	    "not held any more]", (long long)span->first);

	p->at = span->first;
	page_add(p, text, (size_t)n);
}

static void
add_lines(const struct cache_view *v, const struct driver_log *l,
    struct page *p)
{
	const struct tail_span *span = &l->copy.span;

	page_add(p, STDOUT, sizeof STDOUT - 1);
	if (span->first > 0)
		add_marker(p, span);
	p->at = 1 + span->first;
	tail_copy_each(&l->copy, span->first, span->count, page_add, p);
	p->at = 1 + span->count;
	add_end(v, l, page_add, p);
}

/* Livy's paging: see the contract, section 1.1. */
static void
add_page(const struct cache_view *v, const struct driver_log *l, int32_t from,
    int32_t size, struct buf *out)
{
	struct page p = { .out = out };
	int64_t total;

	add_lines(v, l, &p);	/* none, but they are counted */
	total = p.at;
	if (size < 0)
		size = INT32_MAX;
	if (from >= 0)
		p.start = from;
	else
		p.start = total > size ? total - size : 0;
	p.end = p.start + size;
	p.at = 0;
	buf_addf(out, "{\"id\":%d,\"from\":%lld,\"total\":%lld,\"log\":[",
	    (int)v->app.id, (long long)p.start, (long long)total);
	add_lines(v, l, &p);
	buf_addstr(out, "]}");
}

bool
applog_get(struct gw *gw, const struct request *rq, const struct target *t,
    struct reply *rp, struct err *err)
{
	AUTO_ITEM struct item it = ITEM_INIT;
	AUTO_DRIVER_LOG struct driver_log l = { .copy.bytes = BUF_INIT(0) };
	int32_t from, size;

	if (!lookup_item(gw, rq, t, &it, err) ||
	    !access_check(gw->conf, rq, &it.view.text, ACCESS_VIEW, err) ||
	    !request_int(rq, "from", -1, &from, err) ||
	    !request_int(rq, "size", LOG_SIZE, &size, err) ||
	    !read_driver(gw, rq, &it.view, &l, err))
		return false;
	add_page(&it.view, &l, from, size, &rp->body);
	return buf_ok(&rp->body) || err_set(err, 500, "the log is longer "
	    "than this server sends: ask for a page of it");
}

bool
applog_tail(struct gw *gw, const struct cache_view *v, struct buf *out)
{
	AUTO_DRIVER_LOG struct driver_log l = { .copy.bytes = BUF_INIT(0) };
	struct page count = { .end = 0 };
	struct livy_tail t;

	if (!tail_ask_of(&v->app, &v->text, &l.ask) || l.ask.kept ||
	    !find(gw, &l) || l.facts.span.count == 0 || !copy_lines(gw, &l))
		return false;
	add_lines(v, &l, &count);
	livy_tail_init(&t, (size_t)count.at, out);
	t.seen = (size_t)l.copy.span.first;
	if (t.seen == 0)
		livy_tail_add(&t, STDOUT, sizeof STDOUT - 1);
	else
		t.seen++;
	tail_copy_each(&l.copy, l.copy.span.first, l.copy.span.count,
	    livy_tail_add, &t);
	add_end(v, &l, livy_tail_add, &t);
	return buf_ok(out);
}

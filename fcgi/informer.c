#include "config.h"

#include "informer.h"

#include "buf.h"
#include "err.h"
#include "jv.h"
#include "kube_streams.h"
#include "kube_watch.h"
#include "num.h"

#define BACKOFF_MAX_MS 500	/* longest wait after a failure that cost little */
#define WASTE_PER_MS 4096	/* bytes that were read in vain are spread out so */
#define BACKOFF_COSTLY_MS 30000	/* but for no longer than that */
#define REST_MS 60000		/* so long the rest of a list is asked for */
#define REFUSED_MS 60000	/* between two tries at what is refused */
#define WELL_MS 5000		/* a watch that lasted so long was good */
#define NEXT_TICK_MS 1000
#define PAGE_MAX_MS 60000	/* of one page, however slowly it drips */
#define PATIENCE_MS 700	/* for a first byte, before there is doubt */
#define RV_MAX 256

enum step { WAITING, LISTING, WATCHING };

struct informer {
	struct kube_streams *streams;
	size_t lane;
	struct informer_opts opts;
	struct informer_listener to;
	struct informer_state state;
	enum step step;
	bool list_needed;
	int64_t due_ms;		/* when WAITING: to go on */
	int64_t backoff_ms;	/* the last wait; 0 = all is well */
	int64_t wasted;		/* bytes that what failed had already moved */
	int64_t list_bytes;	/* of the pages that this list has so far */
	int64_t page_ms;	/* when the last of them came */
	int64_t opened_ms;	/* of the watch, of the request for a page */
	int64_t asked_ms;	/* of the request that is under way */
	int64_t patience_ms;	/* for its first byte */
	int64_t listed_ms;	/* when the last whole list was read; 0 = never */
	int64_t list_ms;	/* when its first page was asked for */
	char rv[RV_MAX];	/* where the next watch begins */
	struct buf more;	/* continue token; "" = a list begins */
	struct buf page;
	struct watch_split split;
	enum kube_result said;	/* what the stream told in its events */
	struct err why;
};

static bool on_event(void *arg, const struct watch_event *ev);

struct informer *
informer_new(struct kube_streams *streams, size_t lane,
    const struct informer_opts *opts, const struct informer_listener *to)
{
	struct informer *inf = mem_alloc(sizeof *inf);

	inf->streams = streams;
	inf->lane = lane;
	inf->opts = *opts;
	inf->opts.path = mem_strdup(opts->path);
	inf->opts.selector = mem_strdup(opts->selector);
	inf->to = *to;
	inf->list_needed = true;
	inf->patience_ms = PATIENCE_MS;
	buf_init(&inf->more, 65536);
	buf_init(&inf->page, opts->limit);
	watch_split_init(&inf->split, opts->limit, on_event, inf);
	return inf;
}

void
informer_free(struct informer *inf)
{
	if (!inf)
		return;
	auto_free(&inf->opts.path);
	auto_free(&inf->opts.selector);
	buf_release(&inf->more);
	buf_release(&inf->page);
	watch_split_release(&inf->split);
	free(inf);
}

struct informer_state
informer_state(const struct informer *inf)
{
	return inf->state;
}

static void
spoke(struct informer *inf)
{
	inf->state.spoke_ms = num_mono_ms();
}

/* Full jitter over the upper half: replicas do not come back together. */
static int64_t
jitter(int64_t ms)
{
	return ms / 2 + arc4random_uniform((uint32_t)(ms / 2) + 1);
}

/* The longest wait: an API server in trouble is not made to send for nothing. */
static int64_t
backoff_max(const struct informer *inf)
{
	int64_t max_ms = inf->wasted / WASTE_PER_MS;

	if (max_ms < BACKOFF_MAX_MS)
		return BACKOFF_MAX_MS;
	return max_ms < BACKOFF_COSTLY_MS ? max_ms : BACKOFF_COSTLY_MS;
}

/*
 * Goes on later; a wait the server asked for is kept. Asking whether an API
 * server is back costs it next to nothing, and what readers see is old until
 * then; only what breaks off after many bytes is spread out further.
 */
static void
back_off(struct informer *inf, enum kube_result result, int wait_s,
    const char *why)
{
	int64_t wait_ms = inf->backoff_ms * 2, max_ms = backoff_max(inf);

	inf->state.refused = result == KUBE_FORBIDDEN ||
	    result == KUBE_NOT_FOUND;
	if (wait_ms < inf->opts.backoff_ms)
		wait_ms = inf->opts.backoff_ms;
	if (wait_ms > max_ms)
		wait_ms = max_ms;
	inf->backoff_ms = wait_ms;
	wait_ms = jitter(inf->state.refused ? REFUSED_MS : wait_ms);
	if (wait_ms < wait_s * 1000)
		wait_ms = wait_s * 1000;
	inf->step = WAITING;
	inf->due_ms = num_mono_ms() + wait_ms;
	inf->to.on_trouble(inf->to.arg, result, why, wait_ms);
}

static void
go_on_at_once(struct informer *inf)
{
	inf->step = WAITING;
	inf->due_ms = 0;
}

/* Reads a whole page; false if it is none. */
static bool
read_page(struct informer *inf, struct err *err)
{
	AUTO_JSON json_object *list = NULL;
	json_object *items;
	const char *rv, *more;

	if (!buf_ok(&inf->page))
		return err_set(err, 500, "a page of the list is longer than "
		    "%zu bytes", inf->page.limit);
	if (!jv_parse(inf->page.data, inf->page.len, JV_DEPTH_KUBE, &list,
	    err))
		return err_wrap(err, "cannot read the list");
	items = jv_get(list, "items");
	rv = jv_str(list, "metadata.resourceVersion");
	more = jv_str(list, "metadata.continue");
	if (!rv || !*rv || strlen(rv) >= RV_MAX ||
	    (items && !json_object_is_type(items, json_type_array)))
		return err_set(err, 500, "the list has no items or no "
		    "resourceVersion");
	if (inf->more.len == 0)
		inf->to.on_list_begin(inf->to.arg);
	for (size_t i = 0; items && i < json_object_array_length(items); i++)
		inf->to.on_object(inf->to.arg, INFORMER_LISTED,
		    json_object_array_get_idx(items, i));
	memcpy(inf->rv, rv, strlen(rv) + 1);
	inf->list_bytes += (int64_t)inf->page.len;
	inf->page_ms = num_mono_ms();
	buf_clear(&inf->more);
	if (more)
		buf_addstr(&inf->more, more);
	return true;
}

/*
 * Of a list that breaks off only the page is lost, while the server may still
 * know where it was; else all that was read.
 */
static void
page_failed(struct informer *inf, enum kube_result result)
{
	bool passes = result == KUBE_AWAY || result == KUBE_BUSY ||
	    result == KUBE_BROKEN;

	inf->wasted = (int64_t)inf->page.len;
	if (passes && num_mono_ms() - inf->page_ms < REST_MS)
		return;
	inf->wasted += inf->list_bytes;
	inf->list_bytes = 0;
	buf_clear(&inf->more);	/* from its beginning */
}

static void
list_end(void *arg, enum kube_result result, int wait_s,
    const struct err *err)
{
	struct informer *inf = arg;
	struct err why = ERR_INIT;

	if (result == KUBE_OK && !read_page(inf, &why)) {
		result = KUBE_BROKEN;
		err = &why;
	}
	if (result != KUBE_OK)
		page_failed(inf, result);
	buf_release(&inf->page);
	if (result != KUBE_OK) {
		back_off(inf, result, wait_s, err->msg);
		return;
	}
	spoke(inf);
	if (inf->more.len == 0) {
		inf->state.listed = true;
		inf->state.refused = false;
		inf->list_needed = false;
		inf->listed_ms = num_mono_ms();
		inf->state.whole_ms = inf->list_ms;
		inf->to.on_list_end(inf->to.arg);
	}
	go_on_at_once(inf);
}

/* It takes what it takes: twice as long is no reason for doubt next time. */
static void
first_byte(struct informer *inf)
{
	int64_t took = num_mono_ms() - inf->asked_ms;

	inf->patience_ms = took * 2 > PATIENCE_MS ? took * 2 : PATIENCE_MS;
}

static bool
list_data(void *arg, const char *data, size_t len)
{
	struct informer *inf = arg;

	if (inf->page.len == 0)
		first_byte(inf);
	buf_add(&inf->page, data, len);
	return buf_ok(&inf->page);
}

static bool
list_tick(void *arg)
{
	const struct informer *inf = arg;

	return num_mono_ms() - inf->opened_ms < PAGE_MAX_MS;
}

static void
query(const struct informer *inf, struct buf *path)
{
	buf_addstr(path, inf->opts.path);
	kube_path_query(path, "labelSelector", inf->opts.selector);
}

static void
list_start(struct informer *inf)
{
	AUTO_BUF struct buf path = BUF_INIT(1 << 17);
	char digits[24];
	struct kube_stream s = { .idle_ms = inf->opts.open_ms,
		.on_data = list_data, .on_tick = list_tick, .arg = inf };

	query(inf, &path);
	snprintf(digits, sizeof digits, "%lld", (long long)inf->opts.page);
	kube_path_query(&path, "limit", digits);
	if (inf->more.len)
		kube_path_query(&path, "continue", inf->more.data);
	s.path = path.data;
	inf->opened_ms = inf->asked_ms = num_mono_ms();
	if (inf->more.len == 0) {
		inf->list_ms = inf->asked_ms;
		inf->list_bytes = 0;
	}
	inf->step = LISTING;
	kube_streams_start(inf->streams, inf->lane, &s, list_end);
}

/* An ERROR event: the watch ends, as its end will tell. */
static bool
on_error_event(struct informer *inf, const struct watch_event *ev)
{
	const char *message = jv_str(ev->object, "message");

	inf->said = ev->code == 410 ? KUBE_GONE : KUBE_BUSY;
	err_set(&inf->why, 503, "the watch was ended: %s",
	    message ? message : "without a reason");
	return false;
}

static bool
on_event(void *arg, const struct watch_event *ev)
{
	struct informer *inf = arg;

	if (ev->type == WATCH_ERROR)
		return on_error_event(inf, ev);
	if (ev->type != WATCH_BOOKMARK)
		inf->to.on_object(inf->to.arg, ev->type == WATCH_DELETED ?
		    INFORMER_GONE : INFORMER_PUT, ev->object);
	if (strlen(ev->rv) < RV_MAX)
		memcpy(inf->rv, ev->rv, strlen(ev->rv) + 1);
	inf->backoff_ms = 0;
	return true;
}

static bool
watch_data(void *arg, const char *data, size_t len)
{
	struct informer *inf = arg;
	struct err err = ERR_INIT;

	spoke(inf);
	if (watch_split_feed(&inf->split, data, len, &err))
		return true;
	if (inf->said == KUBE_OK) {
		inf->said = KUBE_BROKEN;
		inf->why = err;
	}
	return false;
}

static void
watch_open(void *arg)
{
	struct informer *inf = arg;

	spoke(inf);
	first_byte(inf);
	inf->state.live = true;
	inf->state.refused = false;
	inf->opened_ms = num_mono_ms();
	inf->to.on_live(inf->to.arg);
}

static void
watch_end(void *arg, enum kube_result result, int wait_s,
    const struct err *err)
{
	struct informer *inf = arg;
	int64_t now_ms = num_mono_ms();
	bool lasted = inf->state.live && now_ms - inf->opened_ms >= WELL_MS;
	const char *why = err->msg;

	inf->state.live = false;
	inf->wasted = 0;
	if (result == KUBE_OK && inf->said != KUBE_OK) {
		result = inf->said;
		why = inf->why.msg;
	}
	if (lasted)
		inf->backoff_ms = 0;
	/* after bytes that made no sense, only a list is sure to be whole */
	if (result == KUBE_GONE || result == KUBE_BROKEN)
		inf->list_needed = true;
	if ((result == KUBE_OK && lasted) ||
	    (result == KUBE_GONE && now_ms - inf->listed_ms >= WELL_MS))
		go_on_at_once(inf);
	else
		back_off(inf, result == KUBE_OK ? KUBE_AWAY : result, wait_s,
		    result == KUBE_OK ? "the watch ended at once" : why);
}

static void
watch_start(struct informer *inf)
{
	AUTO_BUF struct buf path = BUF_INIT(1 << 14);
	char digits[24];
	struct kube_stream s = { .idle_ms = inf->opts.idle_ms,
		.open_ms = inf->opts.open_ms, .on_data = watch_data,
		.on_open = watch_open, .arg = inf };

	query(inf, &path);
	kube_path_query(&path, "watch", "1");
	kube_path_query(&path, "allowWatchBookmarks", "true");
	kube_path_query(&path, "resourceVersion", inf->rv);
	snprintf(digits, sizeof digits, "%lld",
	    (long long)jitter(inf->opts.watch_timeout_s * 2));
	kube_path_query(&path, "timeoutSeconds", digits);
	s.path = path.data;
	watch_split_release(&inf->split);
	inf->said = KUBE_OK;
	inf->asked_ms = num_mono_ms();
	inf->step = WATCHING;
	kube_streams_start(inf->streams, inf->lane, &s, watch_end);
}

int64_t
informer_tick(struct informer *inf, int64_t now_ms)
{
	if (inf->step != WAITING)
		return now_ms + NEXT_TICK_MS;
	if (inf->due_ms > now_ms)
		return inf->due_ms;
	if (inf->list_needed)
		list_start(inf);
	else
		watch_start(inf);
	return now_ms;
}

static bool
has_first_byte(const struct informer *inf)
{
	return inf->step == WATCHING ? inf->state.live : inf->page.len > 0;
}

int64_t
informer_waits(const struct informer *inf, int64_t now_ms)
{
	return inf->step != WAITING && !has_first_byte(inf) &&
	    now_ms - inf->asked_ms >= inf->patience_ms ? inf->asked_ms : 0;
}

void
informer_answered(struct informer *inf, int64_t asked_ms, int64_t silent_ms)
{
	bool forgotten = informer_waits(inf, asked_ms) != 0;
	bool dead = inf->step == WATCHING && inf->state.live &&
	    inf->state.spoke_ms < silent_ms;

	if (!forgotten && !dead)
		return;
	if (forgotten)	/* if it was only slow, it gets more time now */
		inf->patience_ms *= 2;
	kube_streams_stop(inf->streams, inf->lane);
	inf->state.live = false;
	buf_release(&inf->page);
	go_on_at_once(inf);
}

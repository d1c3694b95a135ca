#include "config.h"

#include "localspark_watch.h"

#include <errno.h>
#include <unistd.h>

#include "buf.h"
#include "err.h"
#include "jv.h"
#include "kube.h"
#include "kube_watch.h"
#include "log.h"
#include "num.h"

#define LINE_MAX_BYTES (16 << 20)	/* of one event */
#define PAGE "500"
#define WATCH_S "300"
#define IDLE_MS 75000		/* bookmarks come about each minute */
#define CALL_MS 20000
#define BACKOFF_MS 100
#define BACKOFF_MAX_MS 2000	/* a local server is soon back */

struct watch {
	struct kube *kube;
	const char *path;
	int fd;
	struct buf rv;		/* where to go on; "" = list first */
	struct buf line;	/* being written */
	struct watch_split split;
	bool well;		/* something came since the last failure */
	bool warned;		/* of the failure that goes on */
};

static void
write_line(struct watch *w)
{
	size_t done = 0;
	ssize_t n;

	buf_addch(&w->line, '\n');
	if (!buf_ok(&w->line))
		log_fatal("an event is longer than %d bytes", LINE_MAX_BYTES);
	while (done < w->line.len) {
		n = write(w->fd, w->line.data + done, w->line.len - done);
		if (n < 0 && errno != EINTR)
			exit(1);	/* the reader is gone */
		done += n > 0 ? (size_t)n : 0;
	}
	buf_clear(&w->line);
}

static void
tell(struct watch *w, const char *type, json_object *object)
{
	json_object *metadata = jv_member(object, "metadata");

	if (metadata)	/* half of an object, and nobody here reads it */
		json_object_object_del(metadata, "managedFields");
	buf_addf(&w->line, "{\"type\":\"%s\",\"object\":", type);
	buf_addstr(&w->line, jv_print(object));
	buf_addch(&w->line, '}');
	write_line(w);
}

static void
tell_mark(struct watch *w, const char *mark, const char *rv)
{
	buf_addf(&w->line, "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{"
	    "\"annotations\":{\"%s\":\"true\"},\"resourceVersion\":", mark);
	jv_add_str(&w->line, rv);
	buf_addstr(&w->line, "}}}");
	write_line(w);
}

static void
keep_rv(struct watch *w, const char *rv)
{
	buf_clear(&w->rv);
	buf_addstr(&w->rv, rv);
}

/* One page; *next gets the token of the following one, "" at the end. */
static enum kube_result
list_page(struct watch *w, struct buf *next, bool first, struct err *err)
{
	AUTO_BUF struct buf path = BUF_INIT(16384);
	AUTO_JSON json_object *page = NULL;
	struct kube_req rq = { .method = "GET",
		.deadline_ms = num_mono_ms() + CALL_MS };
	json_object *items;
	const char *token, *rv;
	enum kube_result result;

	buf_addstr(&path, w->path);
	kube_path_query(&path, "limit", PAGE);
	if (next->len)
		kube_path_query(&path, "continue", next->data);
	rq.path = path.data;
	result = kube_call(w->kube, &rq, &page, NULL, err);
	if (result != KUBE_OK)
		return result;
	items = jv_get(page, "items");
	rv = jv_str(page, "metadata.resourceVersion");
	if (!json_object_is_type(items, json_type_array) || !rv) {
		err_set(err, 500, "a list has no items or no version");
		return KUBE_BROKEN;
	}
	if (first) {
		keep_rv(w, rv);
		tell_mark(w, WATCH_LIST_BEGIN, rv);
	}
	for (size_t i = 0; i < json_object_array_length(items); i++)
		tell(w, "ADDED", json_object_array_get_idx(items, i));
	token = jv_str(page, "metadata.continue");
	buf_clear(next);
	buf_addstr(next, token ? token : "");
	return KUBE_OK;
}

static enum kube_result
list(struct watch *w, struct err *err)
{
	AUTO_BUF struct buf next = BUF_INIT(8192);
	enum kube_result result;
	bool first = true;

	do {
		result = list_page(w, &next, first, err);
		if (result != KUBE_OK) {
			buf_clear(&w->rv);
			return result;
		}
		first = false;
	} while (next.len > 0);
	tell_mark(w, WATCH_LIST_END, w->rv.data);
	w->well = true;
	return KUBE_OK;
}

static bool
on_event(void *arg, const struct watch_event *ev)
{
	static const char *const words[] = { [WATCH_ADDED] = "ADDED",
		[WATCH_MODIFIED] = "MODIFIED", [WATCH_DELETED] = "DELETED" };
	struct watch *w = arg;

	if (ev->type == WATCH_ERROR) {
		log_debug("watch of %s: ERROR %lld", w->path,
		    (long long)ev->code);
		if (ev->code == 410)
			buf_clear(&w->rv);
		return false;
	}
	keep_rv(w, ev->rv);
	if (ev->type != WATCH_BOOKMARK)
		tell(w, words[ev->type], ev->object);
	w->well = true;
	return true;
}

static bool
on_data(void *arg, const char *data, size_t len)
{
	struct watch *w = arg;
	struct err err = ERR_INIT;

	return watch_split_feed(&w->split, data, len, &err);
}

static enum kube_result
watch(struct watch *w, struct err *err)
{
	AUTO_BUF struct buf path = BUF_INIT(16384);
	struct kube_stream stream = { .idle_ms = IDLE_MS, .open_ms = CALL_MS,
		.on_data = on_data, .arg = w };

	buf_addstr(&path, w->path);
	kube_path_query(&path, "watch", "1");
	kube_path_query(&path, "allowWatchBookmarks", "true");
	kube_path_query(&path, "timeoutSeconds", WATCH_S);
	kube_path_query(&path, "resourceVersion", w->rv.data);
	stream.path = path.data;
	buf_clear(&w->split.line);
	return kube_stream(w->kube, &stream, err);
}

void
watch_run(const struct kube_opts *opts, const char *path, int fd)
{
	struct watch w = { .kube = kube_new(opts), .path = path, .fd = fd,
		.rv = BUF_INIT(256), .line = BUF_INIT(LINE_MAX_BYTES) };
	int64_t wait_ms = BACKOFF_MS;
	enum kube_result result;

	watch_split_init(&w.split, LINE_MAX_BYTES, on_event, &w);
	for (;;) {
		struct err err = ERR_INIT;

		w.well = false;
		result = w.rv.len ? watch(&w, &err) : list(&w, &err);
		if (result == KUBE_GONE)
			buf_clear(&w.rv);
		if (w.well) {
			wait_ms = BACKOFF_MS;
			w.warned = false;
		}
		if (result == KUBE_OK && w.well)
			continue;
		if (result != KUBE_OK && !w.warned) {
			log_warn("watch of %s: %s", path, err.msg);
			w.warned = true;
		}
		usleep((useconds_t)wait_ms * 1000 +
		    arc4random_uniform(50000));
		wait_ms = wait_ms * 2 < BACKOFF_MAX_MS ? wait_ms * 2 :
		    BACKOFF_MAX_MS;
	}
}

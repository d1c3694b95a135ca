#include "config.h"

#include "applog.h"

#include "access.h"
#include "conf.h"
#include "err.h"
#include "gw.h"
#include "jv.h"
#include "kube.h"
#include "livy.h"
#include "lookup.h"
#include "reply.h"
#include "request.h"

#define LOG_SIZE 100			/* lines in a page, as Livy */
#define LOG_BYTES_MAX (8u << 20)	/* of a driver's last lines */
#define LINES_MAX 65536
#define DRIVER_CONTAINER "spark-kubernetes-driver"
#define PATH_BYTES_MAX 1024

/* Lines as pieces of one text. */
struct lines {
	struct buf text;
	struct line {
		size_t at, len;
	} *line;
	size_t count, cap;
};

static void
lines_release(struct lines *l)
{
	buf_release(&l->text);
	free(l->line);
}
#define AUTO_LINES __attribute__((cleanup(lines_release)))

static void
add_line(void *arg, const char *s, size_t len)
{
	struct lines *l = arg;
	size_t at = l->text.len;

	buf_add(&l->text, s, len);
	if (!buf_ok(&l->text) || l->count == LINES_MAX)
		return;
	if (l->count == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 256;
		l->line = mem_realloc(l->line, l->cap * sizeof *l->line);
	}
	l->line[l->count++] = (struct line){ at, len };
}

static void
add_marker(struct lines *l, const char *marker)
{
	add_line(l, marker, strlen(marker));
}

/*
 * Splits as Java reads lines, at \n, \r and \r\n, so that each step of a
 * progress bar is a line; only the last max of them are kept.
 */
static void
add_text(struct lines *l, const char *text, size_t len, int64_t max)
{
	size_t first = l->count, end, n;

	for (size_t i = 0; i < len; i = end) {
		n = i;
		while (n < len && text[n] != '\n' && text[n] != '\r')
			n++;
		add_line(l, text + i, n - i);
		end = n + 1;
		if (end < len && text[n] == '\r' && text[end] == '\n')
			end++;
	}
	n = l->count - first;
	if (max >= 0 && n > (size_t)max) {
		memmove(l->line + first, l->line + l->count - max,
		    (size_t)max * sizeof *l->line);
		l->count = first + (size_t)max;
	}
}

/*
 * The driver's last lines. One that has not started, or whose pod is gone,
 * has none; a cluster that cannot be asked is an error.
 */
static bool
add_driver(struct gw *gw, const struct request *rq, const struct app_text *t,
    struct lines *l, struct err *err)
{
	AUTO_BUF struct buf path = BUF_INIT(PATH_BYTES_MAX);
	AUTO_BUF struct buf text = BUF_INIT(LOG_BYTES_MAX);
	struct kube_req get = { .method = "GET",
		.deadline_ms = rq->deadline_ms };
	char tail[24];
	enum kube_result r;

	if (!t->pod)
		return true;
	snprintf(tail, sizeof tail, "%lld", (long long)gw->conf->log_lines);
	kube_path_core(&path, t->ns, "pods", t->pod);
	buf_addstr(&path, "/log");
	kube_path_query(&path, "container", DRIVER_CONTAINER);
	kube_path_query(&path, "tailLines", tail);
	get.path = path.data;
	if (!lookup_calls_begin(gw, err))
		return false;
	r = kube_text(gw->kube, &get, LOG_BYTES_MAX, &text, err);
	lookup_calls_end(gw);
	if (r == KUBE_NOT_FOUND || r == KUBE_INVALID)
		return true;
	if (r != KUBE_OK)
		return err_wrap(err, "cannot read the driver's log");
	add_text(l, text.data, text.len, gw->conf->log_lines);
	return true;
}

static void
add_story(const struct cache_view *v, struct lines *l)
{
	size_t before = l->count;

	add_marker(l, "\nKubernetes Diagnostics: ");
	livy_story(&v->app, &v->text, add_line, l);
	if (l->count == before + 1)
		l->count = before;	/* there was nothing to tell */
}

/* Livy's paging: see the contract, section 1.1. */
static void
add_page(const struct lines *l, int32_t id, int32_t from, int32_t size,
    struct buf *out)
{
	size_t start, end = l->count;

	if (size < 0)
		size = INT32_MAX;
	if (from >= 0)
		start = (size_t)from;
	else
		start = l->count > (size_t)size ? l->count - (size_t)size : 0;
	if (start <= l->count && l->count - start > (size_t)size)
		end = start + (size_t)size;
	buf_addf(out, "{\"id\":%d,\"from\":%zu,\"total\":%zu,\"log\":[",
	    (int)id, start, l->count);
	for (size_t i = start; i < end; i++) {
		if (i > start)
			buf_addch(out, ',');
		jv_add_strn(out, l->text.data + l->line[i].at,
		    l->line[i].len);
	}
	buf_addstr(out, "]}");
}

bool
applog_get(struct gw *gw, const struct request *rq, const struct target *t,
    struct reply *rp, struct err *err)
{
	AUTO_ITEM struct item it = ITEM_INIT;
	AUTO_LINES struct lines l = { .text = BUF_INIT(2 * LOG_BYTES_MAX) };
	int32_t from, size;

	if (!lookup_item(gw, rq, t, &it, err) ||
	    !access_do_as(gw->conf, rq, err) ||
	    !request_int(rq, "from", -1, &from, err) ||
	    !request_int(rq, "size", LOG_SIZE, &size, err))
		return false;
	add_marker(&l, "stdout: ");
	if (!add_driver(gw, rq, &it.view.text, &l, err))
		return false;
	add_marker(&l, "\nstderr: ");
	add_story(&it.view, &l);
	if (!buf_ok(&l.text))
		return err_set(err, 500, "the log is longer than this server "
		    "reads");
	add_page(&l, it.view.app.id, from, size, &rp->body);
	return true;
}

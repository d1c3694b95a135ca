#include "config.h"

#include "statement_list.h"

#include <strings.h>

#include "buf.h"
#include "err.h"
#include "feed.h"
#include "live.h"
#include "num.h"
#include "request.h"

#define STRINGS_MAX (2 * FEED_RUN_MAX)	/* code and output of the feed */
#define TEXT_MAX 1024		/* of words of ours */
#define KEPT_MAX 200		/* statements kept of a session */

void
statement_end(const struct app *app, struct statement *s, struct buf *text)
{
	if (!app_ended(app) || (statement_over(s) && (s->output.at ||
	    s->output_bytes == 0)))
		return;
	buf_clear(text);
	buf_addf(text, "{\"status\":\"error\",\"execution_count\":%d,"
	    "\"ename\":\"SessionEnded\",\"evalue\":\"", (int)s->id);
	if (statement_over(s))
		buf_addf(text, "its output, %lld bytes, was not kept when the "
		    "session ended", (long long)s->output_bytes);
	else
		buf_addstr(text,
		    "the session ended before this statement did");
	buf_addstr(text, "\",\"traceback\":[]}");
	s->state = STATEMENT_AVAILABLE;
	s->output = (struct jpart){ text->data, text->len };
	snprintf(s->progress, sizeof s->progress, "1.0");
}

bool
statement_page_read(const struct request *rq, struct statement_page *ret,
    struct err *err)
{
	char order[64];
	const char *s = request_param(rq, "order", order, sizeof order);
	int32_t from, size;

	if (!request_int(rq, "from", 0, &from, err) ||
	    !request_int(rq, "size", INT32_MAX, &size, err))
		return false;
	while (s && *s == ' ')
		s++;
	*ret = (struct statement_page){ .from = from, .size = size,
		.desc = s && strncasecmp(s, "desc", 4) == 0 &&
		    strspn(s + 4, " ") == strlen(s + 4) };
	return true;
}

/* Where the page begins and ends among total, as Livy slices. */
static void
slice(const struct statement_page *p, int64_t total, int64_t *ret_from,
    int64_t *ret_end)
{
	int64_t end = p->from + p->size;

	*ret_from = p->from > 0 ? p->from : 0;
	*ret_end = end < total ? end : total;
}

static void
begin_list(struct buf *out, int64_t total)
{
	buf_addf(out, "{\"total_statements\":%lld,\"statements\":[",
	    (long long)total);
}

static void
add_one(struct buf *out, const struct statement *s)
{
	if (out->len > 0 && out->data[out->len - 1] != '[')
		buf_addch(out, ',');
	statement_json(s, out);
}

bool
statement_list_feed(struct feed *feed, const struct app *app,
    const struct statement_page *p, struct buf *out)
{
	AUTO_BUF struct buf strings = BUF_INIT(STRINGS_MAX);
	AUTO_BUF struct buf text = BUF_INIT(TEXT_MAX);
	int64_t until_ms = num_mono_ms() + FEED_FETCH_MS;
	bool driver = live_has_driver(app);
	struct feed_stamps stamps;
	struct feed_session fs;
	enum feed_found found;
	struct statement s;
	int64_t at, end;

	if (!feed_get_soon(feed, app->id, app->uid, until_ms, &fs))
		return false;
	feed_stamps(feed, app->id, &stamps);
	if (driver && stamps.posted > fs.next)
		return false;
	begin_list(out, fs.total);
	for (slice(p, fs.total, &at, &end); at < end; at++) {
		found = feed_statement_soon(feed, app->id, app->uid, p->desc ?
		    (int32_t)(fs.next - 1 - at) :
		    (int32_t)(fs.next - fs.total + at), until_ms, &s,
		    &strings);
		if (found == FEED_ABSENT || (driver && found == FEED_PART))
			return false;
		statement_end(app, &s, &text);
		add_one(out, &s);
	}
	buf_addstr(out, "]}");
	return true;
}

/* The array of statements, and how many it says there are. */
static bool
open_list(const char *text, size_t len, struct jpart *ret, int64_t *ret_total)
{
	struct jpart whole, key, value;
	size_t cursor = 0;

	*ret = (struct jpart){ NULL, 0 };
	*ret_total = -1;
	if (!jscan_check(text, len, &whole) || !jscan_is_object(whole))
		return false;
	while (jscan_member(whole, &cursor, &key, &value)) {
		if (jscan_is(key, "total_statements") &&
		    !jscan_int(value, 0, ID_MAX, ret_total))
			return false;
		if (jscan_is(key, "statements"))
			*ret = value;
	}
	return *ret_total >= 0 && jscan_is_array(*ret);
}

static int64_t
count(struct jpart list)
{
	struct jpart one;
	size_t cursor = 0;
	int64_t n = 0;

	while (jscan_element(list, &cursor, &one))
		n++;
	return n;
}

/* From the list's end to its beginning: what is kept is short. */
static bool
add_backwards(struct jpart list, int64_t total, int64_t at, int64_t end,
    struct buf *out)
{
	struct statement s;
	struct jpart one;

	for (; at < end; at++) {
		size_t cursor = 0;

		for (int64_t i = total - 1 - at; i >= 0; i--)
			if (!jscan_element(list, &cursor, &one))
				return false;
		if (!agent_say_statement(one, &s))
			return false;
		add_one(out, &s);
	}
	return true;
}

bool
statement_list_text(const char *text, size_t len,
    const struct statement_page *p, struct buf *out)
{
	struct jpart list, one;
	int64_t total, at = 0, end = INT64_MAX, i;
	size_t cursor = 0;
	struct statement s;

	if (!open_list(text, len, &list, &total))
		return false;
	if (p) {
		total = count(list);
		slice(p, total, &at, &end);
	}
	begin_list(out, total);
	if (p && p->desc) {
		if (!add_backwards(list, total, at, end, out))
			return false;
	} else {
		for (i = 0; jscan_element(list, &cursor, &one); i++) {
			if (!agent_say_statement(one, &s))
				return false;
			if (i >= at && i < end)
				add_one(out, &s);
		}
	}
	buf_addstr(out, "]}");
	return true;
}

bool
statement_list_find(const char *text, size_t len, int32_t sid,
    struct statement *ret)
{
	struct jpart list, one;
	size_t cursor = 0;
	int64_t total;

	if (!open_list(text, len, &list, &total))
		return false;
	while (jscan_element(list, &cursor, &one))
		if (agent_say_statement(one, ret) && ret->id == sid)
			return true;
	return false;
}

/* A statement as it is kept: long code, a long output give way to words. */
static void
render_kept(const struct app *app, struct statement *s, size_t most,
    struct buf *text, struct buf *json)
{
	char code[80];

	if (s->code.at && s->code.len > most) {
		snprintf(code, sizeof code, "\"its code, %zu bytes, was not "
		    "kept when the session ended\"", s->code.len);
		s->code = (struct jpart){ code, strlen(code) };
	}
	if (s->output.at && s->output.len > most) {
		s->output_bytes = (int64_t)s->output.len;
		s->output.at = NULL;
	}
	buf_clear(json);
	statement_end(app, s, text);
	statement_json(s, json);
}

bool
statement_list_kept(struct feed *feed, const struct app *app, size_t limit,
    struct buf *out)
{
	AUTO_BUF struct buf strings = BUF_INIT(STRINGS_MAX);
	AUTO_BUF struct buf text = BUF_INIT(TEXT_MAX);
	AUTO_BUF struct buf json = BUF_INIT(STRINGS_MAX);
	AUTO_BUF struct buf all = BUF_INIT(limit);
	size_t start[KEPT_MAX + 1], n = 0;
	struct feed_session fs;
	struct statement s;

	if (!feed_get(feed, app->id, app->uid, &fs))
		return false;
	for (; n < KEPT_MAX && (int64_t)n < fs.total; n++) {
		start[n] = all.len;
		if (feed_statement(feed, app->id, app->uid,
		    fs.next - 1 - (int32_t)n, &s, &strings) == FEED_ABSENT)
			break;
		render_kept(app, &s, limit / 4, &text, &json);
		if (all.len + json.len > limit)
			break;
		buf_add(&all, json.data, json.len);
	}
	start[n] = all.len;
	begin_list(out, fs.total);
	for (size_t i = n; i-- > 0;) {
		buf_add(out, all.data + start[i], start[i + 1] - start[i]);
		buf_addstr(out, i > 0 ? "," : "");
	}
	buf_addstr(out, "]}");
	return n > 0;
}

#include "config.h"

#include "livy.h"

#include "buf.h"
#include "conf.h"
#include "jv.h"

#define VIEW_LOG_LINES 10	/* Livy's views show the last ten */
#define LOG_LINE_MAX 4096	/* of one line in a view; /log has it whole */

/* Where an application is in each phase; NULL: nothing to tell. */
static const char *const stories[] = {
	[PHASE_NEW] =
	    "waiting for the Spark Operator to submit {object}"
	    " in namespace {namespace}",
	[PHASE_SUBMITTED] =
	    "submitted, waiting for the driver pod of {object}"
	    " in namespace {namespace}",
	[PHASE_RUNNING] = NULL,
	[PHASE_SUCCEEDING] = NULL,
	[PHASE_COMPLETED] = NULL,
	[PHASE_FAILING] = NULL,
	[PHASE_FAILED] =
	    "{object} failed and the Spark Operator gave no reason",
	[PHASE_SUBMISSION_FAILED] =
	    "the Spark Operator could not submit {object}",
	[PHASE_PENDING_RERUN] =
	    "waiting for the Spark Operator to run {object} again",
	[PHASE_INVALIDATING] =
	    "{object} was edited, the Spark Operator runs it anew",
	[PHASE_SUSPENDING] = "{object} is being suspended until there is room",
	[PHASE_SUSPENDED] = "{object} is suspended until there is room",
	[PHASE_RESUMING] =
	    "{object} is resumed, waiting for the Spark Operator",
	[PHASE_UNKNOWN] =
	    "the state of driver pod {pod} is unknown, its node may be lost",
};

/* The value of a placeholder, NULL for a name that is none. */
static const char *
placeholder(const struct app *app, const struct app_text *text,
    const char *name, size_t len, char digits[16])
{
	const struct {
		const char *name, *value;
	} known[] = {
		{ "id", digits },
		{ "kind", app_kind_word(app->kind) },
		{ "appId", app->app_id },
		{ "namespace", text->ns },
		{ "object", text->object },
		{ "pod", text->pod },
	};

	snprintf(digits, 16, "%d", (int)app->id);
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strlen(known[i].name) == len &&
		    memcmp(known[i].name, name, len) == 0)
			return known[i].value ? known[i].value : "";
	return NULL;
}

/*
 * Appends pattern with its {placeholders} filled; what names none stays as
 * it is. False if one has no value yet.
 */
static bool
expand(struct buf *out, const char *pattern, const struct app *app,
    const struct app_text *text)
{
	char digits[16];
	const char *end, *value;
	bool all = true;

	while (*pattern) {
		end = *pattern == '{' ? strchr(pattern, '}') : NULL;
		value = end ? placeholder(app, text, pattern + 1,
		    (size_t)(end - pattern) - 1, digits) : NULL;
		if (value) {
			all = all && *value;
			buf_addstr(out, value);
			pattern = end + 1;
		} else {
			buf_addch(out, *pattern++);
		}
	}
	return all;
}

struct story {
	void (*on_line)(void *arg, const char *line, size_t len);
	void *arg;
};

static void
tell(const struct story *s, const char *pattern, const struct app *app,
    const struct app_text *text)
{
	AUTO_BUF struct buf line = BUF_INIT(LOG_LINE_MAX);

	expand(&line, pattern, app, text);
	s->on_line(s->arg, line.data, line.len);
}

static void
tell_lines(const struct story *s, const char *t)
{
	const char *end;

	for (; *t; t = *end ? end + 1 : end) {
		end = strchrnul(t, '\n');
		s->on_line(s->arg, t, (size_t)(end - t));
	}
}

/* Where the driver pod is before the operator says RUNNING. */
static void
tell_pod(const struct story *s, const struct app *app,
    const struct app_text *text)
{
	AUTO_BUF struct buf line = BUF_INIT(LOG_LINE_MAX);

	buf_addf(&line, "driver pod %s is ", text->pod ? text->pod : "");
	buf_addstr(&line, app->pod_started ? "starting" : "Pending");
	if (text->pod_reason)
		buf_addf(&line, ": %s", text->pod_reason);
	s->on_line(s->arg, line.data, line.len);
}

void
livy_story(const struct app *app, const struct app_text *text,
    void (*on_line)(void *arg, const char *line, size_t len), void *arg)
{
	struct story s = { on_line, arg };
	AUTO_BUF struct buf how = BUF_INIT(LOG_LINE_MAX);

	if (text->failed)
		tell_lines(&s, text->failed);
	if (text->error) {
		tell_lines(&s, text->error);
	} else if (app->waits) {
		tell(&s, "{object} waits to be admitted in namespace"
		    " {namespace}", app, text);
	} else if (text->failed) {
		return;
	} else if (app->phase <= PHASE_SUBMITTED && app->pod_seen) {
		tell_pod(&s, app, text);
	} else if (app->exit_code > 0 && text->pod_reason) {
		buf_addf(&how, "driver container failed with %s",
		    text->pod_reason);
		on_line(arg, how.data, how.len);
	} else if (stories[app->phase]) {
		tell(&s, stories[app->phase], app, text);
	}
}

/* The lines of a view's log, of which the first ones are left out. */
struct last_lines {
	struct buf *out;
	size_t leave_out;
	size_t seen;
};

static void
last_lines_add(void *arg, const char *line, size_t len)
{
	struct last_lines *l = arg;

	if (l->seen++ < l->leave_out || !l->out)
		return;
	if (l->seen > l->leave_out + 1)
		buf_addch(l->out, ',');
	jv_add_strn(l->out, line, len < LOG_LINE_MAX ? len : LOG_LINE_MAX);
}

static void
render_log(const struct app *app, const struct app_text *text,
    struct buf *out)
{
	struct last_lines count = { 0 }, l = { .out = out };

	livy_story(app, text, last_lines_add, &count);
	if (count.seen + 2 > VIEW_LOG_LINES)
		l.leave_out = count.seen + 2 - VIEW_LOG_LINES;
	last_lines_add(&l, "stdout: ", 8);
	last_lines_add(&l, "\nstderr: ", 9);
	livy_story(app, text, last_lines_add, &l);
}

static void
render_url(struct buf *out, const char *pattern, const struct app *app,
    const struct app_text *text)
{
	AUTO_BUF struct buf url = BUF_INIT(LOG_LINE_MAX);
	bool known = pattern && *pattern &&
	    expand(&url, pattern, app, text);

	jv_add_str(out, known && buf_ok(&url) ? url.data : NULL);
}

void
livy_render(const struct conf *conf, const struct app *app,
    const struct app_text *text, struct livy_view *out)
{
	buf_addf(out->head, "{\"id\":%d,\"name\":", (int)app->id);
	jv_add_str(out->head, text->name);
	buf_addstr(out->head, ",\"owner\":");
	jv_add_str(out->head, text->owner);
	buf_addstr(out->head, ",\"proxyUser\":");
	jv_add_str(out->head, text->proxy_user);
	buf_addstr(out->head, ",\"state\":\"");

	buf_addstr(out->mid, "\",\"appId\":");
	jv_add_str(out->mid, app->app_id[0] ? app->app_id : NULL);
	buf_addstr(out->mid, ",\"appInfo\":{\"driverLogUrl\":");
	render_url(out->mid, conf->log_url, app, text);
	buf_addstr(out->mid, ",\"sparkUiUrl\":");
	render_url(out->mid, conf->ui_url, app, text);
	buf_addstr(out->mid, ",\"executorLogUrls\":null},\"log\":[");

	render_log(app, text, out->log);
	buf_addstr(out->tail, "]}");
}

#include "config.h"

#include "livy.h"

#include "buf.h"
#include "livy_advice.h"
#include "num.h"

#define LOG_LINE_MAX 4096	/* of one line in a view; /log has it whole */

/* Where an application is in each phase; NULL: nothing to tell. */
static const char *const stories[] = {
	[PHASE_NEW] =
	    "waiting for the Spark Operator to submit {object}"
	    " in namespace {namespace}; if this lasts for minutes, see whether"
	    " the operator runs and watches that namespace",
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

bool
livy_expand(struct buf *out, const char *pattern, const struct app *app,
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

/* What others have named may have several lines. */
static void
tell_lines(const struct story *s, const char *t)
{
	const char *end;

	for (; *t; t = *end ? end + 1 : end) {
		end = strchrnul(t, '\n');
		s->on_line(s->arg, t, (size_t)(end - t));
	}
}

static void
tell(const struct story *s, const char *pattern, const struct app *app,
    const struct app_text *text)
{
	AUTO_BUF struct buf line = BUF_INIT(LOG_LINE_MAX);

	(void)livy_expand(&line, pattern, app, text);
	tell_lines(s, line.data);
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
	tell_lines(s, line.data);
}

/* "what 2026-11-23T10:00:00Z", if that is known. */
static void
tell_time(const struct story *s, const char *what, int64_t ms)
{
	AUTO_BUF struct buf line = BUF_INIT(LOG_LINE_MAX);
	char at[32];

	if (ms == 0)
		return;
	num_time_text(ms, at);
	buf_addf(&line, "%s %s", what, at);
	tell_lines(s, line.data);
}

static void
tell_template(const struct story *s, const struct app_text *text)
{
	AUTO_BUF struct buf line = BUF_INIT(LOG_LINE_MAX);

	if (!text->template)
		return;		/* made by a version that did not note it */
	buf_addf(&line, "made of template %s", text->template);
	if (text->image)
		buf_addf(&line, ", image %s", text->image);
	tell_lines(s, line.data);
}

/*
 * How far a session has come: somebody waits for it, and is to see each step
 * that it has taken. Where it is now is told after that.
 */
static void
tell_start(const struct story *s, const struct app *app,
    const struct app_text *text)
{
	tell(s, "session {id} is {object} in namespace {namespace}", app,
	    text);
	tell_template(s, text);
	tell_time(s, "created", app->created_ms);
	tell_time(s, "admitted", app->admitted_ms);
	tell_time(s, "submitted by the Spark Operator", app->submitted_ms);
	if (app->pod_started)
		tell(s, "driver pod {pod} has started", app, text);
	if (app->phase == PHASE_RUNNING && !app_ended(app))
		tell(s, "the agent in {pod} tells when the session is idle",
		    app, text);
}

/* spark-submit's own words, which Livy shows as its standard error. */
static const char *
submit_words(const struct app_text *text)
{
	return text->error && strstr(text->error, "run spark-submit") ?
	    text->error : NULL;
}

static void
advise(const struct story *s, const struct app *app,
    const struct app_text *text)
{
	const char *advice = NULL;

	if (app->exit_code > 0 || !app->pod_started)
		advice = livy_advice(text->pod_reason);
	if (!advice)
		advice = livy_advice(text->error);
	if (!advice)
		advice = livy_advice(text->failed);
	if (advice)
		s->on_line(s->arg, advice, strlen(advice));
}

/* The pod that ran is gone, and the operator has not seen it yet. */
static bool
lost_pod(const struct app *app)
{
	return app->phase == PHASE_RUNNING && app->pod_run != 0 &&
	    !app->pod_seen && app->exit_code < 0;
}

static void
tell_queue(const struct story *s, const struct app *app,
    const struct app_text *text)
{
	AUTO_BUF struct buf line = BUF_INIT(LOG_LINE_MAX);

	(void)livy_expand(&line, "{object} waits to be admitted in namespace"
	    " {namespace}", app, text);
	if (text->place)
		buf_addf(&line, ", %s", text->place);
	tell_lines(s, line.data);
}

/* All but spark-submit's words and the advice. */
static void
tell_where(const struct story *s, const struct app *app,
    const struct app_text *text)
{
	AUTO_BUF struct buf how = BUF_INIT(LOG_LINE_MAX);

	if (app->kind == APP_SESSION)
		tell_start(s, app, text);
	if (text->failed)
		tell_lines(s, text->failed);
	if (text->error) {
		if (!submit_words(text))
			tell_lines(s, text->error);
		/* the operator leaves out what the pod itself says */
		if (app->exit_code > 0 && text->pod_reason &&
		    !strstr(text->error, text->pod_reason)) {
			buf_addf(&how, "driver pod %s: %s", text->pod ?
			    text->pod : "", text->pod_reason);
			s->on_line(s->arg, how.data, how.len);
		}
	} else if (app->waits) {
		tell_queue(s, app, text);
	} else if (text->failed) {
		return;
	} else if (app->phase <= PHASE_SUBMITTED && app->pod_seen) {
		tell_pod(s, app, text);
	} else if (app->exit_code > 0 && text->pod_reason) {
		buf_addf(&how, "driver container failed with %s",
		    text->pod_reason);
		s->on_line(s->arg, how.data, how.len);
	} else if (lost_pod(app)) {
		tell(s, "driver pod {pod} is gone: it was deleted, or its"
		    " node was lost", app, text);
	} else if (stories[app->phase]) {
		tell(s, stories[app->phase], app, text);
	}
}

void
livy_story(const struct app *app, const struct app_text *text,
    void (*on_line)(void *arg, const char *line, size_t len), void *arg)
{
	struct story s = { on_line, arg };

	if (submit_words(text))
		tell_lines(&s, text->error);
	tell_where(&s, app, text);
	advise(&s, app, text);
}

struct section {
	struct story to;
	const char *mark;	/* told before its first line */
};

static void
section_line(void *arg, const char *line, size_t len)
{
	struct section *s = arg;

	if (s->mark)
		s->to.on_line(s->to.arg, s->mark, strlen(s->mark));
	s->mark = NULL;
	s->to.on_line(s->to.arg, line, len);
}

void
livy_log_end(const struct app *app, const struct app_text *text,
    void (*on_line)(void *arg, const char *line, size_t len), void *arg)
{
	struct section rest = { { on_line, arg },
		"\nKubernetes Diagnostics: " };
	struct story s = { section_line, &rest };

	on_line(arg, "\nstderr: ", 9);
	if (submit_words(text))
		tell_lines(&rest.to, text->error);
	tell_where(&s, app, text);
	advise(&s, app, text);
}

bool
livy_log_grows(const struct app *app, const struct app_text *text)
{
	/* of a session, somebody waits for each step of its start */
	return app->kind == APP_BATCH && app->pod_started &&
	    app->exit_code < 0 && !app_ended(app) &&
	    !text->error && app->phase != PHASE_UNKNOWN;
}

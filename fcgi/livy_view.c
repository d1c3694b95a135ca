#include "config.h"

#include "livy.h"

#include "buf.h"
#include "conf.h"
#include "err.h"
#include "jv.h"
#include "session_req.h"

#define VIEW_LOG_LINES 10	/* Livy's views show the last ten */
#define LOG_LINE_MAX 4096	/* of one line in a view; /log has it whole */

void
livy_tail_init(struct livy_tail *t, size_t lines, struct buf *out)
{
	*t = (struct livy_tail){ .out = out };
	if (lines > VIEW_LOG_LINES)
		t->leave_out = lines - VIEW_LOG_LINES;
}

void
livy_tail_add(void *tail, const char *line, size_t len)
{
	struct livy_tail *t = tail;

	if (t->seen++ < t->leave_out)
		return;
	if (t->seen > t->leave_out + 1)
		buf_addch(t->out, ',');
	if (len > LOG_LINE_MAX)
		len = LOG_LINE_MAX;
	jv_add_strn(t->out, line, len);
}

static void
count_line(void *arg, const char *line UNUSED, size_t len UNUSED)
{
	++*(size_t *)arg;
}

/* The driver's last lines, if they are kept of the run that this is. */
static json_object *
kept_tail(const struct app *app, const struct app_text *text)
{
	struct err ignored = ERR_INIT;
	json_object *lines = NULL;

	if (!app->kept || app->kept_run != app->pod_run || !text->tail ||
	    livy_log_grows(app, text) || !jv_parse(text->tail,
	    strlen(text->tail), JV_DEPTH_KUBE, &lines, &ignored))
		return NULL;
	if (json_object_is_type(lines, json_type_array))
		return lines;
	json_object_put(lines);
	return NULL;
}

void
livy_render_log(const struct app *app, const struct app_text *text,
    struct buf *out)
{
	AUTO_JSON json_object *tail = kept_tail(app, text);
	size_t n = tail ? json_object_array_length(tail) : 0;
	size_t count = 1 + n;
	struct livy_tail t;

	livy_log_end(app, text, count_line, &count);
	livy_tail_init(&t, count, out);
	livy_tail_add(&t, "stdout: ", 8);
	for (size_t i = 0; i < n; i++) {
		json_object *line = json_object_array_get_idx(tail, i);
		const char *s = jv_text(line);

		livy_tail_add(&t, s ? s : "", s ? (size_t)
		    json_object_get_string_len(line) : 0);
	}
	livy_log_end(app, text, livy_tail_add, &t);
}

static bool
some(const char *s)
{
	return s && *s;
}

static void
render_url(struct buf *out, const char *pattern, const struct app *app,
    const struct app_text *text)
{
	AUTO_BUF struct buf url = BUF_INIT(LOG_LINE_MAX);
	bool known = pattern && *pattern &&
	    livy_expand(&url, pattern, app, text);

	jv_add_str(out, known && buf_ok(&url) ? url.data : NULL);
}

static void
render_app_id(struct buf *out, const struct app *app)
{
	buf_addstr(out, ",\"appId\":");
	jv_add_str(out, app->app_id[0] ? app->app_id : NULL);
}

void
livy_render(const struct conf *conf, const struct app *app,
    const struct app_text *text, struct livy_view *out)
{
	bool session = app->kind == APP_SESSION;
	const char *log = conf ? conf->log_url : NULL;
	const char *ui = conf ? conf->ui_url : NULL;

	if (conf && app_ended(app)) {
		log = some(conf->ended_log_url) ? conf->ended_log_url : log;
		ui = some(conf->ended_ui_url) ? conf->ended_ui_url : ui;
	}

	buf_addf(out->head, "{\"id\":%d,\"name\":", (int)app->id);
	jv_add_str(out->head, text->name);
	if (session)
		render_app_id(out->head, app);
	buf_addstr(out->head, ",\"owner\":");
	jv_add_str(out->head, text->owner);
	buf_addstr(out->head, ",\"proxyUser\":");
	jv_add_str(out->head, text->proxy_user);
	buf_addstr(out->head, ",\"state\":\"");

	buf_addch(out->mid, '"');
	if (session) {
		buf_addstr(out->mid, ",\"kind\":");
		jv_add_str(out->mid, text->session_kind ?
		    text->session_kind : "shared");
	} else {
		render_app_id(out->mid, app);
	}
	buf_addstr(out->mid, ",\"appInfo\":{\"driverLogUrl\":");
	render_url(out->mid, log, app, text);
	buf_addstr(out->mid, ",\"sparkUiUrl\":");
	render_url(out->mid, ui, app, text);
	buf_addstr(out->mid, ",\"executorLogUrls\":");
	render_url(out->mid, conf ? conf->executor_log_urls : NULL, app,
	    text);
	buf_addstr(out->mid, "},\"log\":[");

	livy_render_log(app, text, out->log);
	buf_addch(out->tail, ']');
	if (session) {
		buf_addch(out->tail, ',');
		session_req_echo(text->echo, out->tail);
	}
	buf_addch(out->tail, '}');
}

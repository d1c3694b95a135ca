#include "config.h"

#include "livy.h"

#include "buf.h"
#include "conf.h"
#include "jv.h"
#include "session_req.h"

#define VIEW_LOG_LINES 10	/* Livy's views show the last ten */
#define LOG_LINE_MAX 4096	/* of one line in a view; /log has it whole */

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
	render_url(out->mid, conf ? conf->log_url : NULL, app, text);
	buf_addstr(out->mid, ",\"sparkUiUrl\":");
	render_url(out->mid, conf ? conf->ui_url : NULL, app, text);
	buf_addstr(out->mid, ",\"executorLogUrls\":null},\"log\":[");

	render_log(app, text, out->log);
	buf_addch(out->tail, ']');
	if (session) {
		buf_addch(out->tail, ',');
		session_req_echo(text->echo, out->tail);
	}
	buf_addch(out->tail, '}');
}

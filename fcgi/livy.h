/*
 * SparkApplication and driver pod -> Livy: the state map as one table, and
 * the JSON of views, states and logs. Pure: the watcher, workers and tests
 * call it with objects from anywhere.
 */
#ifndef LIVY_H
#define LIVY_H

#include "app.h"

struct buf;
struct conf;
struct err;

/*
 * Reads an application of this gateway. text lends from obj. False for one
 * that is not ours (no label, a name that is not its id's) or of a newer
 * schema than we know: the caller skips it.
 */
bool livy_app(json_object *obj, const char *gateway, struct app *ret,
    struct app_text *ret_text, struct err *err) MUST_CHECK;

/*
 * Adds what the driver pod (NULL = none seen) tells: name, ip, start, exit
 * code, why it waits or how it ended: one line in text->pod_reason, NULL if
 * there is none, which lends from reason, a buffer of the caller.
 */
void livy_pod(json_object *pod, struct app *app, struct app_text *text,
    char reason[512]);

/* The state a Livy client sees for the operator's phase. */
enum livy_state livy_state_of(enum app_kind kind, enum app_phase phase);

/*
 * A view in its parts; a reader puts the state word between head and mid,
 * log lines between mid and tail:
 *   head: {"id":1,"name":null,"owner":"ann","proxyUser":null,"state":"
 *   mid:  ","appId":null,"appInfo":{…},"log":[
 *   log:  "line","line"        (from the story; may be replaced)
 *   tail: ]}                   (for sessions, with the request's echo,
 *                              which Livy before 0.8 did not have)
 * conf NULL: without the URLs of appInfo.
 */
struct livy_view {
	struct buf *head, *mid, *log, *tail;
};
#define LIVY_OLD_TAIL "]}"
void livy_render(const struct conf *conf, const struct app *app,
    const struct app_text *text, struct livy_view *out);

/* The log of a view alone, for a reader who knows more than the cache. */
void livy_render_log(const struct app *app, const struct app_text *text,
    struct buf *out);

/*
 * Appends pattern with its {placeholders} (id, kind, appId, namespace,
 * object, pod) filled; what names none stays. False if one has no value yet.
 */
bool livy_expand(struct buf *out, const char *pattern, const struct app *app,
    const struct app_text *text);

/*
 * What there is to tell beside the driver's own log, a line each: where the
 * application is, what it waits for, why it failed (errorMessage verbatim,
 * split into lines), and what to do about it. Calls on_line for each.
 */
void livy_story(const struct app *app, const struct app_text *text,
    void (*on_line)(void *arg, const char *line, size_t len), void *arg);

/*
 * What a log shows after the driver's lines: Livy's markers of sections, in
 * them what spark-submit said (verbatim) and the story above.
 */
void livy_log_end(const struct app *app, const struct app_text *text,
    void (*on_line)(void *arg, const char *line, size_t len), void *arg);
/* Whether more lines of the driver may come, so that nothing follows yet. */
bool livy_log_grows(const struct app *app, const struct app_text *text);

/* The last lines of a log as JSON strings, as many as a view shows. */
struct livy_tail {
	struct buf *out;
	size_t leave_out, seen;
};
void livy_tail_init(struct livy_tail *t, size_t lines, struct buf *out);
void livy_tail_add(void *tail, const char *line, size_t len);

#endif

#include "config.h"

#include "kept.h"

#include "buf.h"
#include "cache.h"
#include "conf.h"
#include "err.h"
#include "gw.h"
#include "jv.h"
#include "num.h"

#define TAIL_LINES 10		/* as many as a view shows */
#define TAIL_LINE_BYTES 1024
#define TAIL_BYTES 6144		/* of an annotation: views are made of it */
#define LINES_MAX 2000

void
kept_name(char ret[KUBE_NAME_MAX + 1], const char *object)
{
	snprintf(ret, KUBE_NAME_MAX + 1, "%s-log", object);
}

static bool
read_number(json_object *data, const char *key, int64_t max, int64_t *ret)
{
	const char *text = jv_text(jv_member(data, key));

	return text && num_int(text, 0, max, ret);
}

bool
kept_read(json_object *map, uint32_t run, int64_t *ret_first,
    int64_t *ret_total, void (*on_line)(void *arg, const char *, size_t),
    void *arg, struct err *err)
{
	AUTO_JSON json_object *lines = NULL;
	json_object *data = jv_get(map, "data"), *line;
	const char *text = jv_text(jv_member(data, "log"));
	int64_t of;
	size_t n;

	if (!text || !read_number(data, "run", UINT32_MAX, &of) ||
	    !read_number(data, "first", INT32_MAX, ret_first) ||
	    !read_number(data, "total", INT32_MAX, ret_total) ||
	    !jv_parse(text, strlen(text), JV_DEPTH_KUBE, &lines, err) ||
	    !json_object_is_type(lines, json_type_array))
		return err_set(err, 500, "what is kept of the driver's log "
		    "cannot be read");
	n = json_object_array_length(lines);
	if (run && of != (int64_t)run)
		return err_set(err, 503, "what is kept is the log of another "
		    "run of the driver");
	if (*ret_first + (int64_t)n != *ret_total)
		return err_set(err, 500, "what is kept of the driver's log "
		    "does not add up");
	for (size_t i = 0; i < n; i++) {
		line = json_object_array_get_idx(lines, i);
		if (json_object_is_type(line, json_type_string))
			on_line(arg, json_object_get_string(line),
			    (size_t)json_object_get_string_len(line));
		else
			on_line(arg, "", 0);
	}
	return true;
}

/* Lines as JSON strings with commas between, and where each begins. */
struct literals {
	struct buf text;
	size_t at[LINES_MAX + 1];
	size_t count;
	size_t cut;	/* longest line */
};

static void
add_literal(void *arg, const char *line, size_t len)
{
	struct literals *l = arg;

	if (l->count == LINES_MAX)
		return;
	if (len > l->cut) {
		len = l->cut;
		while (len > 0 && ((unsigned char)line[len] & 0xc0) == 0x80)
			len--;
	}
	if (l->count > 0)
		buf_addch(&l->text, ',');
	l->at[l->count++] = l->text.len;
	jv_add_strn(&l->text, line, len);
}

/*
 * The last lines that are few and short enough, as one JSON array; returns
 * the number of the first.
 */
static int64_t
last_lines(const struct tail_copy *c, int64_t max, size_t cut, size_t bytes,
    struct buf *out)
{
	struct literals *l = mem_alloc(sizeof *l);
	int64_t count = c ? c->span.count : 0;
	size_t i = 0;

	/* a literal is six times its line at most */
	buf_init(&l->text, (size_t)max * (6 * cut + 3));
	l->cut = cut;
	if (max > LINES_MAX)
		max = LINES_MAX;
	if (c)
		tail_copy_each(c, count - max, count, add_literal, l);
	while (i < l->count && l->text.len - l->at[i] > bytes)
		i++;
	buf_addch(out, '[');
	if (i < l->count)
		buf_add(out, l->text.data + l->at[i],
		    l->text.len - l->at[i]);
	buf_addch(out, ']');
	count -= (int64_t)(l->count - i);
	buf_release(&l->text);
	free(l);
	return count;
}

static int64_t
total_of(const struct kept_log *k)
{
	return k->lines ? k->lines->span.count : 0;
}

static void
set_number(json_object *o, const char *key, int64_t n)
{
	char text[24];

	snprintf(text, sizeof text, "%lld", (long long)n);
	jv_set_str(o, key, text);
}

/* For who reads it with kubectl. */
static void
add_story(json_object *data, const struct cache_view *v)
{
	const struct {
		const char *key, *text;
	} rows[] = {
		{ "state", livy_state_word(v->app.state) },
		{ "phase", app_phase_word(v->app.phase) },
		{ "driver", v->text.pod_reason },
		{ "error", v->text.error },
		{ "failed", v->text.failed },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].text && *rows[i].text)
			jv_set_str(data, rows[i].key, rows[i].text);
	if (v->app.exit_code >= 0)
		set_number(data, "exitCode", v->app.exit_code);
}

json_object *
kept_map(const struct conf *conf, const struct kept_log *k)
{
	AUTO_BUF struct buf log = BUF_INIT(KEPT_BYTES_MAX + 16);
	const struct cache_view *v = k->view;
	char name[KUBE_NAME_MAX + 1], id[16];
	json_object *data = json_object_new_object(), *map, *meta;

	kept_name(name, v->text.object);
	map = gw_object(conf, "v1", "ConfigMap", name, "");
	meta = jv_member(map, "metadata");
	snprintf(id, sizeof id, "%d", (int)v->app.id);
	jv_set_str(jv_member(meta, "labels"), LABEL_KIND,
	    app_kind_word(v->app.kind));
	jv_set_str(jv_member(meta, "labels"), LABEL_ID, id);
	gw_set_owner(map, v->text.object, v->app.uid);
	set_number(data, "run", v->app.pod_run);
	set_number(data, "first", last_lines(k->lines, k->max, TAIL_LINE_MAX,
	    KEPT_BYTES_MAX, &log));
	set_number(data, "total", total_of(k));
	jv_set_str(data, "log", log.data);
	add_story(data, v);
	json_object_object_add(map, "data", data);
	return map;
}

json_object *
kept_notes(const struct kept_log *k)
{
	AUTO_BUF struct buf tail = BUF_INIT(TAIL_BYTES + 16);
	const struct app *app = &k->view->app;
	json_object *o = json_object_new_object();
	json_object *meta = json_object_new_object();
	json_object *notes = json_object_new_object();
	char log[96];
	int64_t first = last_lines(k->lines, TAIL_LINES, TAIL_LINE_BYTES,
	    TAIL_BYTES, &tail);

	snprintf(log, sizeof log, "%u %lld %lld %d", (unsigned)app->pod_run,
	    (long long)first, (long long)total_of(k), (int)app->exit_code);
	jv_set_str(notes, ANNOTATION_LOG, log);
	jv_set_str(notes, ANNOTATION_TAIL, tail.data);
	jv_set_str(notes, ANNOTATION_DRIVER, k->view->text.pod_reason);
	jv_set_str(meta, "uid", app->uid);
	json_object_object_add(meta, "annotations", notes);
	json_object_object_add(o, "metadata", meta);
	return o;
}

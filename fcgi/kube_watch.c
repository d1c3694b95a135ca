#include "config.h"

#include "kube_watch.h"

#include "err.h"
#include "jv.h"

static const struct {
	const char *word;
	enum watch_type type;
} types[] = {
	{ "ADDED", WATCH_ADDED },
	{ "MODIFIED", WATCH_MODIFIED },
	{ "DELETED", WATCH_DELETED },
	{ "BOOKMARK", WATCH_BOOKMARK },
	{ "ERROR", WATCH_ERROR },
};

void
watch_split_init(struct watch_split *w, size_t line_limit,
    bool (*on_event)(void *, const struct watch_event *), void *arg)
{
	buf_init(&w->line, line_limit);
	w->on_event = on_event;
	w->arg = arg;
}

void
watch_split_release(struct watch_split *w)
{
	buf_release(&w->line);
}

static bool
type_parse(const char *word, enum watch_type *ret)
{
	for (size_t i = 0; word && i < ARRAY_LEN(types); i++)
		if (strcmp(types[i].word, word) == 0) {
			*ret = types[i].type;
			return true;
		}
	return false;
}

static bool
event(struct watch_split *w, const char *line, size_t len, struct err *err)
{
	AUTO_JSON json_object *tree = NULL;
	struct watch_event ev = { 0 };
	const char *rv;

	if (!jv_parse(line, len, JV_DEPTH_KUBE, &tree, err))
		return err_wrap(err, "a watch event is no JSON");
	if (!type_parse(jv_str(tree, "type"), &ev.type))
		return err_set(err, 500, "a watch event has no known type");
	ev.object = jv_member(tree, "object");
	if (!json_object_is_type(ev.object, json_type_object))
		return err_set(err, 500, "a watch event has no object");
	rv = jv_str(ev.object, "metadata.resourceVersion");
	if (ev.type == WATCH_ERROR)
		ev.code = jv_int(ev.object, "code", 0);
	else if (!rv || !*rv)
		return err_set(err, 500,
		    "a watch event has no resourceVersion");
	ev.rv = rv && ev.type != WATCH_ERROR ? rv : "";
	if (!w->on_event(w->arg, &ev))
		return err_set(err, 500, "the reader of the watch stopped it");
	return true;
}

bool
watch_split_feed(struct watch_split *w, const char *data, size_t len,
    struct err *err)
{
	const char *nl;
	size_t n;
	bool good;

	while ((nl = memchr(data, '\n', len)) != NULL) {
		n = (size_t)(nl - data);
		buf_add(&w->line, data, n);
		if (!buf_ok(&w->line))
			break;
		good = w->line.len == 0 ||
		    event(w, w->line.data, w->line.len, err);
		buf_clear(&w->line);
		if (!good)
			return false;
		data += n + 1;
		len -= n + 1;
	}
	buf_add(&w->line, data, len);
	if (!buf_ok(&w->line))
		return err_set(err, 500,
		    "a watch event is longer than %zu bytes", w->line.limit);
	return true;
}

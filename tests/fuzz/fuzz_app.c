#include "config.h"

#include <assert.h>

#include "buf.h"
#include "err.h"
#include "fuzz.h"
#include "jv.h"
#include "livy.h"

static void
on_line(void *arg, const char *line, size_t len)
{
	size_t *lines = arg;

	assert(!memchr(line, '\n', len));
	(*lines)++;
}

/* A view is JSON, and so is a line of its story. */
static void
check_view(const struct app *app, const struct app_text *text)
{
	AUTO_BUF struct buf head = BUF_INIT(1 << 20), mid = BUF_INIT(1 << 20),
	    log = BUF_INIT(1 << 20), tail = BUF_INIT(1 << 20);
	struct livy_view view = { &head, &mid, &log, &tail };
	size_t lines = 0;

	livy_render(fuzz_conf(), app, text, &view);
	buf_addstr(&head, livy_state_word(app->state));
	buf_add(&head, mid.data, mid.len);
	buf_add(&head, log.data, log.len);
	buf_add(&head, tail.data, tail.len);
	assert(buf_ok(&head) && fuzz_is_json(head.data, head.len));
	livy_story(app, text, on_line, &lines);
}

static void
read_back(json_object *obj, json_object *pod)
{
	struct app_text text;
	struct app app;
	struct err err = ERR_INIT;
	char reason[512];

	if (!livy_app(obj, "livy", &app, &text, &err)) {
		assert(err.status && err.msg[0]);
		return;
	}
	assert(app.id >= 0 && app.uid[0] && text.object && text.ns);
	if (pod)
		livy_pod(pod, &app, &text, reason);
	check_view(&app, &text);
}

/* An application as the API server gives it, a NUL, and its driver pod. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const char *nul = size ? memchr(text, 0, size) : NULL;
	size_t len = nul ? (size_t)(nul - text) : size;
	AUTO_JSON json_object *obj = NULL;
	AUTO_JSON json_object *pod = NULL;
	struct err err = ERR_INIT;

	if (!jv_parse(text, len, JV_DEPTH_KUBE, &obj, &err))
		return 0;
	if (nul && !jv_parse(nul + 1, size - len - 1, JV_DEPTH_KUBE, &pod,
	    &err))
		return 0;
	read_back(obj, pod);
	return 0;
}

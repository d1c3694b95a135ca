#include "config.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "buf.h"
#include "conf.h"
#include "err.h"
#include "jv.h"
#include "livy.h"

static json_object *
load(const char *path)
{
	AUTO_BUF struct buf text = BUF_INIT(1 << 20);
	json_object *o = NULL;
	struct err err = ERR_INIT;
	FILE *f = fopen(path, "r");
	char piece[4096];
	size_t n;

	assert_non_null(f);
	while ((n = fread(piece, 1, sizeof piece, f)) > 0)
		buf_add(&text, piece, n);
	fclose(f);
	if (!jv_parse(text.data, text.len, JV_DEPTH_KUBE, &o, &err))
		fail_msg("%s: %s", path, err.msg);
	return o;
}

static void
add_line(void *arg, const char *line, size_t len)
{
	json_object_array_add(arg, json_object_new_string_len(line, (int)len));
}

static void
assert_story(const char *path, json_object *expect, const struct app *app,
    const struct app_text *text)
{
	AUTO_JSON json_object *story = json_object_new_array();

	livy_story(app, text, add_line, story);
	if (strcmp(jv_print(story), jv_print(jv_get(expect, "story"))) != 0)
		fail_msg("%s: story is %s", path, jv_print(story));
}

static void
assert_view(const char *path, json_object *golden, const struct app *app,
    const struct app_text *text)
{
	AUTO_BUF struct buf head = BUF_INIT(65536), mid = BUF_INIT(65536),
	    log = BUF_INIT(65536), tail = BUF_INIT(65536);
	struct livy_view view = { &head, &mid, &log, &tail };
	struct conf conf = { 0 };
	const struct {
		const char *path;
		char **field;
	} urls[] = {
		{ "conf.ui_url", &conf.ui_url },
		{ "conf.log_url", &conf.log_url },
		{ "conf.ended_ui_url", &conf.ended_ui_url },
		{ "conf.ended_log_url", &conf.ended_log_url },
		{ "conf.executor_log_urls", &conf.executor_log_urls },
	};

	for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
		const char *url = jv_str(golden, urls[i].path);

		memcpy(urls[i].field, &url, sizeof url);
	}
	livy_render(&conf, app, text, &view);
	buf_addstr(&head, livy_state_word(app->state));
	buf_add(&head, mid.data, mid.len);
	buf_add(&head, log.data, log.len);
	buf_add(&head, tail.data, tail.len);
	if (strcmp(head.data, jv_print(jv_get(golden, "expect.view"))) != 0)
		fail_msg("%s: view is %s", path, head.data);
}

static void
check_golden(const char *path)
{
	AUTO_JSON json_object *golden = load(path);
	json_object *pod = jv_get(golden, "pod");
	json_object *expect = jv_get(golden, "expect");
	struct app_text text;
	struct app app;
	struct err err = ERR_INIT;
	char reason[512];

	if (!livy_app(jv_get(golden, "app"), "gw", &app, &text, &err))
		fail_msg("%s: %s", path, err.msg);
	if (pod)
		livy_pod(pod, &app, &text, reason);
	assert_view(path, golden, &app, &text);
	assert_story(path, expect, &app, &text);
	if (app.exit_code != jv_int(expect, "exit_code", -2))
		fail_msg("%s: exit code is %d", path, (int)app.exit_code);
	if (strcmp(app.pod_ip, jv_str(expect, "pod_ip")) != 0)
		fail_msg("%s: pod ip is '%s'", path, app.pod_ip);
}

/* What the real operator did, and what a Livy client is to see of it. */
static void
every_golden_application_is_shown_as_recorded(void **state UNUSED)
{
	const char *top = getenv("top_srcdir");
	char pattern[1024];
	glob_t found;

	snprintf(pattern, sizeof pattern, "%s/tests/golden/livy/*.json",
	    top ? top : ".");
	assert_int_equal(glob(pattern, 0, NULL, &found), 0);
	assert_true(found.gl_pathc >= 50);
	for (size_t i = 0; i < found.gl_pathc; i++)
		check_golden(found.gl_pathv[i]);
	globfree(&found);
}

/* An application with one thing replaced, "" = as it should be. */
static bool
is_read(const char *name, const char *gateway, const char *kind,
    const char *schema, struct app *ret, struct err *err)
{
	AUTO_JSON json_object *o = NULL;
	AUTO_BUF struct buf b = BUF_INIT(4096);
	struct app_text text;

	buf_addf(&b, "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"ns\","
	    "\"uid\":\"u-1\",\"creationTimestamp\":\"2026-11-22T18:34:39Z\","
	    "\"labels\":{\"" LABEL_GATEWAY "\":\"%s\",\"" LABEL_KIND "\":"
	    "\"%s\"},\"annotations\":{\"" ANNOTATION_SCHEMA "\":\"%s\"}}}",
	    name, gateway, kind, schema);
	assert_true(jv_parse(b.data, b.len, JV_DEPTH_KUBE, &o, err));
	return livy_app(o, "gw", ret, &text, err);
}

static void
what_is_not_ours_is_refused(void **state UNUSED)
{
	struct app app;
	struct err err = ERR_INIT;

	assert_true(is_read("livy-gw-b-5", "gw", "batch", "1", &app, &err));
	assert_int_equal(app.id, 5);
	assert_int_equal(app.created_ms, 1795372479000);
	assert_true(is_read("livy-gw-s-5", "gw", "session", "1", &app, &err));
	assert_int_equal(app.kind, APP_SESSION);

	assert_false(is_read("livy-gw-b-5", "gw2", "batch", "1", &app, &err));
	assert_false(is_read("livy-gw-b-5", "gw", "session", "1", &app, &err));
	assert_false(is_read("livy-gw-b-x", "gw", "batch", "1", &app, &err));
	assert_false(is_read("pi", "gw", "batch", "1", &app, &err));
	assert_false(is_read("livy-gw-b-5", "gw", "batch", "2", &app, &err));
	assert_false(is_read("livy-gw-b-5", "gw", "batch", "x", &app, &err));
}

static void
an_object_of_another_shape_is_refused(void **state UNUSED)
{
	static const char *const texts[] = {
		"{}", "{\"metadata\":[]}", "{\"metadata\":{\"labels\":5}}",
		"{\"metadata\":{\"name\":\"livy-gw-b-1\",\"labels\":{\""
		LABEL_GATEWAY "\":\"gw\",\"" LABEL_KIND "\":\"batch\"}}}",
	};
	struct err err = ERR_INIT;
	struct app_text text;
	struct app app;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		AUTO_JSON json_object *o = NULL;

		assert_true(jv_parse(texts[i], strlen(texts[i]),
		    JV_DEPTH_KUBE, &o, &err));
		assert_false(livy_app(o, "gw", &app, &text, &err));
	}
}

static void
a_pod_of_another_shape_tells_nothing(void **state UNUSED)
{
	static const char *const texts[] = {
		"{}", "{\"metadata\":{\"name\":\"p\"},\"status\":7}",
		"{\"metadata\":{\"name\":\"p\"},\"status\":{"
		"\"containerStatuses\":[null,4],\"conditions\":{},"
		"\"podIP\":\"an address that is much longer than any of IPv6 "
		"can be\"}}",
	};
	struct err err = ERR_INIT;
	char reason[512];

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		AUTO_JSON json_object *o = NULL;
		struct app app = { .exit_code = -1 };
		struct app_text text = { 0 };

		assert_true(jv_parse(texts[i], strlen(texts[i]),
		    JV_DEPTH_KUBE, &o, &err));
		livy_pod(o, &app, &text, reason);
		assert_false(app.pod_started);
		assert_int_equal(app.exit_code, -1);
		assert_string_equal(app.pod_ip, "");
		assert_null(text.pod_reason);
	}
}

static void
a_long_reason_is_cut_at_a_character(void **state UNUSED)
{
	AUTO_JSON json_object *o = NULL;
	AUTO_BUF struct buf b = BUF_INIT(4096);
	struct app app = { .exit_code = -1 };
	struct app_text text = { 0 };
	struct err err = ERR_INIT;
	char reason[512];

	buf_addstr(&b, "{\"metadata\":{\"name\":\"p\"},\"status\":{\"container"
	    "Statuses\":[{\"state\":{\"waiting\":{\"reason\":\"Reason!\","
	    "\"message\":\"");
	for (int i = 0; i < 300; i++)
		buf_addstr(&b, "\xc3\xa9");
	buf_addstr(&b, "\"}}}]}}");
	assert_true(jv_parse(b.data, b.len, JV_DEPTH_KUBE, &o, &err));
	livy_pod(o, &app, &text, reason);

	assert_in_range(strlen(text.pod_reason), 9 + 2 * 249, 511);
	assert_int_equal((strlen(text.pod_reason) - 9) % 2, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_golden_application_is_shown_as_recorded),
		cmocka_unit_test(what_is_not_ours_is_refused),
		cmocka_unit_test(an_object_of_another_shape_is_refused),
		cmocka_unit_test(a_pod_of_another_shape_tells_nothing),
		cmocka_unit_test(a_long_reason_is_cut_at_a_character),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

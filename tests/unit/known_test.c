#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "buf.h"
#include "err.h"
#include "jv.h"
#include "known.h"

#define MAX 8

/* What was told: "5:RUNNING pod 10.0.0.1 ImagePullBackOff;" "-5;". */
struct fixture {
	struct known *known;
	struct buf told;
};

static void
on_change(void *arg, const struct app *app, const struct app_text *text)
{
	struct buf *told = &((struct fixture *)arg)->told;

	buf_addf(told, "%d:%s %s", (int)app->id, app_phase_word(app->phase),
	    text->name ? text->name : "");
	if (app->pod_seen)
		buf_addf(told, " %s", text->pod);
	if (app->pod_ip[0])
		buf_addf(told, " %s", app->pod_ip);
	if (text->pod_reason)
		buf_addf(told, " %s", text->pod_reason);
	if (app->exit_code >= 0)
		buf_addf(told, " exit %d", (int)app->exit_code);
	if (app->app_id[0])
		buf_addf(told, " %s", app->app_id);
	buf_addstr(told, ";");
}

static void
on_gone(void *arg, enum app_kind kind UNUSED, int32_t id)
{
	buf_addf(&((struct fixture *)arg)->told, "-%d;", (int)id);
}

static int
setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof *f);
	struct known_listener to = { on_change, on_gone, f };

	buf_init(&f->told, 65536);
	f->known = known_new("gw", MAX, &to);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	known_free(f->known);
	buf_release(&f->told);
	free(f);
	return 0;
}

static json_object *
object(const char *text)
{
	json_object *o = NULL;
	struct err err = ERR_INIT;

	assert_true(jv_parse(text, strlen(text), JV_DEPTH_KUBE, &o, &err));
	return o;
}

/* more: further members of metadata, each with a comma before it. */
static json_object *
app_object(int id, const char *ns, const char *uid, const char *state,
    const char *more)
{
	AUTO_BUF struct buf b = BUF_INIT(4096);

	buf_addf(&b, "{\"metadata\":{\"name\":\"livy-gw-b-%d\",\"namespace\":"
	    "\"%s\",\"uid\":\"%s\",\"labels\":{\"" LABEL_GATEWAY "\":\"gw\",\""
	    LABEL_KIND "\":\"batch\"},\"annotations\":{\"" ANNOTATION_NAME
	    "\":\"n%d\"}%s},\"status\":{\"applicationState\":{\"state\":\"%s\""
	    "}}}", id, ns, uid, id, more, state);
	return object(b.data);
}

static json_object *
pod_object(int id, const char *ns, const char *uid, const char *status)
{
	AUTO_BUF struct buf b = BUF_INIT(4096);

	buf_addf(&b, "{\"metadata\":{\"name\":\"pod-%d\",\"namespace\":\"%s\","
	    "\"uid\":\"%s\",\"labels\":{\"" POD_APP_LABEL "\":\"livy-gw-b-%d\""
	    ",\"spark-app-selector\":\"spark-%d\"}},\"status\":%s}", id, ns,
	    uid, id, id, status);
	return object(b.data);
}

static bool
put_app(struct fixture *f, int id, const char *ns, const char *state,
    uint32_t mark)
{
	AUTO_JSON json_object *o = app_object(id, ns, "u-1", state, "");
	struct err err = ERR_INIT;

	return known_app(f->known, o, mark, &err);
}

static bool
put_pod(struct fixture *f, int id, const char *uid, const char *status,
    uint32_t mark)
{
	AUTO_JSON json_object *o = pod_object(id, "ns", uid, status);
	struct err err = ERR_INIT;

	return known_pod(f->known, o, mark, &err);
}

static void
assert_told(struct fixture *f, const char *want)
{
	assert_string_equal(f->told.data, want);
	buf_clear(&f->told);
}

#define RUNNING "{\"podIP\":\"10.0.0.1\",\"containerStatuses\":[{\"name\":" \
	"\"spark-kubernetes-driver\",\"state\":{\"running\":{}}}]}"
#define ENDED "{\"podIP\":\"10.0.0.1\",\"containerStatuses\":[{\"name\":" \
	"\"spark-kubernetes-driver\",\"state\":{\"terminated\":{\"exitCode\":3" \
	",\"reason\":\"Error\"}}}]}"

static void
an_application_and_its_pod_are_joined_in_either_order(void **state)
{
	struct fixture *f = *state;

	assert_true(put_app(f, 1, "ns", "SUBMITTED", 0));
	assert_told(f, "1:SUBMITTED n1;");
	assert_true(put_pod(f, 1, "p-1", RUNNING, 0));
	assert_told(f, "1:SUBMITTED n1 pod-1 10.0.0.1 spark-1;");
	assert_true(put_app(f, 1, "ns", "RUNNING", 0));
	assert_told(f, "1:RUNNING n1 pod-1 10.0.0.1 spark-1;");

	assert_true(put_pod(f, 2, "p-2", RUNNING, 0));
	assert_told(f, "");
	assert_false(known_has(f->known, APP_BATCH, 2));
	assert_true(put_app(f, 2, "ns", "RUNNING", 0));
	assert_told(f, "2:RUNNING n2 pod-2 10.0.0.1 spark-2;");
	assert_int_equal(known_count(f->known), 2);
}

static void
pods_of_another_namespace_keep_no_application_out(void **state)
{
	struct fixture *f = *state;
	AUTO_JSON json_object *stray = pod_object(1, "other", "p-0", RUNNING);
	struct err err = ERR_INIT;

	assert_true(known_pod(f->known, stray, 0, &err));
	assert_true(put_app(f, 1, "ns", "SUBMITTED", 0));
	assert_told(f, "1:SUBMITTED n1;");
	assert_false(known_pod(f->known, stray, 0, &err));
	known_pod_gone(f->known, stray);
	assert_told(f, "");
	assert_true(put_pod(f, 1, "p-1", RUNNING, 0));
	assert_told(f, "1:SUBMITTED n1 pod-1 10.0.0.1 spark-1;");
}

static void
what_a_pod_told_of_its_end_outlives_it(void **state)
{
	struct fixture *f = *state;
	AUTO_JSON json_object *old = pod_object(1, "ns", "p-0", ENDED);
	AUTO_JSON json_object *pod = pod_object(1, "ns", "p-1", ENDED);

	assert_true(put_app(f, 1, "ns", "FAILING", 0));
	assert_true(put_pod(f, 1, "p-1", ENDED, 0));
	assert_told(f, "1:FAILING n1;1:FAILING n1 pod-1 10.0.0.1 "
	    "ExitCode: 3, Reason: Error exit 3 spark-1;");

	known_pod_gone(f->known, old);	/* of an earlier run: not this one */
	assert_told(f, "");
	known_pod_gone(f->known, pod);
	assert_told(f, "1:FAILING n1 ExitCode: 3, Reason: Error exit 3 "
	    "spark-1;");
	assert_true(put_app(f, 1, "ns", "FAILED", 0));
	assert_told(f, "1:FAILED n1 ExitCode: 3, Reason: Error exit 3 "
	    "spark-1;");
	/* it is nothing to another run */
	assert_true(put_app(f, 1, "ns", "PENDING_RERUN", 0));
	assert_told(f, "1:PENDING_RERUN n1;");
}

static void
the_end_of_an_application_is_told_once(void **state)
{
	struct fixture *f = *state;
	AUTO_JSON json_object *other = app_object(1, "ns", "u-0", "", "");
	AUTO_JSON json_object *app = app_object(1, "ns", "u-1", "", "");
	AUTO_JSON json_object *dying = app_object(2, "ns", "u-1", "RUNNING",
	    ",\"deletionTimestamp\":\"2026-11-22T18:34:39Z\"");
	struct err err = ERR_INIT;

	assert_true(put_app(f, 1, "ns", "", 0));
	assert_true(put_app(f, 2, "ns", "RUNNING", 0));
	assert_told(f, "1: n1;2:RUNNING n2;");
	known_app_gone(f->known, other);
	assert_told(f, "");
	known_app_gone(f->known, app);
	assert_told(f, "-1;");
	assert_true(known_app(f->known, dying, 0, &err));
	assert_told(f, "-2;");
	assert_int_equal(known_count(f->known), 0);
}

static void
an_end_whose_beginning_was_missed_is_told_too(void **state)
{
	struct fixture *f = *state;
	AUTO_JSON json_object *app = app_object(7, "ns", "u-1", "", "");

	known_app_gone(f->known, app);

	assert_told(f, "-7;");
}

static void
a_list_takes_away_what_it_lacks_in_its_namespace(void **state)
{
	struct fixture *f = *state;
	uint32_t mark;

	assert_true(put_app(f, 1, "ns", "", 0));
	assert_true(put_app(f, 2, "ns", "", 0));
	assert_true(put_app(f, 3, "other", "", 0));
	buf_clear(&f->told);
	mark = known_mark(f->known);
	assert_true(put_app(f, 2, "ns", "RUNNING", mark));
	known_sweep_apps(f->known, "ns", mark);
	assert_told(f, "2:RUNNING n2;-1;");

	known_sweep_apps(f->known, NULL, mark);
	assert_told(f, "-3;");
	assert_true(known_has(f->known, APP_BATCH, 2));
}

static void
a_list_of_pods_takes_away_pods_only(void **state)
{
	struct fixture *f = *state;

	assert_true(put_app(f, 1, "ns", "RUNNING", 0));
	assert_true(put_pod(f, 1, "p-1", RUNNING, 0));
	assert_true(put_pod(f, 2, "p-2", RUNNING, 0));
	buf_clear(&f->told);
	known_sweep_pods(f->known, "ns", known_mark(f->known));

	assert_told(f, "1:RUNNING n1 spark-1;");
	assert_true(put_app(f, 2, "ns", "RUNNING", 0));
	assert_told(f, "2:RUNNING n2;");
}

static void
there_is_a_bound_that_ends_make_room_under(void **state)
{
	struct fixture *f = *state;
	AUTO_JSON json_object *app = app_object(1, "ns", "u-1", "", "");

	for (int id = 0; id < MAX; id++)
		assert_true(put_app(f, id, "ns", "", 0));
	assert_false(put_app(f, MAX, "ns", "", 0));
	assert_false(put_pod(f, MAX, "p", RUNNING, 0));

	known_app_gone(f->known, app);
	assert_true(put_app(f, MAX, "ns", "", 0));
}

static void
a_namesake_in_another_namespace_is_passed_over(void **state)
{
	struct fixture *f = *state;

	assert_true(put_app(f, 1, "ns", "", 0));
	assert_false(put_app(f, 1, "other", "RUNNING", 0));
	assert_told(f, "1: n1;");
}

static void
what_is_known_can_be_told_again(void **state)
{
	struct fixture *f = *state;

	assert_true(put_app(f, 1, "ns", "RUNNING", 0));
	buf_clear(&f->told);
	known_repeat(f->known, APP_BATCH, 1);
	known_repeat(f->known, APP_BATCH, 2);
	known_repeat(f->known, APP_SESSION, 1);

	assert_told(f, "1:RUNNING n1;");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_application_and_its_pod_are_joined_in_either_order),
		TEST(pods_of_another_namespace_keep_no_application_out),
		TEST(what_a_pod_told_of_its_end_outlives_it),
		TEST(the_end_of_an_application_is_told_once),
		TEST(an_end_whose_beginning_was_missed_is_told_too),
		TEST(a_list_takes_away_what_it_lacks_in_its_namespace),
		TEST(a_list_of_pods_takes_away_pods_only),
		TEST(there_is_a_bound_that_ends_make_room_under),
		TEST(a_namesake_in_another_namespace_is_passed_over),
		TEST(what_is_known_can_be_told_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

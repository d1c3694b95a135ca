#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "buf.h"
#include "err.h"
#include "jv.h"
#include "kube_watch.h"
#include "localspark_app.h"
#include "localspark_pod.h"
#include "localspark_watch.h"

#define META "\"metadata\":{\"name\":\"pi\",\"namespace\":\"n\"," \
	"\"uid\":\"u-1\",\"labels\":{\"livy-fcgi/id\":\"4\"}}"
#define PY "\"mainApplicationFile\":\"local:///x.py\",\"image\":\"spark:3\"," \
	"\"sparkVersion\":\"3.5.9\""

static const struct submission sub = {
	"11111111-2222-4333-8444-555555555555",
	"spark-0123456789abcdef0123456789abcdef" };

static json_object *
parse(const char *text)
{
	json_object *o = NULL;
	struct err err = ERR_INIT;

	if (!jv_parse(text, strlen(text), JV_DEPTH_KUBE, &o, &err))
		fail_msg("%s in %s", err.msg, text);
	return o;
}

/* The pod of an application with this spec; NULL and err if refused. */
static json_object *
pod_of(const char *spec, struct err *err)
{
	AUTO_BUF struct buf text = BUF_INIT(65536);
	AUTO_JSON json_object *app = NULL;
	json_object *pod = NULL;

	buf_addf(&text, "{%s,\"spec\":{%s}}", META, spec);
	app = parse(text.data);
	return driver_pod(app, &sub, &pod, err) ? pod : NULL;
}

static json_object *
container(json_object *pod, size_t i)
{
	return json_object_array_get_idx(jv_get(pod, "spec.containers"), i);
}

static const char *
args_of(json_object *pod)
{
	return jv_print(jv_get(container(pod, 0), "args"));
}

static const char *
label(json_object *pod, const char *key)
{
	return jv_text(jv_member(jv_get(pod, "metadata.labels"), key));
}

static void
the_pod_is_what_spark_submit_makes(void **state UNUSED)
{
	struct err err = ERR_INIT;
	AUTO_JSON json_object *pod = pod_of(PY ",\"arguments\":[\"10\"],"
	    "\"driver\":{\"cores\":1,\"memory\":\"512m\","
	    "\"serviceAccount\":\"spark\"},\"executor\":{\"cores\":2}", &err);
	json_object *owner = json_object_array_get_idx(
	    jv_get(pod, "metadata.ownerReferences"), 0);

	assert_string_equal(jv_str(pod, "metadata.name"), "pi-driver");
	assert_string_equal(jv_str(pod, "metadata.namespace"), "n");
	assert_string_equal(jv_str(owner, "uid"), "u-1");
	assert_true(jv_bool(owner, "controller", false));
	assert_string_equal(label(pod, "livy-fcgi/id"), "4");
	assert_string_equal(label(pod, "spark-role"), "driver");
	assert_string_equal(label(pod, "spark-version"), "3.5.9");
	assert_string_equal(label(pod, "spark-app-selector"), sub.app_id);
	assert_string_equal(label(pod, LABEL_SUBMISSION), sub.id);
	assert_string_equal(label(pod, LABEL_APP_NAME), "pi");
	assert_string_equal(label(pod, LABEL_LAUNCHED), "true");
	assert_string_equal(jv_str(pod, "spec.restartPolicy"), "Never");
	assert_string_equal(jv_str(pod, "spec.serviceAccountName"), "spark");
	assert_string_equal(jv_str(container(pod, 0), "name"),
	    SPARK_CONTAINER);
	assert_string_equal(args_of(pod), "[\"driver\","
	    "\"--conf\",\"spark.master=local[*]\","
	    "\"--conf\",\"spark.app.name=pi\","
	    "\"--conf\",\"spark.driver.cores=1\","
	    "\"--conf\",\"spark.driver.memory=512m\","
	    "\"--conf\",\"spark.executor.cores=2\","
	    "\"local:///x.py\",\"10\"]");
	assert_string_equal(jv_print(jv_get(container(pod, 0), "resources")),
	    "{\"limits\":{\"memory\":\"896Mi\"},"
	    "\"requests\":{\"memory\":\"896Mi\",\"cpu\":\"1\"}}");
}

static void
a_jvm_application_has_its_class_and_dependencies(void **state UNUSED)
{
	struct err err = ERR_INIT;
	AUTO_JSON json_object *pod = pod_of("\"image\":\"i\","
	    "\"mainApplicationFile\":\"local:///a.jar\",\"mainClass\":\"A\","
	    "\"proxyUser\":\"ann\",\"deps\":{\"jars\":[\"x.jar\",\"y.jar\"],"
	    "\"files\":[]},\"driver\":{\"memory\":\"4g\"}", &err);

	assert_non_null(strstr(args_of(pod),
	    "[\"driver\",\"--proxy-user\",\"ann\",\"--conf\""));
	assert_non_null(strstr(args_of(pod), "\"--jars\",\"x.jar,y.jar\","
	    "\"--class\",\"A\",\"local:///a.jar\"]"));
	/* 0.1 of 4096, over the least of 384 */
	assert_string_equal(jv_str(container(pod, 0),
	    "resources.limits.memory"), "4505Mi");
}

static void
fields_win_over_conf_and_cluster_keys_are_left_out(void **state UNUSED)
{
	struct err err = ERR_INIT;
	AUTO_JSON json_object *pod = pod_of(PY ",\"driver\":{"
	    "\"memory\":\"1g\"},\"sparkConf\":{\"spark.driver.memory\":\"2g\","
	    "\"spark.master\":\"k8s://x\",\"spark.a.b\":\"c d\","
	    "\"spark.kubernetes.driver.label.team\":\"red\","
	    "\"spark.kubernetes.driverEnv.COLOUR\":\"blue\","
	    "\"spark.dynamicAllocation.enabled\":\"true\","
	    "\"spark.driver.host\":\"h\",\"hive.x\":\"y\"},"
	    "\"hadoopConf\":{\"fs.k\":\"v\"}", &err);

	assert_string_equal(args_of(pod), "[\"driver\","
	    "\"--conf\",\"spark.master=local[*]\","
	    "\"--conf\",\"spark.driver.memory=1g\","
	    "\"--conf\",\"spark.a.b=c d\","
	    "\"--conf\",\"spark.hadoop.fs.k=v\","
	    "\"--conf\",\"spark.app.name=pi\",\"local:///x.py\"]");
	assert_string_equal(label(pod, "team"), "red");
	assert_non_null(strstr(jv_print(jv_get(container(pod, 0), "env")),
	    "{\"name\":\"COLOUR\",\"value\":\"blue\"}"));
}

static void
the_template_is_kept_where_spark_does_not_write(void **state UNUSED)
{
	struct err err = ERR_INIT;
	AUTO_JSON json_object *pod = pod_of(PY ",\"driver\":{"
	    "\"serviceAccount\":\"sa\",\"labels\":{\"l\":\"driver\"},"
	    "\"template\":{\"metadata\":{\"name\":\"other\",\"labels\":{"
	    "\"l\":\"template\",\"t\":\"1\"},\"annotations\":{\"a\":\"b\"}},"
	    "\"spec\":{\"restartPolicy\":\"Always\","
	    "\"enableServiceLinks\":false,\"volumes\":[{\"name\":\"v\"}],"
	    "\"containers\":[{\"name\":\"side\"},{\"name\":\"" SPARK_CONTAINER
	    "\",\"image\":\"mine\",\"env\":[{\"name\":\"SPARK_USER\","
	    "\"value\":\"me\"},{\"name\":\"E\",\"value\":\"1\"}],"
	    "\"volumeMounts\":[{\"name\":\"v\"}]}]}}}", &err);
	json_object *spark = container(pod, 1);

	assert_string_equal(jv_str(pod, "metadata.name"), "pi-driver");
	assert_string_equal(label(pod, "l"), "driver");
	assert_string_equal(label(pod, "t"), "1");
	assert_string_equal(jv_str(pod, "metadata.annotations.a"), "b");
	assert_string_equal(jv_str(pod, "spec.restartPolicy"), "Never");
	assert_false(jv_bool(pod, "spec.enableServiceLinks", true));
	assert_null(jv_get(container(pod, 0), "args"));
	assert_string_equal(jv_str(spark, "image"), "spark:3");
	assert_non_null(jv_get(spark, "volumeMounts"));
	assert_non_null(strstr(jv_print(jv_get(spark, "env")),
	    "[{\"name\":\"SPARK_USER\",\"value\":\"spark\"},"
	    "{\"name\":\"E\",\"value\":\"1\"},"));
}

static const struct {
	const char *spec, *words;
} refusals[] = {
	{ PY ",\"driver\":{\"memory\":\"12q\"}",
	    "NumberFormatException: Size must be specified" },
	{ PY ",\"driver\":{\"memory\":\"1.5g\"}", "byte string: 1.5g" },
	{ PY ",\"driver\":{\"memory\":\"\"}", "NumberFormatException" },
	{ PY ",\"driver\":{\"memory\":\"0\"}", "Driver memory must be" },
	{ PY ",\"driver\":{\"memory\":\"99999999999p\"}",
	    "NumberFormatException" },
	{ PY ",\"driver\":{\"memory\":\"1024p\"}", "too much memory" },
	{ PY ",\"executor\":{\"memory\":\"lots\"}", "byte string: lots" },
	{ PY ",\"memoryOverheadFactor\":\"much\"", "For input string" },
	{ PY ",\"sparkConf\":{\"spark.executor.instances\":\"0\"}",
	    "Number of executors must be a positive number" },
	{ PY ",\"sparkConf\":{\"spark.kubernetes.driver.volumes.nosuchtype."
	    "x.mount.path\":\"/x\"}",
	    "Kubernetes Volume type `nosuchtype` is not supported" },
	{ "\"image\":\"i\",\"mainApplicationFile\":\"local:///a.jar\"",
	    "Cannot load main class from JAR local:///a.jar" },
	{ "\"image\":\"i\"", "Missing application resource" },
	{ "\"mainApplicationFile\":\"x.py\"", "driver container image" },
};

static void
refusals_are_worded_as_spark_submits(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		struct err err = ERR_INIT;
		AUTO_JSON json_object *pod = pod_of(refusals[i].spec, &err);

		if (pod || !strstr(err.msg, refusals[i].words) ||
		    strncmp(err.msg, "Exception in thread", 19) != 0)
			fail_msg("case %zu: %s", i, err.msg);
	}
}

static void
submissions_have_ids_of_their_own(void **state UNUSED)
{
	struct submission a, b;

	submission_new(&a);
	submission_new(&b);

	assert_int_equal(strlen(a.id), 36);
	assert_int_equal(strlen(a.app_id), strlen("spark-") + 32);
	assert_string_not_equal(a.id, b.id);
	assert_string_not_equal(a.app_id, b.app_id);
}

static void
tell(struct records *rs, struct source *src, enum watch_type type,
    const char *text)
{
	AUTO_JSON json_object *object = parse(text);
	struct watch_event ev = { .type = type, .object = object,
		.rv = jv_str(object, "metadata.resourceVersion") };

	assert_true(records_event(rs, src, &ev));
}

#define APP(rv, state) "{\"metadata\":{\"name\":\"a\",\"uid\":\"u\"," \
	"\"resourceVersion\":\"" rv "\"},\"spec\":{\"x\":1}," \
	"\"status\":{\"applicationState\":{\"state\":\"" state "\"}}}"
#define POD(rv, owner) "{\"metadata\":{\"name\":\"a-driver\"," \
	"\"uid\":\"p\",\"resourceVersion\":\"" rv "\",\"labels\":{\"" \
	LABEL_APP_NAME "\":\"a\"},\"ownerReferences\":[{\"uid\":\"" owner \
	"\"}]}}"
#define MARK(mark, rv) "{\"metadata\":{\"resourceVersion\":\"" rv \
	"\",\"annotations\":{\"" mark "\":\"true\"}}}"

/* Records of one namespace with both watches. */
struct world {
	struct records rs;
	struct source sources[2];
};

static void
world_init(struct world *w)
{
	*w = (struct world){ .sources = {
		{ .kind = SOURCE_APPS, .ns = "n" },
		{ .kind = SOURCE_PODS, .ns = "n" } } };
	records_init(&w->rs);
	w->rs.sources = w->sources;
	w->rs.source_count = 2;
}

static void
world_end(struct world *w)
{
	for (struct record *r = w->rs.first; r; r = r->next) {
		record_drop_app(r);
		record_drop_pod(r);
	}
	records_sweep(&w->rs);
	assert_null(w->rs.first);
}

static void
an_old_event_does_not_undo_a_newer_answer(void **state UNUSED)
{
	struct world w;

	world_init(&w);
	tell(&w.rs, &w.sources[0], WATCH_ADDED, APP("5", ""));
	record_take_app(w.rs.first, parse(APP("9", "RUNNING")));
	tell(&w.rs, &w.sources[0], WATCH_MODIFIED, APP("7", "SUBMITTED"));

	assert_int_equal(record_phase(w.rs.first), PHASE_RUNNING);
	assert_false(w.rs.first->spec_changed);
	world_end(&w);
}

static void
a_list_forgets_what_it_does_not_name(void **state UNUSED)
{
	struct world w;

	world_init(&w);
	tell(&w.rs, &w.sources[0], WATCH_ADDED, APP("5", ""));
	tell(&w.rs, &w.sources[1], WATCH_ADDED, POD("6", "u"));
	assert_false(records_pods_known(&w.rs, w.rs.first));
	tell(&w.rs, &w.sources[1], WATCH_BOOKMARK, MARK(WATCH_LIST_BEGIN, "8"));
	tell(&w.rs, &w.sources[1], WATCH_BOOKMARK, MARK(WATCH_LIST_END, "8"));

	assert_true(records_pods_known(&w.rs, w.rs.first));
	assert_null(w.rs.first->pod);
	assert_non_null(w.rs.first->app);
	world_end(&w);
}

static void
a_list_keeps_what_is_newer_than_itself(void **state UNUSED)
{
	struct world w;

	world_init(&w);
	tell(&w.rs, &w.sources[0], WATCH_ADDED, APP("5", ""));
	tell(&w.rs, &w.sources[1], WATCH_BOOKMARK, MARK(WATCH_LIST_BEGIN, "8"));
	record_take_pod(w.rs.first, parse(POD("9", "u")));
	tell(&w.rs, &w.sources[1], WATCH_BOOKMARK, MARK(WATCH_LIST_END, "8"));

	assert_non_null(record_own_pod(w.rs.first));
	world_end(&w);
}

static void
a_deleted_pod_is_gone_but_its_end_is_known(void **state UNUSED)
{
	struct world w;

	world_init(&w);
	tell(&w.rs, &w.sources[0], WATCH_ADDED, APP("5", ""));
	tell(&w.rs, &w.sources[1], WATCH_ADDED, POD("6", "u"));
	assert_null(record_lost_pod(w.rs.first));
	tell(&w.rs, &w.sources[1], WATCH_DELETED, POD("7", "u"));

	assert_null(record_own_pod(w.rs.first));
	assert_non_null(record_lost_pod(w.rs.first));
	tell(&w.rs, &w.sources[1], WATCH_ADDED, POD("8", "u"));
	assert_null(record_lost_pod(w.rs.first));
	assert_non_null(record_own_pod(w.rs.first));
	world_end(&w);
}

static void
a_namesakes_pod_is_not_ours(void **state UNUSED)
{
	struct world w;

	world_init(&w);
	tell(&w.rs, &w.sources[0], WATCH_ADDED, APP("5", ""));
	tell(&w.rs, &w.sources[1], WATCH_ADDED, POD("6", "an-older-uid"));

	assert_non_null(w.rs.first->pod);
	assert_null(record_own_pod(w.rs.first));
	world_end(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_pod_is_what_spark_submit_makes),
		cmocka_unit_test(
		    a_jvm_application_has_its_class_and_dependencies),
		cmocka_unit_test(
		    fields_win_over_conf_and_cluster_keys_are_left_out),
		cmocka_unit_test(
		    the_template_is_kept_where_spark_does_not_write),
		cmocka_unit_test(refusals_are_worded_as_spark_submits),
		cmocka_unit_test(submissions_have_ids_of_their_own),
		cmocka_unit_test(an_old_event_does_not_undo_a_newer_answer),
		cmocka_unit_test(a_list_forgets_what_it_does_not_name),
		cmocka_unit_test(a_list_keeps_what_is_newer_than_itself),
		cmocka_unit_test(a_deleted_pod_is_gone_but_its_end_is_known),
		cmocka_unit_test(a_namesakes_pod_is_not_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

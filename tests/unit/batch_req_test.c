#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "app.h"
#include "batch_req.h"
#include "buf.h"
#include "conf.h"
#include "err.h"
#include "jv.h"
#include "manifest.h"
#include "tmpl.h"
#include "tmpl_err.h"

static char *local_dirs[] = { (char []){ "/livy/files" } };
static char *namespaces[] = { (char []){ "spark" }, (char []){ "other" } };
static char gateway[] = "gw", default_fs[] = "file://", gs[] = "gs://b/";

static struct conf conf = {
	.gateway = gateway, .default_fs = default_fs,
	.local_dirs = { local_dirs, 1 }, .namespaces = { namespaces, 2 },
};

static const char policy[] =
	"policy = { refused_conf = [ \"spark.master\",\n"
	"	\"spark.submit.deployMode\" ]; };\n"
	"application = {\n"
	"  apiVersion = \"sparkoperator.k8s.io/v1beta2\";\n"
	"  kind = \"SparkApplication\";\n"
	"  metadata = { labels = { team = \"a\"; }; };\n"
	"  spec = {\n"
	"    type = \"${type}\"; mainApplicationFile = \"${file}\";\n"
	"    mainClass = \"${className}\"; arguments = \"${args}\";\n"
	"    sparkVersion = \"3.5.0\"; mode = \"cluster\";\n"
	"    driver = { memory = \"${driverMemory}\"; }; executor = {};\n"
	"  };\n"
	"};\n";

static int
load_template(void **state UNUSED)
{
	char path[] = "/tmp/batch_req_test.XXXXXX";
	struct err err = ERR_INIT;
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");

	fputs(policy, f);
	fclose(f);
	if (!read_template(path, &conf.template[APP_BATCH], &err))
		fail_msg("%s", err.msg);
	remove(path);
	return 0;
}

static int
free_template(void **state UNUSED)
{
	tmpl_free(conf.template[APP_BATCH]);
	conf.template[APP_BATCH] = NULL;
	return 0;
}

static json_object *
parsed(const char *body)
{
	json_object *vars = NULL;
	struct err err = ERR_INIT;

	if (!batch_req_parse(&conf, NULL, body, strlen(body), &vars, &err))
		fail_msg("%s: %s", body, err.msg);
	return vars;
}

static void
refused(const char *body, int status, enum err_shape shape, const char *words)
{
	json_object *vars = NULL;
	struct err err = ERR_INIT;

	if (batch_req_parse(&conf, NULL, body, strlen(body), &vars, &err))
		fail_msg("accepted %s", body);
	assert_null(vars);
	assert_string_equal(err.msg, words);
	assert_int_equal(err.status, status);
	assert_int_equal(err.shape, shape);
}

/* Puts '*' for each column number, so that texts can be compared. */
static void
hide_columns(char *text)
{
	char *s = text, *end;

	while ((s = strstr(s, "column: "))) {
		s += strlen("column: ");
		end = s + strspn(s, "0123456789");
		*s = '*';
		memmove(s + 1, end, strlen(end) + 1);
	}
}

static void
bodies_are_refused_in_livys_words(void **state UNUSED)
{
	AUTO_BUF struct buf path = BUF_INIT(4096);
	AUTO_JSON json_object *cases = NULL;
	const char *dir = getenv("srcdir");

	buf_addf(&path, "%s/tests/golden/http/batch_create.json",
	    dir ? dir : ".");
	cases = json_object_from_file(path.data);
	assert_non_null(cases);
	for (size_t i = 0; i < json_object_array_length(cases); i++) {
		AUTO_BUF struct buf got = BUF_INIT(8192);
		AUTO_JSON json_object *vars = NULL;
		AUTO_FREE char *want = NULL;
		json_object *c = json_object_array_get_idx(cases, i);
		const char *body = jv_str(c, "body");
		struct err err = ERR_INIT;

		if (batch_req_parse(&conf, NULL, body, strlen(body), &vars,
		    &err))
			fail_msg("%s was accepted", jv_str(c, "name"));
		if (err.shape == ERR_MSG)
			buf_addstr(&got, "{\"msg\":");
		jv_add_str(&got, err.msg);
		if (err.shape == ERR_MSG)
			buf_addch(&got, '}');
		want = mem_strdup(jv_str(c, "answer"));
		if (!jv_bool(c, "columns", true)) {
			hide_columns(got.data);
			hide_columns(want);
		}
		if (strcmp(got.data, want) != 0)
			fail_msg("%s:\n got %s\nwant %s", jv_str(c, "name"),
			    got.data, want);
		assert_int_equal(err.status, jv_int(c, "status", 0));
	}
}

static void
scalars_become_the_text_they_were_written_as(void **state UNUSED)
{
	AUTO_JSON json_object *vars = parsed("{\"file\":\"local:///a.jar\","
	    "\"args\":[3,1.50,true,\"x\",-7,1e3,18446744073709551614],"
	    "\"conf\":{\"a\":5,\"b\":false,\"c\":\"\",\"d\":null},"
	    "\"name\":2.5,\"driverMemory\":512}");

	assert_string_equal(jv_print(jv_get(vars, "args")),
	    "[\"3\",\"1.50\",\"true\",\"x\",\"-7\",\"1e3\","
	    "\"18446744073709551614\"]");
	assert_string_equal(jv_print(jv_get(vars, "conf")),
	    "{\"a\":\"5\",\"b\":\"false\",\"c\":\"\"}");
	assert_string_equal(jv_str(vars, "name"), "2.5");
	assert_string_equal(jv_str(vars, "driverMemory"), "512");
}

static void
a_number_that_would_change_is_refused(void **state UNUSED)
{
	refused("{\"file\":\"local:///a\",\"args\":[99999999999999999999999]}",
	    400, ERR_MSG, "Rejected, Reason: a number beyond 64 bits in "
	    "'args', send it as a string");
}

static void
each_known_field_is_a_variable(void **state UNUSED)
{
	AUTO_JSON json_object *vars = parsed("{\"file\":\"gs://b/x.py\"}");
	AUTO_JSON json_object *known = batch_req_known();

	/* and what is noted of the policy */
	assert_true(json_object_object_get_ex(vars, "template", NULL));
	assert_true(json_object_object_get_ex(vars, "lifted", NULL));
	json_object_object_del(vars, "template");
	json_object_object_del(vars, "lifted");
	assert_int_equal(json_object_object_length(vars), 17);
	json_object_object_foreach(vars, key, value) {
		assert_true(json_object_object_get_ex(known, key, NULL));
		if (strcmp(key, "file") != 0 && strcmp(key, "type") != 0)
			assert_null(value);
	}
}

static void
what_follows_the_body_and_what_precedes_it_is_ignored(void **state UNUSED)
{
	AUTO_JSON json_object *vars = parsed("\xef\xbb\xbf \n"
	    "{\"file\":\"gs://b/1.py\",\"file\":\"gs://b/2.py\"} ]garbage");

	assert_string_equal(jv_str(vars, "file"), "gs://b/2.py");
}

static void
the_suffix_decides_the_type(void **state UNUSED)
{
	static const struct {
		const char *body, *type;
	} cases[] = {
		{ "{\"file\":\"gs://b/x.py\"}", "Python" },
		{ "{\"file\":\"gs://b/x.py?v=1\"}", "Python" },
		{ "{\"file\":\"gs://b/x.R\"}", "R" },
		{ "{\"file\":\"gs://b/x.jar\"}", "Java" },
		{ "{\"file\":\"gs://b/py\"}", "Java" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_JSON json_object *vars = parsed(cases[i].body);

		assert_string_equal(jv_str(vars, "type"), cases[i].type);
	}
}

static void
an_allowed_local_file_is_one_of_the_image(void **state UNUSED)
{
	AUTO_JSON json_object *vars = parsed("{\"file\":\"/livy/files/a.py\","
	    "\"files\":[\"\",\"file:///livy/files/x%20y#z\","
	    "\"FILE:/livy/files/b\",\"local:///etc/hosts\"]}");

	assert_string_equal(jv_str(vars, "file"),
	    "local:///livy/files/a.py");
	assert_string_equal(jv_print(jv_get(vars, "files")),
	    "[\"local:///livy/files/x%20y#z\",\"local:///livy/files/b\","
	    "\"local:///etc/hosts\"]");
}

static void
local_files_elsewhere_are_refused_however_written(void **state UNUSED)
{
	static const char *const files[] = { "/livy/filesystem/x",
		"file:///livy/files/%2e%2e/x", "FILE:///etc/passwd",
		"file://host/etc/passwd", "file:etc/passwd", "/livy/files",
		"/livy/files/a/../../b", "//host/etc/passwd" };

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		AUTO_BUF struct buf b = BUF_INIT(500);
		AUTO_JSON json_object *vars = NULL;
		struct err err = ERR_INIT;

		buf_addf(&b, "{\"file\":\"%s\"}", files[i]);
		assert_false(batch_req_parse(&conf, NULL, b.data, b.len, &vars,
		    &err));
		assert_int_equal(err.status, 400);
		assert_non_null(strstr(err.msg,
		    " cannot be added to user sessions."));
	}
}

static void
the_default_file_system_stands_before_bare_paths(void **state UNUSED)
{
	json_object *vars;

	conf.default_fs = gs;
	vars = parsed("{\"file\":\"/x/a%20b.py#f\","
	    "\"jars\":[\"hdfs://nn/x.jar\"]}");
	conf.default_fs = default_fs;

	assert_string_equal(jv_str(vars, "file"), "gs://b/x/a%20b.py#f");
	assert_string_equal(jv_print(jv_get(vars, "jars")),
	    "[\"hdfs://nn/x.jar\"]");
	json_object_put(vars);
}

static void
file_lists_of_conf_join_those_of_the_request(void **state UNUSED)
{
	AUTO_JSON json_object *vars = parsed("{\"file\":\"gs://b/x\","
	    "\"jars\":[\"gs://b/1.jar\"],\"conf\":{"
	    "\"spark.jars\":\"gs://b/2.jar, gs://b/3.jar,\","
	    "\"spark.archives\":\"gs://b/e.zip#env\","
	    "\"spark.submit.pyFiles\":\"\","
	    "\"spark.yarn.dist.files\":\"/livy/files/a gs://b/f\","
	    "\"spark.x\":\"y\"}}");

	assert_string_equal(jv_print(jv_get(vars, "jars")),
	    "[\"gs://b/1.jar\",\"gs://b/2.jar\",\"gs://b/3.jar\"]");
	assert_string_equal(jv_print(jv_get(vars, "archives")),
	    "[\"gs://b/e.zip#env\"]");
	assert_null(jv_get(vars, "pyFiles"));
	assert_string_equal(jv_print(jv_get(vars, "conf")),
	    "{\"spark.yarn.dist.files\":\"local:///livy/files/a,gs://b/f\","
	    "\"spark.x\":\"y\"}");
}

static void
a_comma_smuggles_no_second_file_in(void **state UNUSED)
{
	refused("{\"file\":\"gs://b/x\",\"jars\":"
	    "[\"gs://b/x.jar,file:///etc/passwd\"]}", 400, ERR_MSG,
	    "Rejected, Reason: requirement failed: "
	    "Path 'gs://b/x.jar,file:///etc/passwd' holds a comma.");
}

static void
refused_conf_keys_are_named_together(void **state UNUSED)
{
	refused("{\"file\":\"gs://b/x\",\"conf\":{\"spark.master\":\"x\","
	    "\"ok\":1,\"spark.submit.deployMode\":\"y\"}}", 400, ERR_MSG,
	    "Rejected, Reason: Blacklisted configuration values in session "
	    "config: spark.master, spark.submit.deployMode");
}

static void
nulls_where_livy_falls_are_500(void **state UNUSED)
{
	refused("{\"file\":\"gs://b/x\",\"jars\":null}", 500, ERR_BARE,
	    "java.lang.NullPointerException: \"jars\" is null");
	refused("{\"file\":\"gs://b/x\",\"args\":[\"a\",null]}", 500, ERR_BARE,
	    "java.lang.NullPointerException: \"args[1]\" is null");
	json_object_put(parsed("{\"file\":\"gs://b/x\",\"driverCores\":null,"
	    "\"queue\":null}"));
}

static void
elements_of_a_wrong_type_are_placed(void **state UNUSED)
{
	refused("{\"file\":\"gs://b/x\",\n \"args\":[\"a,[\", {}]}", 400,
	    ERR_BARE, "Cannot deserialize value of type `java.lang.String` "
	    "from Object value (token `JsonToken.START_OBJECT`)\n at [Source: "
	    "(org.eclipse.jetty.server.HttpInputOverHTTP); line: 2, column: "
	    "17] (through reference chain: org.apache.livy.server.batch."
	    "CreateBatchRequest[\"args\"]->com.fasterxml.jackson.module.scala."
	    "deser.GenericFactoryDeserializerResolver$BuilderWrapper[1])");
}

static void
too_many_entries_are_refused(void **state UNUSED)
{
	AUTO_BUF struct buf b = BUF_INIT(1 << 20);

	buf_addstr(&b, "{\"file\":\"gs://b/x\",\"args\":[1");
	for (int i = 0; i < 4096; i++)
		buf_addstr(&b, ",1");
	buf_addstr(&b, "]}");

	refused(b.data, 400, ERR_MSG, "Rejected, Reason: 4097 entries in "
	    "'args', more than 4096");
}

static json_object *
manifest(json_object *vars)
{
	json_object *m = NULL;
	struct err err = ERR_INIT;

	if (!manifest_render(&conf, &(struct manifest){ .id = 17,
	    .owner = "ann", .request_id = "r-1", .vars = vars }, &m, &err))
		fail_msg("%s", err.msg);
	return m;
}

static void
the_manifest_carries_livys_side(void **state UNUSED)
{
	AUTO_JSON json_object *vars = parsed("{\"file\":\"gs://b/x.py\","
	    "\"name\":\"my \\\"job\\\"\",\"args\":[1]}");
	AUTO_JSON json_object *m = manifest(vars);
	json_object *meta = jv_get(m, "metadata");

	assert_string_equal(jv_str(m, "apiVersion"),
	    "sparkoperator.k8s.io/v1beta2");
	assert_string_equal(jv_str(m, "kind"), "SparkApplication");
	assert_string_equal(jv_str(meta, "name"), "livy-gw-b-17");
	assert_string_equal(jv_str(meta, "namespace"), "spark");
	assert_string_equal(jv_print(jv_get(meta, "labels")),
	    "{\"team\":\"a\",\"livy-fcgi/gateway\":\"gw\","
	    "\"livy-fcgi/kind\":\"batch\",\"livy-fcgi/id\":\"17\"}");
	assert_string_equal(jv_print(jv_get(meta, "annotations")),
	    "{\"livy-fcgi/schema\":\"1\",\"livy-fcgi/owner\":\"ann\","
	    "\"livy-fcgi/name\":\"my \\\"job\\\"\","
	    "\"livy-fcgi/request-id\":\"r-1\"}");
	assert_string_equal(jv_str(m, "spec.type"), "Python");
	assert_null(jv_get(m, "spec.mainClass"));
}

static void
a_manifest_can_be_rendered_again_with_another_id(void **state UNUSED)
{
	AUTO_JSON json_object *vars = parsed("{\"file\":\"gs://b/x.py\"}");
	AUTO_JSON json_object *first = manifest(vars);
	AUTO_JSON json_object *second = NULL;
	struct err err = ERR_INIT;

	assert_true(manifest_render(&conf, &(struct manifest){ .id = 18,
	    .owner = "", .request_id = "r-1", .vars = vars }, &second, &err));
	assert_string_equal(jv_str(second, "metadata.name"), "livy-gw-b-18");
	assert_string_equal(jv_str(first, "metadata.name"), "livy-gw-b-17");
	assert_null(jv_member(jv_get(second, "metadata.annotations"),
	    ANNOTATION_OWNER));
}

static void
the_sites_variables_fill_gaps_and_say_nothing_for_the_client(void **state
    UNUSED)
{
	AUTO_JSON json_object *site = json_tokener_parse("{\"name\":\"n\","
	    "\"proxyUser\":\"p\",\"className\":\"C\","
	    "\"driverMemory\":\"1g\",\"namespace\":\"other\"}");
	AUTO_JSON json_object *vars = parsed("{\"file\":\"gs://b/x.jar\","
	    "\"driverMemory\":\"2g\"}");
	json_object *m;

	conf.vars = site;
	m = manifest(vars);
	conf.vars = NULL;

	assert_string_equal(jv_str(m, "spec.mainClass"), "C");
	assert_string_equal(jv_str(m, "spec.driver.memory"), "2g");
	assert_string_equal(jv_str(m, "metadata.namespace"), "other");
	assert_null(jv_member(jv_get(m, "metadata.annotations"),
	    ANNOTATION_NAME));
	assert_null(jv_member(jv_get(m, "metadata.annotations"),
	    ANNOTATION_PROXY_USER));
	json_object_put(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies_are_refused_in_livys_words),
		cmocka_unit_test(scalars_become_the_text_they_were_written_as),
		cmocka_unit_test(a_number_that_would_change_is_refused),
		cmocka_unit_test(each_known_field_is_a_variable),
		cmocka_unit_test(
		    what_follows_the_body_and_what_precedes_it_is_ignored),
		cmocka_unit_test(the_suffix_decides_the_type),
		cmocka_unit_test(an_allowed_local_file_is_one_of_the_image),
		cmocka_unit_test(
		    local_files_elsewhere_are_refused_however_written),
		cmocka_unit_test(
		    the_default_file_system_stands_before_bare_paths),
		cmocka_unit_test(file_lists_of_conf_join_those_of_the_request),
		cmocka_unit_test(a_comma_smuggles_no_second_file_in),
		cmocka_unit_test(refused_conf_keys_are_named_together),
		cmocka_unit_test(nulls_where_livy_falls_are_500),
		cmocka_unit_test(elements_of_a_wrong_type_are_placed),
		cmocka_unit_test(too_many_entries_are_refused),
		cmocka_unit_test(the_manifest_carries_livys_side),
		cmocka_unit_test(
		    the_sites_variables_fill_gaps_and_say_nothing_for_the_client
		    ),
		cmocka_unit_test(
		    a_manifest_can_be_rendered_again_with_another_id),
	};

	return cmocka_run_group_tests(tests, load_template, free_template);
}

#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "buf.h"
#include "conf.h"
#include "err.h"
#include "jv.h"
#include "session_req.h"

#define CLASS "org.apache.livy.server.interactive.CreateInteractiveRequest"
#define AT "\n at [Source: (org.eclipse.jetty.server.HttpInputOverHTTP); " \
	"line: 1, column: "
#define CHAIN(field) " (through reference chain: " CLASS "[\"" field "\"])"

static char default_fs[] = "gs://bucket";
static struct conf conf = { .default_fs = default_fs,
	.session_timeout_check = true, .session_timeout_ms = 3600000,
	.session_ttl_ms = 28800000 };

static json_object *
parsed(const char *body, json_object **ret_echo)
{
	json_object *vars = NULL;
	struct err err = ERR_INIT;

	if (!session_req_parse(&conf, NULL, body, strlen(body), &vars, ret_echo,
	    &err))
		fail_msg("%s: %s", body, err.msg);
	return vars;
}

static void
refused(const char *body, int status, enum err_shape shape, const char *words)
{
	json_object *vars = NULL, *echo = NULL;
	struct err err = ERR_INIT;

	if (session_req_parse(&conf, NULL, body, strlen(body), &vars, &echo, &err))
		fail_msg("accepted %s", body);
	assert_null(vars);
	assert_null(echo);
	assert_string_equal(err.msg, words);
	assert_int_equal(err.status, status);
	assert_int_equal(err.shape, shape);
}

static void
an_empty_body_is_a_session_of_the_shared_kind(void **state UNUSED)
{
	AUTO_JSON json_object *echo = NULL;
	AUTO_JSON json_object *vars = parsed("{}", &echo);

	json_object_object_del(vars, "template");	/* the policy's */
	assert_int_equal(json_object_object_length(vars), 17 + 3);
	assert_string_equal(jv_str(vars, "kind"), "shared");
	assert_string_equal(jv_print(echo), "{}");
	json_object_object_foreach(vars, key, value)
		if (strcmp(key, "kind") != 0 && !strstr(key, "Ms"))
			assert_null(value);
}

static void
each_field_is_a_variable_that_templates_may_name(void **state UNUSED)
{
	AUTO_JSON json_object *echo = NULL;
	AUTO_JSON json_object *vars = parsed("{}", &echo);
	AUTO_JSON json_object *known = session_req_known();

	json_object_object_del(vars, "template");	/* the policy's */
	assert_int_equal(json_object_object_length(known), 17 + 3);
	json_object_object_foreach(vars, key, value) {
		(void)value;
		assert_true(json_object_object_get_ex(known, key, NULL));
	}
}

static void
kinds_have_two_words_and_one_name(void **state UNUSED)
{
	static const struct {
		const char *body, *kind;
	} cases[] = {
		{ "{\"kind\":\"spark\"}", "spark" },
		{ "{\"kind\":\"scala\"}", "spark" },
		{ "{\"kind\":\"pyspark\"}", "pyspark" },
		{ "{\"kind\":\"python\"}", "pyspark" },
		{ "{\"kind\":\"sparkr\"}", "sparkr" },
		{ "{\"kind\":\"r\"}", "sparkr" },
		{ "{\"kind\":\"sql\"}", "sql" },
		{ "{\"kind\":\"shared\"}", "shared" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_JSON json_object *echo = NULL;
		AUTO_JSON json_object *vars = parsed(cases[i].body, &echo);

		assert_string_equal(jv_str(vars, "kind"), cases[i].kind);
	}
}

static void
bad_kinds_are_refused_in_livys_words(void **state UNUSED)
{
	refused("{\"kind\":\"foo\"}", 400, ERR_BARE,
	    "Invalid kind: foo" CHAIN("kind"));
	refused("{\"kind\":\"pyspark3\"}", 400, ERR_BARE,
	    "Invalid kind: pyspark3" CHAIN("kind"));
	refused("{\"kind\":\"Spark\"}", 400, ERR_BARE,
	    "Invalid kind: Spark" CHAIN("kind"));
	refused("{\"kind\":\"\"}", 400, ERR_BARE,
	    "Invalid kind: " CHAIN("kind"));
	refused("{\"kind\":3}", 400, ERR_BARE,
	    "requirement failed: Kind should be a string." CHAIN("kind"));
	refused("{\"kind\":[\"spark\"]}", 400, ERR_BARE,
	    "requirement failed: Kind should be a string." CHAIN("kind"));
	refused("{\"kind\":null}", 500, ERR_BARE,
	    "java.lang.NullPointerException: \"kind\" is null");
}

static void
times_are_read_as_livy_reads_them(void **state UNUSED)
{
	static const struct {
		const char *body;
		int64_t idle_ms;
		const char *shown;
	} cases[] = {
		{ "{\"idleTimeout\":\"90s\"}", 90000, "90s" },
		{ "{\"idleTimeout\":\" 90S \"}", 90000, " 90S " },
		{ "{\"idleTimeout\":5}", 5, "5" },
		{ "{\"idleTimeout\":\"1500us\"}", 1, "1500us" },
		{ "{\"idleTimeout\":\"7ms\"}", 7, "7ms" },
		{ "{\"idleTimeout\":\"2m\"}", 120000, "2m" },
		{ "{\"idleTimeout\":\"2min\"}", 120000, "2min" },
		{ "{\"idleTimeout\":\"3h\"}", 10800000, "3h" },
		{ "{\"idleTimeout\":\"1d\"}", 86400000, "1d" },
		{ "{\"idleTimeout\":\"0\"}", 0, "0" },
		{ "{\"idleTimeout\":\"9223372036854775807d\"}",
		    INT64_MAX / 1000, "9223372036854775807d" },
		{ "{\"idleTimeout\":null}", 3600000, NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_JSON json_object *echo = NULL;
		AUTO_JSON json_object *vars = parsed(cases[i].body, &echo);
		const char *shown = jv_str(echo, "idleTimeout");

		assert_int_equal(jv_int(vars, "idleMs", -1), cases[i].idle_ms);
		if (cases[i].shown)
			assert_string_equal(shown, cases[i].shown);
		else
			assert_null(shown);
	}
}

static void
bad_times_are_refused_in_livys_words(void **state UNUSED)
{
	refused("{\"ttl\":\"abc\"}", 400, ERR_MSG,
	    "Rejected, Reason: Invalid time string: abc");
	refused("{\"ttl\":\"\"}", 400, ERR_MSG,
	    "Rejected, Reason: Invalid time string: ");
	refused("{\"ttl\":\"5 s\"}", 400, ERR_MSG,
	    "Rejected, Reason: Invalid time string: 5 s");
	refused("{\"ttl\":\"5s5\"}", 400, ERR_MSG,
	    "Rejected, Reason: Invalid time string: 5s5");
	refused("{\"ttl\":\"-\"}", 400, ERR_MSG,
	    "Rejected, Reason: Invalid time string: -");
	refused("{\"ttl\":\"5x\"}", 400, ERR_MSG,
	    "Rejected, Reason: Invalid suffix: \"x\"");
	refused("{\"ttl\":\"-5\"}", 400, ERR_MSG,
	    "Rejected, Reason: Invalid value: -5");
	refused("{\"ttl\":\"9223372036854775808\"}", 400, ERR_MSG,
	    "Rejected, Reason: For input string: \"9223372036854775808\"");
	refused("{\"idleTimeout\":\"5 parsecs\"}", 400, ERR_MSG,
	    "Rejected, Reason: Invalid time string: 5 parsecs");
	refused("{\"ttl\":{}}", 400, ERR_BARE, "Cannot deserialize value of "
	    "type `java.lang.String` from Object value (token "
	    "`JsonToken.START_OBJECT`)" AT "8]" CHAIN("ttl"));
}

/* What is checked at all is the site's to say; the value is checked anyway. */
static void
a_time_counts_only_where_the_site_looks_at_it(void **state UNUSED)
{
	AUTO_JSON json_object *echo = NULL;
	AUTO_JSON json_object *off = parsed("{\"ttl\":\"1h\"}", &echo);
	AUTO_JSON json_object *echo2 = NULL;
	AUTO_JSON json_object *on = NULL;

	assert_int_equal(jv_int(off, "ttlMs", -1), 0);
	assert_int_equal(jv_int(off, "idleMs", -1), 3600000);
	conf.session_ttl_check = true;
	conf.session_timeout_check = false;
	on = parsed("{\"idleTimeout\":\"1h\"}", &echo2);
	conf.session_ttl_check = false;
	conf.session_timeout_check = true;
	assert_int_equal(jv_int(on, "ttlMs", -1), 28800000);
	assert_int_equal(jv_int(on, "idleMs", -1), 0);
}

static void
a_heartbeat_is_coerced_as_jackson_does(void **state UNUSED)
{
	static const struct {
		const char *body;
		int64_t seconds, ms;
	} cases[] = {
		{ "{\"heartbeatTimeoutInSecond\":7}", 7, 7000 },
		{ "{\"heartbeatTimeoutInSecond\":\"7\"}", 7, 7000 },
		{ "{\"heartbeatTimeoutInSecond\":\" +7 \"}", 7, 7000 },
		{ "{\"heartbeatTimeoutInSecond\":\"\"}", 0, 0 },
		{ "{\"heartbeatTimeoutInSecond\":null}", 0, 0 },
		{ "{\"heartbeatTimeoutInSecond\":1.9}", 1, 1000 },
		{ "{\"heartbeatTimeoutInSecond\":-3}", -3, 0 },
		{ "{\"heartbeatTimeoutInSecond\":2147483647}", INT32_MAX,
		    INT32_MAX * INT64_C(1000) },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_JSON json_object *echo = NULL;
		AUTO_JSON json_object *vars = parsed(cases[i].body, &echo);

		assert_int_equal(jv_int(vars, "heartbeatMs", -1), cases[i].ms);
		assert_int_equal(jv_int(echo, "heartbeatTimeoutInSecond", 0),
		    cases[i].seconds);
	}
}

static void
bad_heartbeats_are_refused_in_jacksons_words(void **state UNUSED)
{
	refused("{\"heartbeatTimeoutInSecond\":\"x\"}", 400, ERR_BARE,
	    "Cannot deserialize value of type `int` from String \"x\": not a "
	    "valid `int` value" AT "29]" CHAIN("heartbeatTimeoutInSecond"));
	refused("{\"heartbeatTimeoutInSecond\":\"2147483648\"}", 400, ERR_BARE,
	    "Cannot deserialize value of type `int` from String "
	    "\"2147483648\": Overflow: numeric value (2147483648) out of range "
	    "of `int` (-2147483648 -2147483647)" AT "29]"
	    CHAIN("heartbeatTimeoutInSecond"));
	refused("{\"heartbeatTimeoutInSecond\":true}", 400, ERR_BARE,
	    "Cannot deserialize value of type `int` from Boolean value (token "
	    "`JsonToken.VALUE_TRUE`)" AT "29]"
	    CHAIN("heartbeatTimeoutInSecond"));
	refused("{\"heartbeatTimeoutInSecond\":[1]}", 400, ERR_BARE,
	    "Cannot deserialize value of type `int` from Array value (token "
	    "`JsonToken.START_ARRAY`)" AT "29]"
	    CHAIN("heartbeatTimeoutInSecond"));
}

static void
other_bodies_are_refused_in_livys_words(void **state UNUSED)
{
	refused("null", 500, ERR_BARE, "java.lang.NullPointerException: Cannot "
	    "invoke \"" CLASS ".ttl()\" because \"createRequest\" is null");
	refused("[]", 400, ERR_BARE, "Cannot deserialize value of type `" CLASS
	    "` from Array value (token `JsonToken.START_ARRAY`)" AT "1]");
	refused("{\"file\":\"gs://b/x.py\"}", 400, ERR_BARE,
	    "Unrecognized field \"file\" (class " CLASS "), not marked as "
	    "ignorable (17 known properties: \"executorCores\", \"conf\", "
	    "\"driverMemory\", \"name\", \"driverCores\", \"idleTimeout\", "
	    "\"pyFiles\", \"archives\", \"kind\", \"files\", \"jars\", "
	    "\"proxyUser\", \"numExecutors\", \"heartbeatTimeoutInSecond\", "
	    "\"ttl\", \"queue\", \"executorMemory\"])" AT "10]" CHAIN("file"));
	refused("{\"jars\":[\"x.jar\"]}", 400, ERR_MSG, "Rejected, Reason: "
	    "requirement failed: Path 'x.jar' is not absolute.");
	refused("{\"jars\":null}", 500, ERR_BARE,
	    "java.lang.NullPointerException: \"jars\" is null");
	refused("{\"name\":\"123\"}", 400, ERR_MSG,
	    "Rejected, Reason: Invalid session name: 123");
	refused("{\"driverCores\":\"3\"}", 500, ERR_BARE,
	    "java.lang.ClassCastException: class java.lang.String cannot be "
	    "cast to class java.lang.Integer (java.lang.String and "
	    "java.lang.Integer are in module java.base of loader "
	    "'bootstrap')");
}

/* Livy's order: times, then what it runs with, then the name. */
static void
of_two_faults_livys_first_is_told(void **state UNUSED)
{
	refused("{\"name\":\"1\",\"jars\":[\"x\"]}", 400, ERR_MSG,
	    "Rejected, Reason: requirement failed: Path 'x' is not absolute.");
	refused("{\"jars\":[\"x\"],\"ttl\":\"x\"}", 400, ERR_MSG,
	    "Rejected, Reason: Invalid time string: x");
}

static void
an_echo_shows_what_was_asked_for(void **state UNUSED)
{
	AUTO_JSON json_object *echo = NULL;
	AUTO_JSON json_object *vars = parsed("{\"kind\":\"sql\",\"jars\":"
	    "[\"/a.jar\"],\"files\":[],\"conf\":{\"spark.jars\":\"/b.jar\","
	    "\"n\":1,\"gone\":null},\"queue\":\"q\",\"driverCores\":2,"
	    "\"name\":\"n\",\"proxyUser\":\"p\"}", &echo);
	AUTO_BUF struct buf out = BUF_INIT(4096);

	/* the driver gets what it resolves to */
	assert_string_equal(jv_print(jv_get(vars, "jars")),
	    "[\"gs://bucket/a.jar\",\"gs://bucket/b.jar\"]");
	session_req_echo(jv_print(echo), &out);
	assert_string_equal(out.data, "\"ttl\":null,\"idleTimeout\":null,"
	    "\"driverMemory\":null,\"driverCores\":2,\"executorMemory\":null,"
	    "\"executorCores\":0,\"conf\":{\"spark.jars\":\"/b.jar\","
	    "\"n\":\"1\"},\"archives\":[],\"files\":[],"
	    "\"heartbeatTimeoutInSecond\":0,\"jars\":[\"/a.jar\"],"
	    "\"numExecutors\":0,\"pyFiles\":[],\"queue\":\"q\"");
}

/* An annotation is not only ours to write. */
static void
an_echo_that_is_none_shows_nothing(void **state UNUSED)
{
	static const char *const bad[] = { NULL, "", "{", "[]", "1",
		"{\"ttl\":1,\"driverCores\":\"x\",\"conf\":{\"a\":{}},"
		"\"jars\":[1],\"files\":{},\"archives\":[null],\"id\":4}" };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		AUTO_BUF struct buf out = BUF_INIT(4096);

		session_req_echo(bad[i], &out);
		assert_string_equal(out.data, "\"ttl\":null,"
		    "\"idleTimeout\":null,\"driverMemory\":null,"
		    "\"driverCores\":0,\"executorMemory\":null,"
		    "\"executorCores\":0,\"conf\":{},\"archives\":[],"
		    "\"files\":[],\"heartbeatTimeoutInSecond\":0,\"jars\":[],"
		    "\"numExecutors\":0,\"pyFiles\":[],\"queue\":null");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_body_is_a_session_of_the_shared_kind),
		cmocka_unit_test(
		    each_field_is_a_variable_that_templates_may_name),
		cmocka_unit_test(kinds_have_two_words_and_one_name),
		cmocka_unit_test(bad_kinds_are_refused_in_livys_words),
		cmocka_unit_test(times_are_read_as_livy_reads_them),
		cmocka_unit_test(bad_times_are_refused_in_livys_words),
		cmocka_unit_test(a_time_counts_only_where_the_site_looks_at_it),
		cmocka_unit_test(a_heartbeat_is_coerced_as_jackson_does),
		cmocka_unit_test(bad_heartbeats_are_refused_in_jacksons_words),
		cmocka_unit_test(other_bodies_are_refused_in_livys_words),
		cmocka_unit_test(of_two_faults_livys_first_is_told),
		cmocka_unit_test(an_echo_shows_what_was_asked_for),
		cmocka_unit_test(an_echo_that_is_none_shows_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

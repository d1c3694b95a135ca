#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "buf.h"
#include "err.h"
#include "jv.h"
#include "tmpl.h"
#include "tmpl_err.h"

static struct tmpl *
load(const char *policy, struct err *err)
{
	char path[] = "/tmp/livy-fcgi-policy-XXXXXX";
	struct tmpl *t = NULL;
	FILE *f = fdopen(mkstemp(path), "w");

	fprintf(f, "policy = {\n%s };\napplication = { apiVersion = \"a/v1\"; "
	    "kind = \"K\"; spec = { type = \"t\"; sparkVersion = \"3\"; "
	    "mainApplicationFile = \"f\"; driver = { }; executor = { }; }; };",
	    policy);
	fclose(f);
	if (!read_template(path, &t, err))
		t = NULL;
	unlink(path);
	return t;
}

static json_object *
json_new(const char *text)
{
	json_object *o = NULL;
	struct err err = ERR_INIT;

	assert_true(jv_parse(text, strlen(text), JV_DEPTH_KUBE, &o, &err));
	return o;
}

/* What is left of vars after the policy; fails if it refuses. */
static void
assert_taken(const char *policy, const char *vars, const char *expected)
{
	AUTO_JSON json_object *o = json_new(vars);
	struct err err = ERR_INIT;
	struct tmpl *t = load(policy, &err);

	if (!t || !tmpl_take_conf(t, o, &err))
		fail_msg("%s: %s", policy, err.msg);
	tmpl_free(t);
	json_object_object_del(o, "lifted");
	assert_string_equal(jv_print(o), expected);
}

static void
assert_refused(const char *policy, const char *conf, const char *words)
{
	AUTO_JSON json_object *o = json_object_new_object();
	struct err err = ERR_INIT;
	struct tmpl *t = load(policy, &err);

	assert_non_null(t);
	json_object_object_add(o, "conf", json_new(conf));
	if (tmpl_take_conf(t, o, &err))
		fail_msg("%s passes", conf);
	tmpl_free(t);
	assert_int_equal(err.status, 400);
	if (!strstr(err.msg, words))
		fail_msg("%s: %s", conf, err.msg);
}

static void
lifted_keys_become_variables_of_their_type(void **state UNUSED)
{
	const char *policy = "lift = ( (\"a.cores\", \"cores\", \"int\"), "
	    "(\"a.on\", \"on\", \"bool\"), (\"a.memory\", \"memory\") );";

	assert_taken(policy, "{\"conf\":{\"a.cores\":\"2\",\"a.on\":\"true\","
	    "\"a.memory\":\"4g\",\"b\":\"\"}}", "{\"conf\":{\"b\":\"\"},"
	    "\"cores\":2,\"on\":true,\"memory\":\"4g\"}");
	assert_taken(policy, "{\"conf\":null}", "{\"conf\":null}");
	assert_refused(policy, "{\"a.cores\":\"two\"}",
	    "'a.cores' is 'two', must be an integer");
	assert_refused(policy, "{\"a.on\":\"yes\"}",
	    "'a.on' is 'yes', must be true or false");
	/* as Spark reads them: clients print what their language calls true */
	assert_taken(policy, "{\"conf\":{\"a.cores\":\" +2\\n\",\"a.on\":"
	    "\"True\"}}", "{\"conf\":{},\"cores\":2,\"on\":true}");
	assert_taken(policy, "{\"conf\":{\"a.cores\":\"-2\",\"a.on\":"
	    "\" FALSE \"}}", "{\"conf\":{},\"cores\":-2,\"on\":false}");
	assert_refused(policy, "{\"a.cores\":\"+-2\"}", "must be an integer");
	assert_refused(policy, "{\"a.cores\":\"+\"}", "must be an integer");
	assert_refused(policy, "{\"a.cores\":\" \"}", "must be an integer");
	assert_refused(policy, "{\"a.on\":\"true                              "
	    "x\"}", "must be true or false");
}

/* spark-submit would read "a.image=x=1" as a.image, with the value "x=1". */
static void
a_key_cannot_stand_for_another_one(void **state UNUSED)
{
	static const char *const confs[] = {
		"{\"a.image=x\":\"1\"}", "{\"a.image \":\"1\"}",
		"{\"\\na.image\":\"1\"}", "{\"\":\"1\"}",
		"{\"b.password=x\":\"\"}",
	};

	for (size_t i = 0; i < ARRAY_LEN(confs); i++)
		assert_refused("refused_conf = [ \"a.image\" ];", confs[i],
		    "cannot be a conf key");
	assert_taken("refused_conf = [ \"a.image\" ];",
	    "{\"conf\":{\"a.images\":\"x = 1\"}}",
	    "{\"conf\":{\"a.images\":\"x = 1\"}}");
}

static void
a_field_of_the_request_wins_over_its_key(void **state UNUSED)
{
	assert_taken("lift = ( (\"a.memory\", \"memory\") );",
	    "{\"memory\":\"1g\",\"conf\":{\"a.memory\":\"4g\"}}",
	    "{\"memory\":\"1g\",\"conf\":{}}");
}

static void
what_is_lifted_is_not_refused(void **state UNUSED)
{
	assert_taken("refused_conf = [ \"a.*\" ]; "
	    "lift = ( (\"a.image\", \"image\") );",
	    "{\"conf\":{\"a.image\":\"i\"}}", "{\"conf\":{},\"image\":\"i\"}");
	assert_refused("refused_conf = [ \"a.*\" ]; "
	    "lift = ( (\"a.image\", \"image\") );", "{\"a.other\":\"1\"}",
	    "Blacklisted configuration values in session config: a.other");
}

static void
malformed_policies_are_refused(void **state UNUSED)
{
	static const char *const bad[] = { "lift = 1;", "lift = ( 1 );",
		"lift = ( (\"a\", \"b c\") );", "lift = ( (\"a\", 1) );",
		"lift = ( (\"a\", \"b\", \"float\") );",
		"lift = ( (\"\", \"b\") );", "lift = ( { a = 1; } );",
		"secrets = 1;", "secret_conf = [ 1 ];" };
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (load(bad[i], &err))
			fail_msg("%s", bad[i]);
		assert_non_null(strstr(err.msg, ":2: "));
	}
}

static void
secrets_in_conf_are_refused_without_their_value(void **state UNUSED)
{
	static const char *const keys[] = { "spark.x.password",
		"spark.hadoop.fs.s3a.access.key", "spark.X.PASSWORD",
		"spark.hadoop.fs.s3a.secret.key", "spark.app.authToken",
		"spark.my.credentials", "spark.x.apiKey",
		"spark.hadoop.fs.azure.account.key.x",
		"spark.provider.password" };
	AUTO_BUF struct buf big = BUF_INIT(1000);
	char conf[200];

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		snprintf(conf, sizeof conf, "{\"%s\":\"hunter2!\"}", keys[i]);
		assert_refused("", conf, "Put it into a Kubernetes Secret");
	}
	/* however long the key is */
	buf_addf(&big, "{\"spark.%0600d.password\":\"hunter2!\"}", 0);
	assert_refused("", big.data, "Put it into a Kubernetes Secret");
	AUTO_JSON json_object *o = json_new(
	    "{\"conf\":{\"spark.x.password\":\"hunter2!\"}}");
	struct err err = ERR_INIT;
	struct tmpl *t = load("", &err);

	assert_false(tmpl_take_conf(t, o, &err));
	assert_null(strstr(err.msg, "hunter2"));
	tmpl_free(t);
}

static void
what_only_sounds_like_a_secret_passes(void **state UNUSED)
{
	static const char *const confs[] = {
		"{\"spark.hadoop.fs.s3a.aws.credentials.provider\":\"a.B\"}",
		"{\"spark.hadoop.security.credential.provider.path\":\"j\"}",
		"{\"spark.x.token.enabled\":\"true\"}",
		"{\"spark.x.token.seconds\":\"3600\"}",
		"{\"spark.x.password\":\"\"}",
		"{\"spark.prophecy.tasks\":\"H4sIA=/+{}\"}",
	};
	AUTO_BUF struct buf b = BUF_INIT(1000);

	for (size_t i = 0; i < ARRAY_LEN(confs); i++) {
		buf_clear(&b);
		buf_addf(&b, "{\"conf\":%s}", confs[i]);
		assert_taken("", b.data, b.data);
	}
	assert_taken("secret_conf = [ \"spark.x.*\" ];",
	    "{\"conf\":{\"spark.x.password\":\"p\"}}",
	    "{\"conf\":{\"spark.x.password\":\"p\"}}");
}

static void
only_listed_secrets_can_be_named(void **state UNUSED)
{
	const char *policy = "refused_conf = [ \"spark.kubernetes.*\" ]; "
	    "secrets = [ \"jobs-*\" ];";

	assert_taken(policy, "{\"conf\":{"
	    "\"spark.kubernetes.driver.secretKeyRef.PASSWORD\":\"jobs-a:p\"}}",
	    "{\"conf\":{\"spark.kubernetes.driver.secretKeyRef.PASSWORD\":"
	    "\"jobs-a:p\"}}");
	assert_taken(policy, "{\"conf\":{"
	    "\"spark.kubernetes.executor.secrets.jobs-b\":\"/etc/s\"}}",
	    "{\"conf\":{\"spark.kubernetes.executor.secrets.jobs-b\":"
	    "\"/etc/s\"}}");
	assert_refused(policy, "{\"spark.kubernetes.driver.secretKeyRef.P\":"
	    "\"admin:p\"}", "the Secret 'admin' of ");
	assert_refused(policy, "{\"spark.kubernetes.driver.secrets.admin\":"
	    "\"/jobs-a\"}", "the Secret 'admin' of ");
	assert_refused(policy, "{\"spark.kubernetes.driver.secretKeyRef.P\":"
	    "\"jobs-a\"}", "must be SECRET:KEY");
	assert_refused("refused_conf = [ \"spark.kubernetes.*\" ];",
	    "{\"spark.kubernetes.driver.secretKeyRef.P\":\"jobs-a:p\"}",
	    "Blacklisted");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lifted_keys_become_variables_of_their_type),
		cmocka_unit_test(a_key_cannot_stand_for_another_one),
		cmocka_unit_test(a_field_of_the_request_wins_over_its_key),
		cmocka_unit_test(what_is_lifted_is_not_refused),
		cmocka_unit_test(malformed_policies_are_refused),
		cmocka_unit_test(
		    secrets_in_conf_are_refused_without_their_value),
		cmocka_unit_test(what_only_sounds_like_a_secret_passes),
		cmocka_unit_test(only_listed_secrets_can_be_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "batch_req.h"
#include "buf.h"
#include "conf.h"
#include "err.h"
#include "jv.h"
#include "manifest.h"
#include "request.h"
#include "session_agent.h"
#include "session_plan.h"
#include "text.h"
#include "tmpl.h"

static struct conf *conf;

static int
load_shipped(void **state UNUSED)
{
	struct err err = ERR_INIT;

	if (!conf_load(source("conf/livy-fcgi.cfg"), &conf, &err))
		fail_msg("%s", err.msg);
	return 0;
}

static int
free_shipped(void **state UNUSED)
{
	conf_free(conf);
	return 0;
}

/* The text of tests/golden/render/NAME; the caller frees. */
static char *
golden_new(const char *name, const char *part)
{
	char path[200];

	snprintf(path, sizeof path, "tests/golden/render/%s.%s.json", name,
	    part);
	return text_new(source(path));
}

static json_object *
batch_new(const char *body)
{
	AUTO_JSON json_object *vars = NULL;
	json_object *manifest = NULL;
	struct err err = ERR_INIT;

	if (!batch_req_parse(conf, NULL, body, strlen(body), &vars, &err))
		fail_msg("%s", err.msg);
	json_object_object_add(vars, "proxyUser", NULL);
	if (!manifest_render(conf, &(struct manifest){ .owner = "ann",
	    .request_id = "render", .vars = vars }, &manifest, &err))
		fail_msg("%s", err.msg);
	return manifest;
}

static json_object *
session_new(const char *body)
{
	static const struct session_agent agent = { .hash = "0123456789ab",
		.map = "livy-livy-agent-0123456789ab" };
	AUTO_FREE struct request *rq = mem_alloc(sizeof *rq);
	AUTO_PLAN struct session_plan plan = SESSION_PLAN_INIT;
	AUTO_BUF struct buf text = BUF_INIT(1 << 20);
	json_object *manifest = NULL;
	struct err err = ERR_INIT;

	buf_addstr(&text, body);
	rq->body = text;
	if (!session_plan(conf, &agent, 1, rq, &plan, &err) ||
	    !manifest_render(conf, &(struct manifest){ .kind = APP_SESSION,
	    .owner = "ann", .request_id = "render", .vars = plan.vars,
	    .labels = plan.labels, .notes = plan.notes }, &manifest, &err))
		fail_msg("%s", err.msg);
	return manifest;
}

static void
requests_become_the_recorded_manifests(void **state UNUSED)
{
	static const struct {
		const char *name;
		json_object *(*new)(const char *body);
	} cases[] = {
		{ "minimal", batch_new }, { "full", batch_new },
		{ "session-minimal", session_new }, { "session", session_new },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_FREE char *body = golden_new(cases[i].name, "request");
		AUTO_FREE char *text = golden_new(cases[i].name, "manifest");
		AUTO_JSON json_object *made = cases[i].new(body);
		AUTO_JSON json_object *expected = NULL;
		struct err err = ERR_INIT;

		assert_true(jv_parse(text, strlen(text), JV_DEPTH_KUBE,
		    &expected, &err));
		assert_string_equal(jv_print(made), jv_print(expected));
	}
}

static void
a_client_can_override_only_what_stands_before_its_conf(void **state UNUSED)
{
	AUTO_JSON json_object *made = batch_new("{\"file\":\"gs://a/b.py\","
	    "\"conf\":{\"spark.jars.ivy\":\"/mine\"}}");
	json_object *map = jv_get(made, "spec.sparkConf");

	assert_string_equal(jv_text(jv_member(map, "spark.jars.ivy")), "/mine");
	assert_string_equal(jv_text(jv_member(map,
	    "spark.kubernetes.executor.podNamePrefix")), "livy-livy-b-0");
}

/* What Livy refuses, what the operator does, and the ways to other pods. */
static void
keys_that_lead_out_of_the_template_are_refused(void **state UNUSED)
{
	static const char *const refused[] = {
		"spark.master", "spark.submit.deployMode", "spark.yarn.jar",
		"spark.yarn.jars", "spark.yarn.archive",
		"livy.rsc.server.idle-timeout",
		"spark.kubernetes.driver.master",
		"spark.kubernetes.namespace",
		"spark.kubernetes.container.image",
		"spark.kubernetes.container.image.pullSecrets",
		"spark.kubernetes.driver.container.image",
		"spark.kubernetes.executor.container.image",
		"spark.kubernetes.authenticate.driver.serviceAccountName",
		"spark.kubernetes.authenticate.executor.serviceAccountName",
		"spark.kubernetes.authenticate.oauthToken",
		"spark.kubernetes.authenticate.oauthTokenFile",
		"spark.kubernetes.authenticate.driver.oauthToken",
		"spark.kubernetes.authenticate.submission.caCertFile",
		"spark.kubernetes.driver.podTemplateFile",
		"spark.kubernetes.executor.podTemplateFile",
		"spark.kubernetes.executor.podTemplateContainerName",
		"spark.kubernetes.driver.volumes.hostPath.x.mount.path",
		"spark.kubernetes.executor.volumes.hostPath.x.options.path",
		"spark.kubernetes.driver.secrets.any",
		"spark.kubernetes.executor.secretKeyRef.ENV",
		"spark.kubernetes.node.selector.pool",
		"spark.kubernetes.driver.node.selector.pool",
		"spark.kubernetes.driver.label.livy-fcgi/id",
		"spark.kubernetes.executor.annotation.x",
		"spark.kubernetes.driver.pod.name",
		"spark.driver.host", "spark.driver.bindAddress",
	};
	static const char *const allowed[] = {
		"spark.executor.memory", "spark.jars.packages",
		"spark.dynamicAllocation.enabled", "spark.submit.pyFiles",
		"spark.kubernetes.memoryOverheadFactor",
		"spark.kubernetes.executor.request.cores",
		"spark.driver.extraJavaOptions", "spark.hadoop.fs.gs.impl",
	};

	for (int kind = 0; kind < APP_KINDS; kind++) {
		for (size_t i = 0; i < ARRAY_LEN(refused); i++)
			if (tmpl_conf_allowed(conf->template[kind],
			    refused[i]))
				fail_msg("%s is allowed", refused[i]);
		for (size_t i = 0; i < ARRAY_LEN(allowed); i++)
			if (!tmpl_conf_allowed(conf->template[kind],
			    allowed[i]))
				fail_msg("%s is refused", allowed[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_become_the_recorded_manifests),
		cmocka_unit_test(
		    a_client_can_override_only_what_stands_before_its_conf),
		cmocka_unit_test(keys_that_lead_out_of_the_template_are_refused),
	};

	return cmocka_run_group_tests(tests, load_shipped, free_shipped);
}

#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "crd.h"
#include "err.h"
#include "jv.h"

#define GOOD "\"type\":\"Python\",\"mode\":\"cluster\",\"sparkVersion\":" \
	"\"3.5.9\",\"mainApplicationFile\":\"f\",\"restartPolicy\":{\"type\":" \
	"\"Never\"}"
#define ROLE "\"cores\":1,\"memory\":\"1g\""
#define ROLES "\"driver\":{" ROLE "},\"executor\":{" ROLE ",\"instances\":1}"

static void
on_found(void *arg, enum crd_finding what, const char *path, const char *text)
{
	static const char *const words[] = { "wrong", "unknown", "hazard" };

	buf_addf(arg, "%s %s %s\n", words[what], path, text);
}

/* What is found in a manifest with this spec: nothing, or also these. */
static void
assert_found(const char *spec, const char *expected)
{
	AUTO_BUF struct buf text = BUF_INIT(8192), found = BUF_INIT(8192);
	const struct crd_check check = { on_found, &found };
	AUTO_JSON json_object *o = NULL;
	struct err err = ERR_INIT;

	buf_addf(&text, "{\"apiVersion\":\"sparkoperator.k8s.io/v1beta2\","
	    "\"kind\":\"SparkApplication\",\"metadata\":{\"namespace\":\"n\"},"
	    "\"spec\":{%s}}", spec);
	if (!jv_parse(text.data, text.len, JV_DEPTH_KUBE, &o, &err))
		fail_msg("%s: %s", spec, err.msg);
	crd_check(&check, o);
	if (*expected ? !strstr(found.data, expected) : found.len > 0)
		fail_msg("%s: found: %s", spec, found.data);
}

static void
a_good_manifest_has_no_findings(void **state UNUSED)
{
	assert_found(GOOD "," ROLES, "");
	assert_found(GOOD "," ROLES ",\"sparkConf\":{\"a.b\":\"c\"},\"deps\":{"
	    "\"jars\":[\"x\"]},\"timeToLiveSeconds\":1", "");
	assert_found(GOOD ",\"dynamicAllocation\":{\"enabled\":true,"
	    "\"initialExecutors\":0},\"driver\":{" ROLE "},\"executor\":{"
	    ROLE "}", "");
}

static void
types_words_and_bounds_are_checked(void **state UNUSED)
{
	assert_found(GOOD ",\"driver\":{\"cores\":\"1\"}," ROLES,
	    "");	/* the last of equal members counts */
	assert_found(GOOD "," ROLES ",\"sparkConf\":{\"a.b\":1}",
	    "wrong spec.sparkConf[\"a.b\"] must be a text\n");
	assert_found(GOOD "," ROLES ",\"sparkConf\":[\"a\"]",
	    "wrong spec.sparkConf must be a list of pairs\n");
	assert_found(GOOD "," ROLES ",\"arguments\":\"a\"",
	    "wrong spec.arguments must be a list\n");
	assert_found(GOOD "," ROLES ",\"suspend\":\"true\"",
	    "wrong spec.suspend must be true or false\n");
	assert_found(GOOD "," ROLES ",\"mode\":\"local\"",
	    "wrong spec.mode is 'local', must be one of cluster|client\n");
	assert_found(GOOD ",\"driver\":{\"cores\":0,\"memory\":\"1g\"},"
	    "\"executor\":{}", "wrong spec.driver.cores is 0, must be at "
	    "least 1\n");
	assert_found(GOOD ",\"driver\":{\"cores\":\"1\"},\"executor\":{}",
	    "wrong spec.driver.cores must be an integer\n");
}

static void
what_is_missing_or_unknown_is_named(void **state UNUSED)
{
	assert_found("\"type\":\"Python\"," ROLES,
	    "wrong spec.mainApplicationFile is missing\n");
	assert_found(GOOD "," ROLES ",\"imagee\":\"x\"",
	    "unknown spec.imagee there is no such field\n");
	assert_found(GOOD ",\"driver\":{" ROLE ",\"template\":{\"spec\":{"
	    "\"containers\":[{\"name\":\"spark-kubernetes-driver\","
	    "\"envs\":[]}]}}},\"executor\":{" ROLE ",\"instances\":1}",
	    "unknown spec.driver.template.spec.containers[0].envs ");
}

static void
the_operators_own_rules_are_known(void **state UNUSED)
{
	assert_found(GOOD "," ROLES ",\"sparkConf\":{\"spark.master\":\"x\"}",
	    "wrong spec.sparkConf[\"spark.master\"] is refused by the "
	    "operator");
	assert_found(GOOD "," ROLES ",\"sparkConf\":{"
	    "\"spark.kubernetes.namespace\":\"m\"}",
	    "must be the application's own namespace");
	assert_found(GOOD ",\"driver\":{" ROLE ",\"nodeSelector\":{}},"
	    "\"nodeSelector\":{},\"executor\":{}",
	    "wrong spec.driver.nodeSelector cannot stand beside");
	assert_found(GOOD ",\"driver\":{" ROLE ",\"template\":{\"spec\":{"
	    "\"containers\":[{\"name\":\"main\"}]}}},\"executor\":{}",
	    "wrong spec.driver.template.spec.containers has none with the "
	    "name 'spark-kubernetes-driver'");
	assert_found(GOOD "," ROLES ",\"driverIngressOptions\":[{"
	    "\"servicePort\":1,\"servicePortName\":\"a\"}]",
	    "driverIngressOptions[0].ingressURLFormat is missing");
}

static void
sizes_and_amounts_have_a_form(void **state UNUSED)
{
	static const char *const memory[] = { "\"4 g\"", "\"4gi\"", "\"g\"",
		"\"\"", "\"1.5g\"" };
	char spec[500];

	for (size_t i = 0; i < ARRAY_LEN(memory); i++) {
		snprintf(spec, sizeof spec, GOOD ",\"driver\":{\"cores\":1,"
		    "\"memory\":%s},\"executor\":{}", memory[i]);
		assert_found(spec, "wrong spec.driver.memory is ");
	}
	assert_found(GOOD ",\"driver\":{\"cores\":1,\"memory\":\"512M\","
	    "\"coreLimit\":\"500m\",\"coreRequest\":\"1.5\"},\"executor\":{"
	    ROLE ",\"instances\":1,\"memoryOverhead\":\"384\"}", "");
	assert_found(GOOD ",\"driver\":{\"coreLimit\":\"half\"},"
	    "\"executor\":{}", "wrong spec.driver.coreLimit is 'half'");
}

static void
versions_names_and_amounts_have_a_form(void **state UNUSED)
{
	static const char *const versions[] = { "latest", "3.5.8.1", "2.4.8",
		"3.05.1", "", "3.5-x", "v3.5.9" };
	static const char *const good[] = { "4", "3.5", "3.5.9-java17",
		"4.0.0-preview.2" };
	static const char *const amounts[] = { "\"1 g\"", "\"4gi\"", "\"m\"",
		"\"\"", "\"1e\"" };
	char spec[600];

	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		snprintf(spec, sizeof spec, "\"sparkVersion\":\"%s\","
		    "\"driver\":{\"template\":{}},\"executor\":{}",
		    versions[i]);
		assert_found(spec, "wrong spec.sparkVersion is '");
	}
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		snprintf(spec, sizeof spec, GOOD ",\"sparkVersion\":\"%s\","
		    "\"driver\":{" ROLE ",\"template\":{}},\"executor\":{"
		    ROLE ",\"instances\":1}", good[i]);
		assert_found(spec, "");
	}
	for (size_t i = 0; i < ARRAY_LEN(amounts); i++) {
		snprintf(spec, sizeof spec, GOOD "," ROLES
		    ",\"batchSchedulerOptions\":{\"resources\":{\"cpu\":%s}}",
		    amounts[i]);
		assert_found(spec, "wrong spec.batchSchedulerOptions."
		    "resources.cpu is '");
	}
	assert_found(GOOD ",\"driver\":{" ROLE ",\"template\":{\"spec\":{"
	    "\"containers\":[{\"name\":\"spark-kubernetes-driver\","
	    "\"resources\":{\"limits\":{\"nvidia.com/gpu\":\"1\",\"memory\""
	    ":\"1.5Gi\",\"cpu\":2}}}]}}},\"executor\":{" ROLE
	    ",\"instances\":1}", "");
	assert_found(GOOD ",\"driver\":{" ROLE ",\"podName\":\"My_Pod\"},"
	    "\"executor\":{}", "wrong spec.driver.podName is 'My_Pod'");
	assert_found(GOOD "," ROLES ",\"monitoring\":{\"prometheus\":{"
	    "\"port\":50000}}", "wrong spec.monitoring.prometheus.port must "
	    "be at most 49151");
	assert_found(GOOD ",\"driver\":{\"labels\":{\"a\":\"b c\"}},"
	    "\"executor\":{}", "wrong spec.driver.labels.a is 'b c'");
	assert_found(GOOD ",\"driver\":{},\"executor\":{\"template\":{"
	    "\"metadata\":{\"annotations\":{\"a/b/c\":\"d\"}}}}",
	    "wrong spec.executor.template.metadata.annotations");
}

static void
what_needs_the_webhook_is_a_hazard(void **state UNUSED)
{
	assert_found(GOOD ",\"driver\":{" ROLE ",\"env\":[]},\"executor\":{"
	    ROLE ",\"instances\":1}", "hazard spec.driver.env is ignored where "
	    "the operator's webhook is off; driver.template works with");
	assert_found(GOOD "," ROLES ",\"volumes\":[]", "hazard spec.volumes ");
	assert_found("\"driver\":{},\"executor\":{}", "hazard spec.mode ");
	assert_found("\"driver\":{},\"executor\":{}",
	    "hazard spec.executor.instances ");
	assert_found(GOOD "," ROLES ",\"restartPolicy\":{\"type\":"
	    "\"OnFailure\",\"onFailureRetries\":3}",
	    "hazard spec.restartPolicy.onFailureRetryInterval ");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_manifest_has_no_findings),
		cmocka_unit_test(types_words_and_bounds_are_checked),
		cmocka_unit_test(what_is_missing_or_unknown_is_named),
		cmocka_unit_test(the_operators_own_rules_are_known),
		cmocka_unit_test(sizes_and_amounts_have_a_form),
		cmocka_unit_test(versions_names_and_amounts_have_a_form),
		cmocka_unit_test(what_needs_the_webhook_is_a_hazard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

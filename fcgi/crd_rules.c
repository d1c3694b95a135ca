#include "config.h"

#include "crd.h"

#include <strings.h>

#include "jv.h"

/* Fields of a role that the operator's mutating webhook alone carries. */
static const char *const role_by_webhook[] = {
	"affinity", "configMaps", "dnsConfig", "env", "envFrom", "gpu",
	"hostAliases", "hostNetwork", "initContainers", "lifecycle",
	"memoryLimit", "nodeSelector", "podSecurityContext", "ports",
	"priorityClassName", "schedulerName", "securityContext",
	"shareProcessNamespace", "sidecars", "terminationGracePeriodSeconds",
	"tolerations", "volumeMounts",
};
static const char *const spec_by_webhook[] = {
	"hadoopConfigMap", "sparkConfigMap", "volumes",
};

/* What the webhook alone sets when it is left out. */
static const char *const defaulted[] = {
	"mode", "restartPolicy.type", "driver.cores", "driver.memory",
	"executor.cores", "executor.memory",
};

/* Conf keys that its validating half refuses, from 2.5.2 on. */
static const char *const refused_conf[] = {
	"spark.master", "spark.kubernetes.driver.master",
	"spark.kubernetes.container.image",
	"spark.kubernetes.driver.container.image",
	"spark.kubernetes.executor.container.image",
	"spark.kubernetes.authenticate.driver.serviceAccountName",
	"spark.kubernetes.authenticate.executor.serviceAccountName",
	"spark.kubernetes.authenticate.oauthToken",
	"spark.kubernetes.authenticate.oauthTokenFile",
	"spark.kubernetes.authenticate.driver.oauthToken",
	"spark.kubernetes.authenticate.driver.oauthTokenFile",
	"spark.kubernetes.authenticate.executor.oauthToken",
	"spark.kubernetes.authenticate.executor.oauthTokenFile",
};

static const struct role {
	const char *name, *container;
} roles[] = {
	{ "driver", "spark-kubernetes-driver" },
	{ "executor", "spark-kubernetes-executor" },
};

/* "4g", "512", "10mb", as Spark's JavaUtils reads sizes. */
static bool
is_memory(const char *text)
{
	static const char *const units[] = { "", "b", "k", "kb", "m", "mb",
		"g", "gb", "t", "tb", "p", "pb" };
	size_t n = strspn(text, "0123456789");

	for (size_t i = 0; n > 0 && i < ARRAY_LEN(units); i++)
		if (strcasecmp(text + n, units[i]) == 0)
			return true;
	return false;
}

/* "2", "1.5", "500m": an amount of CPUs. */
static bool
is_cpus(const char *text)
{
	size_t n = strspn(text, "0123456789");
	size_t m = text[n] == '.' ? 1 + strspn(text + n + 1, "0123456789") : 0;

	text += n + m;
	return n + m > (m > 0) && (!*text || strcmp(text, "m") == 0);
}

static const struct format {
	const char *field;
	bool (*is)(const char *text);
	const char *words;
} formats[] = {
	{ "memory", is_memory, "a size as Spark writes them, such as 4g" },
	{ "memoryOverhead", is_memory,
	    "a size as Spark writes them, such as 512m" },
	{ "coreLimit", is_cpus, "an amount of CPUs, such as 1.5 or 500m" },
	{ "coreRequest", is_cpus, "an amount of CPUs, such as 1.5 or 500m" },
};

static const char *
path_of(char ret[256], const char *a, const char *b, const char *c)
{
	snprintf(ret, 256, "spec%s%s%s%s%s%s", *a ? "." : "", a,
	    *b ? "." : "", b, *c ? "." : "", c);
	return ret;
}

static void
check_template(const struct crd_check *c, const struct role *role,
    json_object *template)
{
	json_object *list = jv_get(template, "spec.containers");
	const char *name;
	char path[256];

	path_of(path, role->name, "template", "spec.containers");
	if (!json_object_is_type(list, json_type_array))
		return;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		name = jv_str(json_object_array_get_idx(list, i), "name");
		if (name && strcmp(name, role->container) == 0)
			return;
	}
	crd_found(c, CRD_WRONG, path, "has none with the name '%s'",
	    role->container);
}

static void
check_role(const struct crd_check *c, const struct role *role,
    json_object *spec)
{
	json_object *o = jv_member(spec, role->name), *value;
	const char *text;
	char path[256];

	for (size_t i = 0; i < ARRAY_LEN(role_by_webhook); i++)
		if (jv_member(o, role_by_webhook[i]))
			crd_found(c, CRD_HAZARD, path_of(path, role->name,
			    role_by_webhook[i], ""), "is ignored where the "
			    "operator's webhook is off; %s.template works "
			    "with either", role->name);
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		text = jv_text(jv_member(o, formats[i].field));
		if (text && !formats[i].is(text))
			crd_found(c, CRD_WRONG, path_of(path, role->name,
			    formats[i].field, ""), "is '%.60s', must be %s",
			    text, formats[i].words);
	}
	if (jv_member(o, "nodeSelector") && jv_member(spec, "nodeSelector"))
		crd_found(c, CRD_WRONG, path_of(path, role->name,
		    "nodeSelector", ""), "cannot stand beside "
		    "spec.nodeSelector");
	value = jv_member(o, "template");
	if (value)
		check_template(c, role, value);
}

static void
check_conf(const struct crd_check *c, json_object *manifest)
{
	AUTO_BUF struct buf path = BUF_INIT(4096);
	const char *ns = jv_str(manifest, "metadata.namespace");
	json_object *conf = jv_get(manifest, "spec.sparkConf");
	const char *text;

	for (size_t i = 0; i < ARRAY_LEN(refused_conf); i++) {
		if (!jv_member(conf, refused_conf[i]))
			continue;
		buf_clear(&path);
		buf_addstr(&path, "spec.sparkConf");
		crd_path_member(&path, refused_conf[i]);
		crd_found(c, CRD_WRONG, path.data, "is refused by the "
		    "operator; it has a field of its own");
	}
	text = jv_text(jv_member(conf, "spark.kubernetes.namespace"));
	if (text && ns && strcmp(text, ns) != 0)
		crd_found(c, CRD_WRONG,
		    "spec.sparkConf[\"spark.kubernetes.namespace\"]",
		    "must be the application's own namespace");
}

static bool
is_dynamic(json_object *spec)
{
	return jv_bool(spec, "dynamicAllocation.enabled", false);
}

/* With the webhook off nobody sets these, and spark-submit or retries fail. */
static void
check_defaults(const struct crd_check *c, json_object *spec)
{
	json_object *retries = jv_get(spec, "restartPolicy");
	static const char *const kinds[] = { "Failure", "SubmissionFailure" };
	char path[256], name[64];

	for (size_t i = 0; i < ARRAY_LEN(defaulted); i++)
		if (!jv_get(spec, defaulted[i]))
			crd_found(c, CRD_HAZARD, path_of(path, defaulted[i],
			    "", ""), "is missing, and set only where the "
			    "operator's webhook is on");
	if (!jv_get(spec, "executor.instances") && !is_dynamic(spec))
		crd_found(c, CRD_HAZARD, "spec.executor.instances",
		    "is missing, and set only where the operator's webhook "
		    "is on");
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		snprintf(name, sizeof name, "on%sRetries", kinds[i]);
		if (jv_int(retries, name, 0) == 0)
			continue;
		snprintf(name, sizeof name, "on%sRetryInterval", kinds[i]);
		if (!jv_member(retries, name))
			crd_found(c, CRD_HAZARD, path_of(path, "restartPolicy",
			    name, ""), "is missing: without the operator's "
			    "webhook, retries never come");
	}
}

/* Ports and URLs of additional ingresses: set, and each its own. */
static void
check_ingresses(const struct crd_check *c, json_object *list)
{
	size_t n = json_object_is_type(list, json_type_array) ?
	    json_object_array_length(list) : 0;
	char path[256];

	for (size_t i = 0; i < n; i++) {
		json_object *a = json_object_array_get_idx(list, i);
		const char *url = jv_str(a, "ingressURLFormat");

		snprintf(path, sizeof path,
		    "spec.driverIngressOptions[%zu].ingressURLFormat", i);
		if (!url || !*url)
			crd_found(c, CRD_WRONG, path, "is missing");
		for (size_t j = 0; j < i; j++) {
			json_object *b = json_object_array_get_idx(list, j);
			const char *other = jv_str(b, "ingressURLFormat");

			if ((url && other && strcmp(url, other) == 0) ||
			    jv_int(a, "servicePort", -1) ==
			    jv_int(b, "servicePort", -2))
				crd_found(c, CRD_WRONG, path, "the ports and "
				    "URLs of driverIngressOptions must "
				    "differ");
		}
	}
}

void
crd_check_rules(const struct crd_check *c, json_object *manifest)
{
	json_object *spec = jv_member(manifest, "spec");
	char path[256];

	for (size_t i = 0; i < ARRAY_LEN(roles); i++)
		check_role(c, &roles[i], spec);
	for (size_t i = 0; i < ARRAY_LEN(spec_by_webhook); i++)
		if (jv_member(spec, spec_by_webhook[i]))
			crd_found(c, CRD_HAZARD, path_of(path,
			    spec_by_webhook[i], "", ""), "is ignored where "
			    "the operator's webhook is off");
	check_conf(c, manifest);
	check_defaults(c, spec);
	check_ingresses(c, jv_member(spec, "driverIngressOptions"));
}

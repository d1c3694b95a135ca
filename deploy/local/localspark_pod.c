#include "config.h"

#include "localspark_pod.h"

#include <sys/random.h>

#include "buf.h"
#include "err.h"
#include "jv.h"
#include "localspark_conf.h"

#define ARG_MAX_BYTES (1 << 20)	/* of one argument; longer ones go missing */

static json_object *
str(const char *s)
{
	return json_object_new_string(s);
}

/* The member, made if need be; wrong types of a template are replaced. */
static json_object *
object_at(json_object *o, const char *key)
{
	json_object *m = jv_member(o, key);

	if (!json_object_is_type(m, json_type_object)) {
		m = json_object_new_object();
		json_object_object_add(o, key, m);
	}
	return m;
}

static json_object *
array_at(json_object *o, const char *key)
{
	json_object *m = jv_member(o, key);

	if (!json_object_is_type(m, json_type_array)) {
		m = json_object_new_array();
		json_object_object_add(o, key, m);
	}
	return m;
}

static void
set(json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, str(value));
}

/* Copies a field of the application if it is there. */
static void
copy(json_object *app, const char *path, json_object *o, const char *key)
{
	json_object *value = jv_get(app, path);

	if (value)
		json_object_object_add(o, key, json_object_get(value));
}

static void
add_all(json_object *o, json_object *from)
{
	if (!json_object_is_type(from, json_type_object))
		return;
	json_object_object_foreach(from, key, value)
		json_object_object_add(o, key, json_object_get(value));
}

/* Entries of sparkConf under a prefix, as members without it. */
static void
add_prefixed(json_object *o, json_object *app, const char *prefix)
{
	json_object *conf = jv_get(app, "spec.sparkConf");

	if (!json_object_is_type(conf, json_type_object))
		return;
	json_object_object_foreach(conf, key, value)
		if (strncmp(key, prefix, strlen(prefix)) == 0)
			json_object_object_add(o, key + strlen(prefix),
			    json_object_get(value));
}

void
submission_new(struct submission *ret)
{
	unsigned char r[32];
	char *p = ret->app_id;

	if (getrandom(r, sizeof r, 0) != (ssize_t)sizeof r)
		abort();	/* 32 bytes are never cut short */
	r[6] = (unsigned char)((r[6] & 0x0f) | 0x40);
	r[8] = (unsigned char)((r[8] & 0x3f) | 0x80);
	snprintf(ret->id, sizeof ret->id, "%02x%02x%02x%02x-%02x%02x-%02x%02x-"
	    "%02x%02x-%02x%02x%02x%02x%02x%02x", r[0], r[1], r[2], r[3], r[4],
	    r[5], r[6], r[7], r[8], r[9], r[10], r[11], r[12], r[13], r[14],
	    r[15]);
	p += snprintf(p, 7, "spark-");
	for (size_t i = 16; i < 32; i++, p += 2)
		snprintf(p, 3, "%02x", r[i]);
}

const char *
driver_pod_name(json_object *app, char ret[KUBE_NAME_MAX + 1])
{
	const char *name = jv_str(app, "spec.driver.podName");

	if (!name)
		name = spark_conf_asked(app,
		    "spark.kubernetes.driver.pod.name");
	if (name && strlen(name) <= KUBE_NAME_MAX)
		return name;
	name = jv_str(app, "metadata.name");
	snprintf(ret, KUBE_NAME_MAX + 1, "%.200s-driver", name ? name : "");
	return ret;
}

/* --jars a,b */
static void
add_option(json_object *args, const char *option, json_object *list)
{
	AUTO_BUF struct buf joined = BUF_INIT(ARG_MAX_BYTES);
	const char *item;

	if (!json_object_is_type(list, json_type_array))
		return;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		item = jv_text(json_object_array_get_idx(list, i));
		if (item && joined.len > 0)
			buf_addch(&joined, ',');
		if (item)
			buf_addstr(&joined, item);
	}
	if (!buf_ok(&joined) || joined.len == 0)
		return;
	json_object_array_add(args, str(option));
	json_object_array_add(args, str(joined.data));
}

static json_object *
driver_args(json_object *app, json_object *conf)
{
	static const struct {
		const char *option, *field;
	} options[] = {
		{ "--jars", "spec.deps.jars" },
		{ "--files", "spec.deps.files" },
		{ "--py-files", "spec.deps.pyFiles" },
		{ "--archives", "spec.deps.archives" },
		{ "--packages", "spec.deps.packages" },
		{ "--exclude-packages", "spec.deps.excludePackages" },
		{ "--repositories", "spec.deps.repositories" },
	};
	json_object *args = json_object_new_array();
	json_object *own = jv_get(app, "spec.arguments");
	const char *proxy_user = jv_str(app, "spec.proxyUser");
	const char *class = jv_str(app, "spec.mainClass");

	json_object_array_add(args, str("driver"));
	if (proxy_user) {
		json_object_array_add(args, str("--proxy-user"));
		json_object_array_add(args, str(proxy_user));
	}
	json_object_object_foreach(conf, key, value) {
		AUTO_BUF struct buf text = BUF_INIT(ARG_MAX_BYTES);

		buf_addf(&text, "%s=%s", key, jv_text(value));
		json_object_array_add(args, str("--conf"));
		json_object_array_add(args, str(text.data));
	}
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		add_option(args, options[i].option,
		    jv_get(app, options[i].field));
	if (class && !spark_is_script(app)) {
		json_object_array_add(args, str("--class"));
		json_object_array_add(args, str(class));
	}
	json_object_array_add(args,
	    str(jv_str(app, "spec.mainApplicationFile")));
	if (json_object_is_type(own, json_type_array))
		for (size_t i = 0; i < json_object_array_length(own); i++)
			json_object_array_add(args, json_object_get(
			    json_object_array_get_idx(own, i)));
	return args;
}

static json_object *
env_find(json_object *env, const char *name)
{
	const char *found;

	for (size_t i = 0; i < json_object_array_length(env); i++) {
		json_object *one = json_object_array_get_idx(env, i);

		found = jv_str(one, "name");
		if (found && strcmp(found, name) == 0)
			return one;
	}
	return NULL;
}

/* Sets a variable; the template's own of this name gives way. */
static json_object *
env_set(json_object *env, const char *name)
{
	json_object *one = env_find(env, name);

	if (one) {
		json_object_object_del(one, "value");
		json_object_object_del(one, "valueFrom");
		return one;
	}
	one = json_object_new_object();
	set(one, "name", name);
	json_object_array_add(env, one);
	return one;
}

static void
env_pod_ip(json_object *env, const char *name)
{
	json_object *from = object_at(env_set(env, name), "valueFrom");
	json_object *ref = object_at(from, "fieldRef");

	set(ref, "apiVersion", "v1");
	set(ref, "fieldPath", "status.podIP");
}

/* What clients name in conf, as Spark reads it: VARIABLE = SECRET:KEY. */
static void
add_secret_refs(json_object *env, json_object *app)
{
	AUTO_JSON json_object *refs = json_object_new_object();

	add_prefixed(refs, app, "spark.kubernetes.driver.secretKeyRef.");
	json_object_object_foreach(refs, variable, value) {
		const char *name = json_object_get_string(value);
		const char *colon = strchr(name, ':');
		json_object *ref;

		if (!colon)
			continue;
		ref = object_at(object_at(env_set(env, variable), "valueFrom"),
		    "secretKeyRef");
		json_object_object_add(ref, "name", json_object_new_string_len(
		    name, (int)(colon - name)));
		set(ref, "key", colon + 1);
	}
}

static void
set_env(json_object *container, json_object *app, const struct submission *sub)
{
	AUTO_JSON json_object *own = json_object_new_object();
	json_object *env = array_at(container, "env");
	json_object *keys = jv_get(app, "spec.driver.envSecretKeyRefs");

	set(env_set(env, "SPARK_USER"), "value", "spark");
	add_prefixed(own, app, "spark.kubernetes.driverEnv.");
	add_all(own, jv_get(app, "spec.driver.envVars"));
	json_object_object_foreach(own, name, value)
		json_object_object_add(env_set(env, name), "value",
		    json_object_get(value));
	if (json_object_is_type(keys, json_type_object)) {
		json_object_object_foreach(keys, variable, ref)
			json_object_object_add(object_at(env_set(env,
			    variable), "valueFrom"), "secretKeyRef",
			    json_object_get(ref));
	}
	add_secret_refs(env, app);
	set(env_set(env, "SPARK_APPLICATION_ID"), "value", sub->app_id);
	env_pod_ip(env, "SPARK_DRIVER_BIND_ADDRESS");
	/*
	 * With a local master the driver is its own executor, and its UI
	 * asks this variable where to listen: nowhere but on the pod's own
	 * address.
	 */
	env_pod_ip(env, "SPARK_LOCAL_IP");
}

static bool
set_resources(json_object *container, json_object *app, struct err *err)
{
	json_object *resources = object_at(container, "resources");
	json_object *limits = object_at(resources, "limits");
	json_object *requests = object_at(resources, "requests");
	json_object *cores = jv_get(app, "spec.driver.cores");
	const char *conf = spark_conf_asked(app, "spark.driver.cores");
	char memory[32];
	int64_t mib;

	if (!spark_driver_mib(app, &mib, err))
		return false;
	snprintf(memory, sizeof memory, "%lldMi", (long long)mib);
	set(limits, "memory", memory);
	set(requests, "memory", memory);
	set(requests, "cpu", cores ? json_object_get_string(cores) :
	    conf ? conf : "1");
	copy(app, "spec.driver.coreRequest", requests, "cpu");
	copy(app, "spec.driver.coreLimit", limits, "cpu");
	return true;
}

static void
add_port(json_object *ports, const char *name, int number)
{
	json_object *port = json_object_new_object();

	set(port, "name", name);
	json_object_object_add(port, "containerPort",
	    json_object_new_int(number));
	set(port, "protocol", "TCP");
	json_object_array_add(ports, port);
}

/* The template's container of Spark's name, else its first, else a new one. */
static json_object *
spark_container(json_object *spec)
{
	json_object *list = array_at(spec, "containers");
	json_object *one = env_find(list, SPARK_CONTAINER);

	if (!one)
		one = json_object_array_get_idx(list, 0);
	if (!json_object_is_type(one, json_type_object)) {
		one = json_object_new_object();
		json_object_array_put_idx(list, 0, one);
	}
	if (!jv_str(one, "name"))
		set(one, "name", SPARK_CONTAINER);
	return one;
}

static bool
set_container(json_object *spec, json_object *app, json_object *conf,
    const struct submission *sub, struct err *err)
{
	json_object *container = spark_container(spec);
	json_object *ports = array_at(container, "ports");

	copy(app, "spec.image", container, "image");
	copy(app, "spec.driver.image", container, "image");
	if (!jv_str(container, "image"))
		return spark_refuse(err, "org.apache.spark.SparkException",
		    "Must specify the driver container image");
	copy(app, "spec.imagePullPolicy", container, "imagePullPolicy");
	add_port(ports, "driver-rpc-port", 7078);
	add_port(ports, "blockmanager", 7079);
	add_port(ports, "spark-ui", 4040);
	json_object_object_add(container, "args", driver_args(app, conf));
	set_env(container, app, sub);
	return set_resources(container, app, err);
}

static void
set_metadata(json_object *pod, json_object *app, const struct submission *sub)
{
	json_object *metadata = object_at(pod, "metadata");
	json_object *labels = object_at(metadata, "labels");
	json_object *annotations = object_at(metadata, "annotations");
	json_object *owner = json_object_new_object();
	json_object *owners = json_object_new_array();
	char name[KUBE_NAME_MAX + 1];

	set(metadata, "name", driver_pod_name(app, name));
	copy(app, "metadata.namespace", metadata, "namespace");
	add_prefixed(labels, app, "spark.kubernetes.driver.label.");
	add_all(labels, jv_get(app, "metadata.labels"));
	add_all(labels, jv_get(app, "spec.driver.labels"));
	add_prefixed(annotations, app, "spark.kubernetes.driver.annotation.");
	add_all(annotations, jv_get(app, "spec.driver.annotations"));
	set(labels, "spark-role", "driver");
	set(labels, LABEL_APP_ID, sub->app_id);
	copy(app, "metadata.name", labels, "spark-app-name");
	copy(app, "spec.sparkVersion", labels, "spark-version");
	copy(app, "metadata.name", labels, LABEL_APP_NAME);
	set(labels, LABEL_LAUNCHED, "true");
	set(labels, LABEL_SUBMISSION, sub->id);

	set(owner, "apiVersion", "sparkoperator.k8s.io/v1beta2");
	set(owner, "kind", "SparkApplication");
	copy(app, "metadata.name", owner, "name");
	copy(app, "metadata.uid", owner, "uid");
	json_object_object_add(owner, "controller",
	    json_object_new_boolean(true));
	json_object_object_add(owner, "blockOwnerDeletion",
	    json_object_new_boolean(true));
	json_object_array_add(owners, owner);
	json_object_object_add(metadata, "ownerReferences", owners);
}

static void
set_spec(json_object *spec, json_object *app)
{
	json_object *secrets = jv_get(app, "spec.imagePullSecrets");
	json_object *list, *one;

	set(spec, "restartPolicy", "Never");
	copy(app, "spec.driver.serviceAccount", spec, "serviceAccountName");
	if (jv_get(app, "spec.nodeSelector"))
		add_all(object_at(spec, "nodeSelector"),
		    jv_get(app, "spec.nodeSelector"));
	if (!json_object_is_type(secrets, json_type_array))
		return;
	list = array_at(spec, "imagePullSecrets");
	for (size_t i = 0; i < json_object_array_length(secrets); i++) {
		one = json_object_new_object();
		json_object_object_add(one, "name", json_object_get(
		    json_object_array_get_idx(secrets, i)));
		json_object_array_add(list, one);
	}
}

bool
driver_pod(json_object *app, const struct submission *sub,
    json_object **ret_new, struct err *err)
{
	AUTO_JSON json_object *pod = NULL;
	AUTO_JSON json_object *conf = NULL;
	json_object *template = jv_get(app, "spec.driver.template");
	json_object *spec;

	if (!spark_conf(app, &conf, err))
		return false;
	if (!json_object_is_type(template, json_type_object))
		pod = json_object_new_object();
	else if (json_object_deep_copy(template, &pod, NULL) != 0)
		abort();	/* out of memory */
	set(pod, "apiVersion", "v1");
	set(pod, "kind", "Pod");
	set_metadata(pod, app, sub);
	spec = object_at(pod, "spec");
	if (!set_container(spec, app, conf, sub, err))
		return false;
	set_spec(spec, app);
	*ret_new = json_object_get(pod);
	return true;
}

#include "config.h"

#include "localspark_conf.h"

#include <ctype.h>
#include <stdarg.h>

#include "err.h"
#include "jv.h"
#include "num.h"

#define LEAST_OVERHEAD_MIB 384
#define MIB_MAX (1LL << 30)	/* a driver of a pebibyte is a mistake */

bool
spark_refuse(struct err *err, const char *exception, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return err_set(err, 400, "Exception in thread \"main\" %s: %s\n"
	    "\tat org.apache.spark.deploy.SparkSubmit.main("
	    "SparkSubmit.scala)\n",
	    exception, text);
}

const char *
spark_conf_asked(json_object *app, const char *key)
{
	return jv_text(jv_member(jv_get(app, "spec.sparkConf"), key));
}

static bool
ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

bool
spark_is_script(json_object *app)
{
	const char *file = jv_str(app, "spec.mainApplicationFile");

	return file && (ends_with(file, ".py") || ends_with(file, ".R") ||
	    ends_with(file, ".r"));
}

/* Keys that mean a cluster, or that the pod's entry point decides. */
static bool
is_left_out(const char *key)
{
	static const char *const prefixes[] = {
		"spark.kubernetes.", "spark.dynamicAllocation." };
	static const char *const keys[] = { "spark.master",
		"spark.submit.deployMode", "spark.driver.host",
		"spark.driver.bindAddress", "spark.executor.instances" };

	if (strncmp(key, "spark.", 6) != 0)
		return true;	/* spark-submit passes over these */
	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
		if (strncmp(key, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (strcmp(key, keys[i]) == 0)
			return true;
	return false;
}

/* Java's reading of a size ("512m", "4g", "1024" of the unit) as bytes. */
static bool
bytes(const char *s, int64_t unit, int64_t *ret, struct err *err)
{
	static const struct {
		const char *suffix;
		int shift;
	} units[] = { { "b", 0 }, { "k", 10 }, { "kb", 10 }, { "m", 20 },
		{ "mb", 20 }, { "g", 30 }, { "gb", 30 }, { "t", 40 },
		{ "tb", 40 }, { "p", 50 }, { "pb", 50 } };
	char digits[24], suffix[24];
	size_t n = strspn(s, "0123456789"), m = strlen(s + n);
	int64_t number, factor = m ? 0 : unit;

	if (n > 0 && n < sizeof digits && m < sizeof suffix) {
		memcpy(digits, s, n);
		digits[n] = '\0';
		for (size_t i = 0; i <= m; i++)
			suffix[i] = (char)tolower((unsigned char)s[n + i]);
		for (size_t i = 0; i < ARRAY_LEN(units); i++)
			if (strcmp(suffix, units[i].suffix) == 0)
				factor = 1LL << units[i].shift;
		if (factor && num_int(digits, 0, INT64_MAX, &number) &&
		    !__builtin_mul_overflow(number, factor, ret))
			return true;
	}
	return spark_refuse(err, "java.lang.NumberFormatException",
	    "Size must be specified as bytes (b), kibibytes (k), mebibytes "
	    "(m), gibibytes (g), tebibytes (t), or pebibytes(p). E.g. 50b, "
	    "100k, or 250m.\nFailed to parse byte string: %.200s", s);
}

static bool
mib(const char *s, int64_t *ret, struct err *err)
{
	int64_t n = 0;

	if (!bytes(s, 1 << 20, &n, err))
		return false;
	*ret = n >> 20;
	if (*ret > MIB_MAX)
		return spark_refuse(err, "java.lang.IllegalArgumentException",
		    "%.200s is too much memory", s);
	return true;
}

/* A field of the specification, else the conf key, else the fallback. */
static const char *
setting(json_object *app, const char *field, const char *key,
    const char *fallback)
{
	const char *s = jv_str(app, field);

	s = s ? s : spark_conf_asked(app, key);
	return s ? s : fallback;
}

bool
spark_driver_mib(json_object *app, int64_t *ret, struct err *err)
{
	const char *overhead = setting(app, "spec.driver.memoryOverhead",
	    "spark.driver.memoryOverhead", NULL);
	const char *factor = setting(app, "spec.memoryOverheadFactor",
	    "spark.driver.memoryOverheadFactor",
	    spark_is_script(app) ? "0.4" : "0.1");
	int64_t heap, beside;
	double share;
	char *end;

	if (!mib(setting(app, "spec.driver.memory", "spark.driver.memory",
	    "1g"), &heap, err))
		return false;
	if (heap <= 0)
		return spark_refuse(err, "org.apache.spark.SparkException",
		    "Driver memory must be a positive number");
	if (overhead) {
		if (!mib(overhead, &beside, err))
			return false;
	} else {
		share = strtod(factor, &end);
		if (end == factor || *end || !(share >= 0 && share < 100))
			return spark_refuse(err,
			    "java.lang.NumberFormatException",
			    "For input string: \"%.200s\"", factor);
		beside = (int64_t)(share * (double)heap);
		if (beside < LEAST_OVERHEAD_MIB)
			beside = LEAST_OVERHEAD_MIB;
	}
	*ret = heap + beside;
	return true;
}

/* spark.kubernetes.driver.volumes.TYPE.…: an unknown type is refused. */
static bool
check_volumes(const char *key, struct err *err)
{
	static const char *const prefixes[] = {
		"spark.kubernetes.driver.volumes.",
		"spark.kubernetes.executor.volumes." };
	static const char *const types[] = { "hostPath",
		"persistentVolumeClaim", "emptyDir", "nfs" };
	const char *type;
	size_t n;

	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
		if (strncmp(key, prefixes[i], strlen(prefixes[i])) != 0)
			continue;
		type = key + strlen(prefixes[i]);
		n = strcspn(type, ".");
		for (size_t j = 0; j < ARRAY_LEN(types); j++)
			if (strlen(types[j]) == n &&
			    strncmp(types[j], type, n) == 0)
				return true;
		return spark_refuse(err, "java.lang.IllegalArgumentException",
		    "Kubernetes Volume type `%.*s` is not supported",
		    (int)(n < 200 ? n : 200), type);
	}
	return true;
}

static bool
take_map(json_object *map, const char *prefix, json_object *conf,
    struct err *err)
{
	char key[512];

	if (!json_object_is_type(map, json_type_object))
		return true;
	json_object_object_foreach(map, name, value) {
		if (snprintf(key, sizeof key, "%s%s", prefix, name) >=
		    (int)sizeof key)
			return spark_refuse(err,
			    "java.lang.IllegalArgumentException",
			    "conf key %.100s… is too long", key);
		if (!check_volumes(key, err))
			return false;
		if (!is_left_out(key) && jv_text(value))
			json_object_object_add(conf, key,
			    json_object_get(value));
	}
	return true;
}

/* The fields that the operator passes as conf, in its order. */
static void
take_fields(json_object *app, json_object *conf)
{
	static const struct {
		const char *field, *key;
	} fields[] = {
		{ "metadata.name", "spark.app.name" },
		{ "spec.driver.cores", "spark.driver.cores" },
		{ "spec.driver.memory", "spark.driver.memory" },
		{ "spec.driver.memoryOverhead",
		    "spark.driver.memoryOverhead" },
		{ "spec.driver.javaOptions", "spark.driver.extraJavaOptions" },
		{ "spec.executor.cores", "spark.executor.cores" },
		{ "spec.executor.memory", "spark.executor.memory" },
		{ "spec.executor.memoryOverhead",
		    "spark.executor.memoryOverhead" },
		{ "spec.executor.javaOptions",
		    "spark.executor.extraJavaOptions" },
	};
	json_object *value;

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		value = jv_get(app, fields[i].field);
		if (value)
			json_object_object_add(conf, fields[i].key,
			    json_object_new_string(
			    json_object_get_string(value)));
	}
}

/* What spark-submit looks at before it asks the API server for anything. */
static bool
check(json_object *app, json_object *conf, struct err *err)
{
	const char *file = jv_str(app, "spec.mainApplicationFile");
	const char *memory = jv_text(jv_member(conf, "spark.executor.memory"));
	const char *instances = spark_conf_asked(app,
	    "spark.executor.instances");
	int64_t n;

	if (memory && !mib(memory, &n, err))
		return false;
	if (instances && !num_int(instances, 1, INT32_MAX, &n) &&
	    !jv_bool(app, "spec.dynamicAllocation.enabled", false))
		return spark_refuse(err, "org.apache.spark.SparkException",
		    "Number of executors must be a positive number");
	if (!file)
		return spark_refuse(err, "org.apache.spark.SparkException",
		    "Missing application resource.");
	if (!spark_is_script(app) && !jv_str(app, "spec.mainClass"))
		return spark_refuse(err, "org.apache.spark.SparkException",
		    "Cannot load main class from JAR %.300s. Please specify "
		    "a class through --class.", file);
	return true;
}

bool
spark_conf(json_object *app, json_object **ret_new, struct err *err)
{
	AUTO_JSON json_object *conf = json_object_new_object();

	json_object_object_add(conf, "spark.master",
	    json_object_new_string("local[*]"));
	if (!take_map(jv_get(app, "spec.sparkConf"), "", conf, err) ||
	    !take_map(jv_get(app, "spec.hadoopConf"), "spark.hadoop.", conf,
	    err))
		return false;
	take_fields(app, conf);
	if (!check(app, conf, err))
		return false;
	*ret_new = json_object_get(conf);
	return true;
}

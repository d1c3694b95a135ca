#include "config.h"

#include "crd.h"

#include "jv.h"

#define PATH_BYTES_MAX 4096
#define LABEL_MAX 63
#define PREFIX_MAX 253
#define PORT_MAX 49151	/* of the definition, for Prometheus */

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"
#define LETTERS LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

static const char *const meta_fields[] = { "annotations",
	"creationTimestamp", "deletionGracePeriodSeconds",
	"deletionTimestamp", "finalizers", "generateName", "generation",
	"labels", "managedFields", "name", "namespace", "ownerReferences",
	"resourceVersion", "selfLink", "uid" };

/* len bytes of allowed ones, the first and the last of outer ones. */
static bool
is_name(const char *s, size_t len, size_t max, const char *outer,
    const char *allowed)
{
	if (len == 0 || len > max || !strchr(outer, s[0]) ||
	    !strchr(outer, s[len - 1]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!strchr(allowed, s[i]))
			return false;
	return true;
}

static bool
is_label_value(const char *s)
{
	return !*s || is_name(s, strlen(s), LABEL_MAX, LETTERS DIGITS,
	    LETTERS DIGITS "-_.");
}

/* Labels with dots between: "a.b-c". */
static bool
is_dns_name(const char *s, size_t len)
{
	size_t n = 0;

	if (len == 0 || len > PREFIX_MAX)
		return false;
	for (size_t at = 0; at <= len; at += n + 1) {
		for (n = 0; at + n < len && s[at + n] != '.';)
			n++;
		if (!is_name(s + at, n, PREFIX_MAX, LOWER DIGITS,
		    LOWER DIGITS "-"))
			return false;
	}
	return true;
}

/* "name" or "prefix/name", of labels and annotations. */
static bool
is_key(const char *s)
{
	const char *slash = strchr(s, '/');
	const char *name = slash ? slash + 1 : s;

	return (!slash || is_dns_name(s, (size_t)(slash - s))) &&
	    is_name(name, strlen(name), LABEL_MAX, LETTERS DIGITS,
	    LETTERS DIGITS "-_.");
}

/*
 * MAJOR[.MINOR[.PATCH[-…]]] of 3.0.0 or above: anything else counts as less
 * to the operator.
 */
static bool
is_version(const char *s)
{
	size_t n = strspn(s, DIGITS);

	if (n == 1 && *s < '3')
		return false;
	for (int part = 0; part < 3; part++) {
		n = strspn(s, DIGITS);
		if (n == 0 || (n > 1 && *s == '0'))
			return false;
		s += n;
		if (!*s)
			return true;
		if (*s != '.')
			return part == 2 && (*s == '-' || *s == '+') && s[1] &&
			    s[1 + strspn(s + 1, LETTERS DIGITS "-.+")] == '\0';
		s++;
	}
	return false;
}

/* "2", "1.5", "500m", "4Gi", "1e3": an amount of something. */
static bool
is_quantity(const char *s)
{
	static const char *const units[] = { "", "n", "u", "m", "k", "M", "G",
		"T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei" };
	size_t whole, part = 0;

	s += *s == '+' || *s == '-';
	whole = strspn(s, DIGITS);
	s += whole;
	if (*s == '.') {
		part = strspn(s + 1, DIGITS);
		s += 1 + part;
	}
	if (whole + part == 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (strcmp(s, units[i]) == 0)
			return true;
	if (*s != 'e' && *s != 'E')
		return false;
	s += 1 + (s[1] == '+' || s[1] == '-');
	return *s && s[strspn(s, DIGITS)] == '\0';
}

/* A map of labels or annotations below path, which is left as it was. */
static void
check_pairs(const struct crd_check *c, json_object *o, struct buf *path,
    const char *name, bool labels)
{
	json_object *map = jv_member(o, name);
	size_t len = path->len, within;

	if (!json_object_is_type(map, json_type_object))
		return;
	crd_path_member(path, name);
	within = path->len;
	json_object_object_foreach(map, key, value) {
		const char *text = jv_text(value);

		crd_path_member(path, key);
		if (!is_key(key))
			crd_found(c, CRD_WRONG, path->data, "is no name that "
			    "a label or an annotation can have");
		if (!json_object_is_type(value, json_type_string))
			crd_found(c, CRD_WRONG, path->data, "must be a text");
		else if (labels && !is_label_value(text))
			crd_found(c, CRD_WRONG, path->data, "is '%.100s', "
			    "must be up to 63 letters, digits, '-', '_' and "
			    "'.', with one of the former at both ends", text);
		buf_truncate(path, within);
	}
	buf_truncate(path, len);
}

static void
check_meta(const struct crd_check *c, json_object *meta, struct buf *path)
{
	size_t len = path->len;

	if (!json_object_is_type(meta, json_type_object))
		return;
	check_pairs(c, meta, path, "labels", true);
	check_pairs(c, meta, path, "annotations", false);
	json_object_object_foreach(meta, key, value) {
		size_t i = 0;

		(void)value;
		while (i < ARRAY_LEN(meta_fields) &&
		    strcmp(meta_fields[i], key) != 0)
			i++;
		if (i < ARRAY_LEN(meta_fields))
			continue;
		crd_path_member(path, key);
		crd_found(c, CRD_UNKNOWN, path->data,
		    "there is no such field");
		buf_truncate(path, len);
	}
}

static void
check_amounts(const struct crd_check *c, json_object *o, struct buf *path)
{
	size_t len = path->len;

	if (!json_object_is_type(o, json_type_object))
		return;
	json_object_object_foreach(o, key, value) {
		const char *text = jv_text(value);

		crd_path_member(path, key);
		if (text && !is_quantity(text))
			crd_found(c, CRD_WRONG, path->data, "is '%.60s', must "
			    "be an amount, such as 2, 500m or 4Gi", text);
		buf_truncate(path, len);
	}
}

/* Containers of one list: what they ask for, and what they mount where. */
static void
check_containers(const struct crd_check *c, json_object *o,
    struct buf *path, const char *name)
{
	static const char *const kinds[] = { "limits", "requests" };
	json_object *list = jv_member(o, name), *resources;
	size_t len = path->len, within, at;

	if (!json_object_is_type(list, json_type_array))
		return;
	crd_path_member(path, name);
	within = path->len;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		resources = jv_member(json_object_array_get_idx(list, i),
		    "resources");
		crd_path_item(path, i);
		crd_path_member(path, "resources");
		at = path->len;
		for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
			crd_path_member(path, kinds[k]);
			check_amounts(c, jv_member(resources, kinds[k]), path);
			buf_truncate(path, at);
		}
		buf_truncate(path, within);
	}
	buf_truncate(path, len);
}

static void
check_role(const struct crd_check *c, json_object *spec, const char *role)
{
	AUTO_BUF struct buf path = BUF_INIT(PATH_BYTES_MAX);
	json_object *o = jv_member(spec, role);
	json_object *template = jv_member(o, "template");

	buf_addf(&path, "spec.%s", role);
	check_pairs(c, o, &path, "labels", true);
	check_pairs(c, o, &path, "annotations", false);
	check_containers(c, o, &path, "initContainers");
	check_containers(c, o, &path, "sidecars");
	buf_addstr(&path, ".template.metadata");
	check_meta(c, jv_member(template, "metadata"), &path);
	buf_clear(&path);
	buf_addf(&path, "spec.%s.template.spec", role);
	check_containers(c, jv_member(template, "spec"), &path, "containers");
	check_containers(c, jv_member(template, "spec"), &path,
	    "initContainers");
}

void
crd_check_names(const struct crd_check *c, json_object *manifest)
{
	AUTO_BUF struct buf path = BUF_INIT(PATH_BYTES_MAX);
	json_object *spec = jv_member(manifest, "spec");
	const char *version = jv_str(spec, "sparkVersion");
	const char *pod = jv_str(spec, "driver.podName");

	buf_addstr(&path, "metadata");
	check_meta(c, jv_member(manifest, "metadata"), &path);
	check_role(c, spec, "driver");
	check_role(c, spec, "executor");
	buf_clear(&path);
	buf_addstr(&path, "spec.batchSchedulerOptions.resources");
	check_amounts(c, jv_get(spec, "batchSchedulerOptions.resources"),
	    &path);
	if (version && !is_version(version) &&
	    (jv_get(spec, "driver.template") ||
	    jv_get(spec, "executor.template")))
		crd_found(c, CRD_WRONG, "spec.sparkVersion", "is '%.60s', but "
		    "pod templates need 3.0.0 or above", version);
	if (pod && !is_dns_name(pod, strlen(pod)))
		crd_found(c, CRD_WRONG, "spec.driver.podName", "is '%.100s', "
		    "must be a DNS name", pod);
	if (jv_int(spec, "monitoring.prometheus.port", 0) > PORT_MAX)
		crd_found(c, CRD_WRONG, "spec.monitoring.prometheus.port",
		    "must be at most %d", PORT_MAX);
}

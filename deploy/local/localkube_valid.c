#include "config.h"

#include "localkube_valid.h"

#include <ctype.h>

#include "buf.h"
#include "crd.h"
#include "jv.h"
#include "localkube_core.h"

#define FIELD_PATH_MAX 1024
#define ANNOTATIONS_MAX (256 * 1024)

#define DNS_SUBDOMAIN "a lowercase RFC 1123 subdomain must consist of lower " \
	"case alphanumeric characters, '-' or '.', and must start and end " \
	"with an alphanumeric character (e.g. 'example.com', regex used for " \
	"validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]" \
	"([-a-z0-9]*[a-z0-9])?)*')"
#define LABEL_VALUE "a valid label must be an empty string or consist of " \
	"alphanumeric characters, '-', '_' or '.', and must start and end " \
	"with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or " \
	"'12345', regex used for validation is '(([A-Za-z0-9]" \
	"[-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
#define NAME_PART "name part must consist of alphanumeric characters, '-', " \
	"'_' or '.', and must start and end with an alphanumeric character " \
	"(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for " \
	"validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"

static const char *
type_word(json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_null:
		return "null";
	case json_type_boolean:
		return "boolean";
	case json_type_double:
		return "number";
	case json_type_int:
		return "integer";
	case json_type_object:
		return "object";
	case json_type_array:
		return "array";
	case json_type_string:
		return "string";
	}
	return "null";
}

static bool
typed(json_object *value, json_type type, const char *want, const char *path,
    json_object *causes)
{
	const char *is = type_word(value);

	if (json_object_is_type(value, type))
		return true;
	kst_cause(causes, "FieldValueTypeInvalid", path,
	    "Invalid value: \"%s\": %s in body must be of type %s: \"%s\"",
	    is, path, want, is);
	return false;
}

static void check_fields(json_object *o, const struct crd_field *fields,
    const char *path, json_object *causes);

static void
check_words(const struct crd_field *f, const char *value, const char *path,
    json_object *causes)
{
	AUTO_BUF struct buf list = BUF_INIT(1024);
	size_t n;

	for (const char *w = f->words; *w; w += n + (w[n] == '|')) {
		n = strcspn(w, "|");
		if (n == strlen(value) && memcmp(w, value, n) == 0)
			return;
		buf_addf(&list, "%s\"%.*s\"", list.len > 0 ? ", " : "",
		    (int)n, w);
	}
	kst_cause(causes, "FieldValueNotSupported", path,
	    "Unsupported value: \"%s\": supported values: %s", value,
	    list.data);
}

static void
check_int(const struct crd_field *f, json_object *value, const char *path,
    json_object *causes)
{
	if (typed(value, json_type_int, "integer", path, causes) &&
	    f->has_min && json_object_get_int64(value) < f->min)
		kst_cause(causes, "FieldValueInvalid", path,
		    "Invalid value: %lld: %s in body should be "
		    "greater than or equal to %d",
		    (long long)json_object_get_int64(value), path, f->min);
}

static void
check_one(const struct crd_field *f, json_object *value, const char *path,
    json_object *causes)
{
	switch (f->type) {
	case CRD_STRING:
		if (typed(value, json_type_string, "string", path, causes) &&
		    f->words)
			check_words(f, json_object_get_string(value), path,
			    causes);
		return;
	case CRD_INT:
		check_int(f, value, path, causes);
		return;
	case CRD_BOOL:
		typed(value, json_type_boolean, "boolean", path, causes);
		return;
	case CRD_INT_OR_STRING:
		if (!json_object_is_type(value, json_type_string))
			typed(value, json_type_int, "integer,string", path,
			    causes);
		return;
	case CRD_OBJECT:
		if (typed(value, json_type_object, "object", path, causes) &&
		    f->in)
			check_fields(value, f->in, path, causes);
		return;
	}
}

static void
check_value(const struct crd_field *f, json_object *value, const char *path,
    json_object *causes)
{
	char item[FIELD_PATH_MAX];

	if (f->shape == CRD_LIST &&
	    typed(value, json_type_array, "array", path, causes)) {
		for (size_t i = 0; i < json_object_array_length(value); i++) {
			snprintf(item, sizeof item, "%.900s[%zu]", path, i);
			check_one(f, json_object_array_get_idx(value, i),
			    item, causes);
		}
	} else if (f->shape == CRD_MAP &&
	    typed(value, json_type_object, "object", path, causes)) {
		json_object_object_foreach(value, key, each) {
			snprintf(item, sizeof item, "%.700s.%.300s", path,
			    key);
			check_one(f, each, item, causes);
		}
	} else if (f->shape == CRD_ONE) {
		check_one(f, value, path, causes);
	}
}

/* The definition itself says nothing of what is in a pod template. */
static bool
is_free(const struct crd_field *f)
{
	return strcmp(f->name, "template") == 0;
}

static void
check_fields(json_object *o, const struct crd_field *fields,
    const char *path, json_object *causes)
{
	char at[FIELD_PATH_MAX];
	json_object *value;

	for (const struct crd_field *f = fields; f->name; f++) {
		snprintf(at, sizeof at, "%.900s%s%s", path,
		    *path ? "." : "", f->name);
		if (!json_object_object_get_ex(o, f->name, &value) ||
		    (!value && f->required)) {
			if (f->required)
				kst_cause(causes, "FieldValueRequired", at,
				    "Required value");
		} else if (is_free(f)) {
			typed(value, json_type_object, "object", at, causes);
		} else if (value || !f->nullable) {
			check_value(f, value, at, causes);
		}
	}
}

static void prune(json_object *o, const struct crd_field *fields,
    const char *path, json_object *unknown);

/* The same for what a field holds: an object, or objects in it. */
static void
prune_in(json_object *value, const struct crd_field *f, const char *at,
    json_object *unknown)
{
	char item[FIELD_PATH_MAX];

	if (f->shape == CRD_LIST && json_object_is_type(value,
	    json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++) {
			snprintf(item, sizeof item, "%.900s[%zu]", at, i);
			prune(json_object_array_get_idx(value, i), f->in, item,
			    unknown);
		}
	} else if (f->shape == CRD_MAP && json_object_is_type(value,
	    json_type_object)) {
		json_object_object_foreach(value, key, each) {
			snprintf(item, sizeof item, "%.700s.%.300s", at, key);
			prune(each, f->in, item, unknown);
		}
	} else if (f->shape == CRD_ONE) {
		prune(value, f->in, at, unknown);
	}
}

static void
prune(json_object *o, const struct crd_field *fields, const char *path,
    json_object *unknown)
{
	char at[FIELD_PATH_MAX];

	if (!json_object_is_type(o, json_type_object))
		return;
	json_object_object_foreach(o, key, value) {
		const struct crd_field *f = fields;

		while (f->name && strcmp(f->name, key) != 0)
			f++;
		snprintf(at, sizeof at, "%.700s.%.300s", path, key);
		if (!f->name) {
			json_object_array_add(unknown,
			    json_object_new_string(at));
			json_object_object_del(o, key);
		} else if (f->in && !is_free(f)) {
			prune_in(value, f, at, unknown);
		}
	}
}

static bool
refuse_unknown(const struct kres *res, json_object *o, bool patched,
    json_object *unknown, struct kst *st)
{
	AUTO_JSON json_object *causes = NULL;
	AUTO_BUF struct buf list = BUF_INIT(64 * 1024);

	for (size_t i = 0; i < json_object_array_length(unknown); i++)
		buf_addf(&list, "%sunknown field \"%s\"", i ? ", " : "",
		    json_object_get_string(
		    json_object_array_get_idx(unknown, i)));
	if (patched) {
		causes = json_object_new_array();
		kst_cause(causes, "FieldValueInvalid", "patch", "Invalid value"
		    ": \"%.2000s\": strict decoding error: %.1500s",
		    jv_print(o), list.data);
		return kst_invalid(st, "", "", "", causes);
	}
	return kst_set(st, 400, "BadRequest", "%s in version \"%s\" cannot be "
	    "handled as a %s: strict decoding error: %s", res->kind,
	    res->version, res->kind, list.data);
}

bool
kvalid_prune(const struct kres *res, json_object *o, bool patched,
    enum kvalid_unknown how, json_object *ret_warnings, struct kst *st)
{
	AUTO_JSON json_object *unknown = json_object_new_array();

	if (res->id == KRES_APP) {
		for (const struct crd_field *f = crd_application; f->name;
		    f++) {
			json_object *part = jv_member(o, f->name);

			if (json_object_is_type(part, json_type_object))
				prune(part, f->in, f->name, unknown);
		}
	} else {
		kcore_prune(res, o, unknown);
	}
	if (json_object_array_length(unknown) == 0 || how == KVALID_IGNORE)
		return true;
	if (how == KVALID_STRICT)
		return refuse_unknown(res, o, patched, unknown, st);
	for (size_t i = 0; i < json_object_array_length(unknown); i++)
		json_object_array_add(ret_warnings, json_object_get(
		    json_object_array_get_idx(unknown, i)));
	return true;
}

static bool
is_subdomain(const char *name)
{
	char before = '.';

	for (; *name; before = *name++) {
		bool plain = islower((unsigned char)*name) ||
		    isdigit((unsigned char)*name);

		if (!plain && *name != '-' && *name != '.')
			return false;
		if (!plain && (before == '.' || before == '-') &&
		    (before == '.' || *name == '.'))
			return false;
	}
	return before != '.' && before != '-';
}

static bool
is_word(const char *text, const char *also)
{
	size_t n = strlen(text);

	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)text[i]) &&
		    (i == 0 || i == n - 1 || !strchr(also, text[i])))
			return false;
	return true;
}

static void
check_labels(json_object *labels, json_object *causes)
{
	if (!json_object_is_type(labels, json_type_object))
		return;
	json_object_object_foreach(labels, key, value) {
		const char *slash = strrchr(key, '/');
		const char *name = slash ? slash + 1 : key;
		const char *text = jv_text(value);

		if (!*name || !is_word(name, "-_."))
			kst_cause(causes, "FieldValueInvalid",
			    "metadata.labels",
			    "Invalid value: \"%s\": " NAME_PART, key);
		if (strlen(name) > KUBE_LABEL_MAX)
			kst_cause(causes, "FieldValueInvalid",
			    "metadata.labels", "Invalid value: \"%s\": name "
			    "part must be no more than 63 characters", key);
		if (text && strlen(text) > KUBE_LABEL_MAX)
			kst_cause(causes, "FieldValueInvalid",
			    "metadata.labels", "Invalid value: \"%s\": must "
			    "be no more than 63 bytes", text);
		else if (!text || !is_word(text, "-_."))
			kst_cause(causes, "FieldValueInvalid",
			    "metadata.labels",
			    "Invalid value: \"%s\": " LABEL_VALUE,
			    text ? text : "");
	}
}

static void
check_annotations(json_object *annotations, json_object *causes)
{
	size_t size = 0;

	if (!json_object_is_type(annotations, json_type_object))
		return;
	json_object_object_foreach(annotations, key, value) {
		const char *text = jv_text(value);

		size += strlen(key) + (text ? strlen(text) : 0);
	}
	if (size > ANNOTATIONS_MAX)
		kst_cause(causes, "FieldValueTooLong", "metadata.annotations",
		    "Too long: may not be more than %d bytes",
		    ANNOTATIONS_MAX);
}

bool
kvalid_object(const struct kres *res, json_object *o, struct kst *st)
{
	AUTO_JSON json_object *causes = json_object_new_array();
	const char *name = jv_str(o, "metadata.name");

	if (!kcore_decode(res, o, st))
		return false;
	if (!name || !*name)
		kst_cause(causes, "FieldValueRequired", "metadata.name",
		    "Required value: name or generateName is required");
	else if (strlen(name) > KUBE_NAME_MAX)
		kst_cause(causes, "FieldValueInvalid", "metadata.name",
		    "Invalid value: \"%s\": must be no more than 253 "
		    "characters", name);
	else if (!is_subdomain(name))
		kst_cause(causes, "FieldValueInvalid", "metadata.name",
		    "Invalid value: \"%s\": " DNS_SUBDOMAIN, name);
	check_labels(jv_get(o, "metadata.labels"), causes);
	check_annotations(jv_get(o, "metadata.annotations"), causes);
	if (res->id == KRES_APP)
		check_fields(o, crd_application, "", causes);
	else
		kcore_check(res, o, causes);
	if (json_object_array_length(causes) == 0)
		return true;
	return kst_invalid(st, res->kind, res->group, name ? name : "",
	    causes);
}

bool
kvalid_change(const struct kres *res, json_object *before,
    json_object *after, struct kst *st)
{
	AUTO_JSON json_object *causes = json_object_new_array();

	kcore_check_change(res, before, after, causes);
	if (json_object_array_length(causes) == 0)
		return true;
	return kst_invalid(st, res->kind, res->group,
	    jv_str(after, "metadata.name"), causes);
}

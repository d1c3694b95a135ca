#include "config.h"

#include "crd.h"

#include <stdarg.h>

#include "jv.h"

#define PATH_BYTES_MAX 4096

void
crd_found(const struct crd_check *c, enum crd_finding what, const char *path,
    const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	c->on_found(c->arg, what, path, text);
}

void
crd_path_member(struct buf *path, const char *key)
{
	size_t plain = strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789_");

	if (*key && !key[plain]) {
		buf_addf(path, "%s%s", path->len > 0 ? "." : "", key);
		return;
	}
	buf_addch(path, '[');
	jv_add_str(path, key);
	buf_addch(path, ']');
}

void
crd_path_item(struct buf *path, size_t index)
{
	buf_addf(path, "[%zu]", index);
}

static const char *
type_words(enum crd_type type)
{
	switch (type) {
	case CRD_STRING:
		return "a text";
	case CRD_INT:
		return "an integer";
	case CRD_BOOL:
		return "true or false";
	case CRD_INT_OR_STRING:
		return "an integer or a text";
	case CRD_OBJECT:
		break;
	}
	return "a group";
}

static bool
has_type(enum crd_type type, json_object *o)
{
	switch (type) {
	case CRD_STRING:
		return json_object_is_type(o, json_type_string);
	case CRD_INT:
		return json_object_is_type(o, json_type_int);
	case CRD_BOOL:
		return json_object_is_type(o, json_type_boolean);
	case CRD_INT_OR_STRING:
		return json_object_is_type(o, json_type_int) ||
		    json_object_is_type(o, json_type_string);
	case CRD_OBJECT:
		break;
	}
	return json_object_is_type(o, json_type_object);
}

/* Whether text is one of words, "a|b". */
static bool
is_among(const char *words, const char *text)
{
	size_t n, len = strlen(text);

	for (; *words; words += n + (words[n] == '|')) {
		n = strcspn(words, "|");
		if (n == len && memcmp(words, text, n) == 0)
			return true;
	}
	return false;
}

static void check_object(const struct crd_check *c,
    const struct crd_field *table, json_object *o, struct buf *path);

static void
check_one(const struct crd_check *c, const struct crd_field *f,
    json_object *o, struct buf *path)
{
	if (!has_type(f->type, o))
		crd_found(c, CRD_WRONG, path->data, "must be %s",
		    type_words(f->type));
	else if (f->type == CRD_OBJECT && f->in)
		check_object(c, f->in, o, path);
	else if (f->words && !is_among(f->words, jv_text(o)))
		crd_found(c, CRD_WRONG, path->data, "is '%.100s', must be one "
		    "of %s", jv_text(o), f->words);
	else if (f->has_min && json_object_get_int64(o) < f->min)
		crd_found(c, CRD_WRONG, path->data, "is %lld, must be at "
		    "least %d", (long long)json_object_get_int64(o), f->min);
}

static void
check_value(const struct crd_check *c, const struct crd_field *f,
    json_object *o, struct buf *path)
{
	size_t len = path->len;

	if (f->shape == CRD_ONE) {
		check_one(c, f, o, path);
	} else if (f->shape == CRD_LIST &&
	    json_object_is_type(o, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(o); i++) {
			crd_path_item(path, i);
			check_one(c, f, json_object_array_get_idx(o, i), path);
			buf_truncate(path, len);
		}
	} else if (f->shape == CRD_MAP &&
	    json_object_is_type(o, json_type_object)) {
		json_object_object_foreach(o, key, value) {
			crd_path_member(path, key);
			check_one(c, f, value, path);
			buf_truncate(path, len);
		}
	} else {
		crd_found(c, CRD_WRONG, path->data, "must be a %s",
		    f->shape == CRD_LIST ? "list" : "list of pairs");
	}
}

static const struct crd_field *
find(const struct crd_field *table, const char *name)
{
	for (; table->name; table++)
		if (strcmp(table->name, name) == 0)
			return table;
	return NULL;
}

static void
check_object(const struct crd_check *c, const struct crd_field *table,
    json_object *o, struct buf *path)
{
	const struct crd_field *f;
	size_t len = path->len;

	json_object_object_foreach(o, key, value) {
		f = find(table, key);
		crd_path_member(path, key);
		if (!f)
			crd_found(c, CRD_UNKNOWN, path->data,
			    "there is no such field");
		else if (value || !f->nullable)
			check_value(c, f, value, path);
		buf_truncate(path, len);
	}
	for (f = table; f->name; f++) {
		if (!f->required || jv_member(o, f->name))
			continue;
		crd_path_member(path, f->name);
		crd_found(c, CRD_WRONG, path->data, "is missing");
		buf_truncate(path, len);
	}
}

static void
check_member(const struct crd_check *c, json_object *manifest,
    const char *name, const char *expected)
{
	const char *text = jv_str(manifest, name);

	if (!text || strcmp(text, expected) != 0)
		crd_found(c, CRD_WRONG, name, "must be \"%s\"", expected);
}

void
crd_check(const struct crd_check *c, json_object *manifest)
{
	AUTO_BUF struct buf path = BUF_INIT(PATH_BYTES_MAX);
	json_object *spec = jv_member(manifest, "spec");

	check_member(c, manifest, "apiVersion",
	    "sparkoperator.k8s.io/v1beta2");
	check_member(c, manifest, "kind", "SparkApplication");
	json_object_object_foreach(manifest, key, value) {
		(void)value;
		if (!is_among("apiVersion|kind|metadata|spec", key))
			crd_found(c, CRD_UNKNOWN, key,
			    "there is no such field");
	}
	crd_path_member(&path, "spec");
	check_value(c, &crd_application[0], spec, &path);
	if (json_object_is_type(spec, json_type_object))
		crd_check_rules(c, manifest);
	if (json_object_is_type(spec, json_type_object))
		crd_check_names(c, manifest);
}

#include "config.h"

#include "create_req.h"

#include "buf.h"
#include "conf.h"
#include "create_words.h"
#include "err.h"
#include "jackson.h"
#include "jint.h"
#include "jv.h"
#include "num.h"

#define ENTRIES_MAX 4096	/* of a list or conf */

static const struct field *
find_field(const struct create_form *form, const char *name)
{
	for (size_t i = 0; i < form->count; i++)
		if (strcmp(form->fields[i].name, name) == 0)
			return &form->fields[i];
	return NULL;
}

/*
 * A scalar as text, as Jackson coerces: a new string, or NULL for null. Two
 * things that Java could carry are refused: NUL, numbers beyond 64 bits.
 */
static bool
coerce(const struct body *body, const struct place *p, json_object *o,
    json_object **ret_new, struct err *err)
{
	const char *text;

	*ret_new = NULL;
	if (!o)
		return true;
	if (json_object_is_type(o, json_type_object) ||
	    json_object_is_type(o, json_type_array))
		return create_refuse_type(body, p, "java.lang.String", o, err);
	text = json_object_get_string(o);
	if (json_object_is_type(o, json_type_string)) {
		if (strlen(text) != (size_t)json_object_get_string_len(o))
			return err_set(err, 400, "Rejected, Reason: a NUL "
			    "character in '%s'", p->field->name);
	} else if (json_object_is_type(o, json_type_int) &&
	    (json_object_get_uint64(o) == UINT64_MAX ||
	    json_object_get_int64(o) == INT64_MIN)) {
		return err_set(err, 400, "Rejected, Reason: a number beyond 64 "
		    "bits in '%s', send it as a string", p->field->name);
	}
	*ret_new = json_object_new_string(text);
	return true;
}

static bool
too_many(const struct field *f, size_t count, struct err *err)
{
	return count > ENTRIES_MAX && !err_set(err, 400, "Rejected, Reason: "
	    "%zu entries in '%s', more than %d", count, f->name, ENTRIES_MAX);
}

/* Into body->vars: an array of strings; a null element is kept as such. */
static bool
read_list(struct body *body, const struct field *f, json_object *o,
    struct err *err)
{
	struct place p = { .field = f };
	json_object *list, *text;

	if (!json_object_is_type(o, json_type_array))
		return create_refuse_type(body, &p, "scala.collection.immutable."
		    "List<java.lang.String>", o, err);
	if (too_many(f, json_object_array_length(o), err))
		return false;
	list = json_object_new_array();
	json_object_object_add(body->vars, f->name, list);
	p.inside = true;
	for (; p.index < json_object_array_length(o); p.index++) {
		if (!coerce(body, &p, json_object_array_get_idx(o, p.index),
		    &text, err))
			return false;
		json_object_array_add(list, text);
	}
	return true;
}

static bool
read_map(struct body *body, const struct field *f, json_object *o,
    struct err *err)
{
	struct place p = { .field = f };
	json_object *map, *text;

	if (json_object_is_type(o, json_type_array))
		return create_refuse_type(body, &p, "scala.collection.immutable."
		    "Map<java.lang.String,java.lang.String>", o, err);
	if (!json_object_is_type(o, json_type_object))
		return create_refuse_scalar(body, &p,
		    "scala.collection.immutable.Map", o, err);
	if (too_many(f, (size_t)json_object_object_length(o), err))
		return false;
	map = json_object_new_object();
	json_object_object_add(body->vars, f->name, map);
	p.inside = true;
	json_object_object_foreach(o, key, value) {
		p.key = key;
		if (!coerce(body, &p, value, &text, err))
			return false;
		if (text)	/* null: not set */
			json_object_object_add(map, key, text);
	}
	return true;
}

/* The int of a text as Java reads one; "" and "null" are 0, as for Jackson. */
static bool
text_int(const struct body *body, const struct place *p, const char *text,
    int64_t *ret, struct err *err)
{
	char word[64];
	size_t skip = strspn(text, " \t\r\n"), n = strlen(text);

	while (n > skip && strchr(" \t\r\n", text[n - 1]))
		n--;
	if (text[skip] == '+' && skip + 1 < n)
		skip++;
	n -= skip;
	*ret = 0;
	if (n == 0 || (n == 4 && memcmp(text + skip, "null", 4) == 0))
		return true;
	snprintf(word, sizeof word, "%.*s", (int)(n < 63 ? n : 63),
	    text + skip);
	if (num_int(word, INT32_MIN, INT32_MAX, ret))
		return true;
	return create_refuse_int_text(body, p, text,
	    num_int(word, INT64_MIN, INT64_MAX, ret), err);
}

/* A field that is an int for Jackson already: it coerces, and cuts. */
static bool
read_primitive(const struct body *body, const struct place *p,
    json_object *o, json_object **ret_new, struct err *err)
{
	int64_t n;

	switch (json_object_get_type(o)) {
	case json_type_string:
		if (!text_int(body, p, json_object_get_string(o), &n, err))
			return false;
		break;
	case json_type_int:
		n = json_object_get_int64(o);
		if (n < INT32_MIN || n > INT32_MAX)
			return create_refuse_int_range(body, p, o, err);
		break;
	case json_type_double:
		n = json_object_get_int(o);
		break;
	case json_type_boolean: case json_type_array: case json_type_object:
	case json_type_null:
		return create_refuse_type(body, p, "int", o, err);
	}
	*ret_new = json_object_new_int((int32_t)n);
	return true;
}

static bool
read_field(struct body *body, const char *name, json_object *o,
    struct err *err)
{
	const struct field *f = find_field(body->form, name);
	const struct place p = { .field = f };
	json_object *made = NULL;

	if (!f)
		return create_refuse_unknown(body, name, o, err);
	if (!o)
		return true;	/* what null means is check_nulls's */
	switch (f->type) {
	case FIELD_TEXT:
		if (!coerce(body, &p, o, &made, err))
			return false;
		break;
	case FIELD_LIST:
		return read_list(body, f, o, err);
	case FIELD_MAP:
		return read_map(body, f, o, err);
	case FIELD_INT:
		made = json_object_get(o);
		break;
	case FIELD_PRIMITIVE:
		if (!read_primitive(body, &p, o, &made, err))
			return false;
		break;
	case FIELD_OWN:
		if (!body->form->own(body->form, o, &made, err))
			return false;
		break;
	}
	json_object_object_add(body->vars, name, made);
	return true;
}

static bool
read_all(struct body *body, struct err *err)
{
	const struct create_form *form = body->form;

	if (!body->o)
		return err_bare(err, 500, "java.lang.NullPointerException: "
		    "Cannot invoke \"%s.%s()\" because \"createRequest\" is "
		    "null", form->class, form->getter);
	if (json_object_is_type(body->o, json_type_array))
		return create_refuse_type(body, NULL, form->class, body->o,
		    err);
	if (!json_object_is_type(body->o, json_type_object))
		return create_refuse_scalar(body, NULL, form->class, body->o,
		    err);
	for (size_t i = 0; i < form->count; i++)
		json_object_object_add(body->vars, form->fields[i].name, NULL);
	json_object_object_foreach(body->o, key, value)
		if (!read_field(body, key, value, err))
			return false;
	return true;
}

bool
create_req_name(json_object *vars, struct err *err)
{
	const char *name = jv_text(jv_member(vars, "name"));

	if (!name)
		return true;
	if (strlen(name) > APP_NAME_MAX)
		return err_set(err, 400, "Rejected, Reason: a session name of "
		    "%zu bytes is longer than %d", strlen(name), APP_NAME_MAX);
	return !jint_all_digits(name) || err_set(err, 400,
	    "Rejected, Reason: Invalid session name: %s", name);
}

/* Livy falls over a list or a conf that is null, and over null in a list. */
static bool
check_nulls(const struct body *body, struct err *err)
{
	const struct create_form *form = body->form;
	const struct field *f;
	json_object *o;

	for (size_t i = 0; i < form->count; i++) {
		f = &form->fields[i];
		if (!json_object_object_get_ex(body->o, f->name, &o) ||
		    (f->type != FIELD_LIST && f->type != FIELD_MAP &&
		    f->type != FIELD_OWN))
			continue;
		if (!o)
			return err_bare(err, 500,
			    "java.lang.NullPointerException: \"%s\" is null",
			    f->name);
		if (f->type != FIELD_LIST)
			continue;
		for (size_t n = 0; n < json_object_array_length(o); n++)
			if (!json_object_array_get_idx(o, n))
				return err_bare(err, 500,
				    "java.lang.NullPointerException: "
				    "\"%s[%zu]\" is null", f->name, n);
	}
	return true;
}

bool
create_req_ints(const struct create_form *form, json_object *vars,
    struct err *err)
{
	json_object *o;
	int64_t n;

	for (size_t i = 0; i < form->count; i++) {
		o = jv_member(vars, form->fields[i].name);
		if (form->fields[i].type != FIELD_INT || !o)
			continue;
		n = json_object_get_int64(o);
		if (!json_object_is_type(o, json_type_int) || n < INT32_MIN ||
		    n > INT32_MAX)
			return create_refuse_int(o, err);
	}
	return true;
}

/* What a template should not see as a value: lists and maps of nothing. */
void
create_req_drop_empty(const struct create_form *form, json_object *vars)
{
	for (size_t i = 0; i < form->count; i++) {
		json_object *o = jv_member(vars, form->fields[i].name);

		if ((json_object_is_type(o, json_type_array) &&
		    json_object_array_length(o) == 0) ||
		    (json_object_is_type(o, json_type_object) &&
		    json_object_object_length(o) == 0))
			json_object_object_add(vars, form->fields[i].name, NULL);
	}
}

bool
create_req_read(const struct create_form *form, const char *text, size_t len,
    json_object **ret_vars, struct err *err)
{
	AUTO_JSON json_object *o = NULL;
	AUTO_JSON json_object *vars = json_object_new_object();
	struct body body = { .form = form, .text = text, .len = len,
		.vars = vars };

	if (!jackson_parse(text, len, &o, err))
		return false;
	body.o = o;
	if (!read_all(&body, err) || !check_nulls(&body, err))
		return false;
	*ret_vars = vars;
	vars = NULL;
	return true;
}

json_object *
create_req_known(const struct create_form *form)
{
	json_object *known = json_object_new_object();

	for (size_t i = 0; i < form->count; i++)
		json_object_object_add(known, form->fields[i].name, NULL);
	return known;
}

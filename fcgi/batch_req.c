#include "config.h"

#include "batch_req.h"

#include "app.h"
#include "buf.h"
#include "conf.h"
#include "err.h"
#include "files.h"
#include "jackson.h"
#include "jint.h"
#include "jv.h"
#include "tmpl.h"

#define CLASS "org.apache.livy.server.batch.CreateBatchRequest"
#define BUILDER "com.fasterxml.jackson.module.scala.deser." \
	"Generic%sDeserializerResolver$BuilderWrapper"
#define ENTRIES_MAX 4096	/* of a list or conf */

enum field_type { FIELD_TEXT, FIELD_LIST, FIELD_INT, FIELD_MAP };

struct field {
	const char *name;
	enum field_type type;
};

/* In the order in which Livy names them. */
static const struct field fields[] = {
	{ "executorCores", FIELD_INT }, { "className", FIELD_TEXT },
	{ "conf", FIELD_MAP }, { "driverMemory", FIELD_TEXT },
	{ "name", FIELD_TEXT }, { "driverCores", FIELD_INT },
	{ "pyFiles", FIELD_LIST }, { "archives", FIELD_LIST },
	{ "executorMemory", FIELD_TEXT }, { "files", FIELD_LIST },
	{ "jars", FIELD_LIST }, { "proxyUser", FIELD_TEXT },
	{ "numExecutors", FIELD_INT }, { "file", FIELD_TEXT },
	{ "args", FIELD_LIST }, { "queue", FIELD_TEXT },
};

/* A body while it is read: its tree, and its text for places. */
struct body {
	const char *text;
	size_t len;
	json_object *o;
	json_object *vars;	/* what comes of it */
};

/* Where in the body: a field, and in it an element or a member. */
struct place {
	const struct field *field;
	size_t index;
	const char *key;	/* NULL: the index counts, if inside */
	bool inside;
};

static const struct field *
find_field(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (strcmp(fields[i].name, name) == 0)
			return &fields[i];
	return NULL;
}

/* Jackson's words for the token that a value starts with. */
static void
add_token(struct buf *b, json_object *o)
{
	switch (json_object_get_type(o)) {
	case json_type_object:
		buf_addstr(b, "Object value (token `JsonToken.START_OBJECT`)");
		break;
	case json_type_array:
		buf_addstr(b, "Array value (token `JsonToken.START_ARRAY`)");
		break;
	case json_type_string:
		buf_addstr(b, "String value (token `JsonToken.VALUE_STRING`)");
		break;
	case json_type_int:
		buf_addstr(b,
		    "Integer value (token `JsonToken.VALUE_NUMBER_INT`)");
		break;
	case json_type_double:
		buf_addstr(b, "Floating-point value "
		    "(token `JsonToken.VALUE_NUMBER_FLOAT`)");
		break;
	case json_type_boolean:
		buf_addf(b, "Boolean value (token `JsonToken.VALUE_%s`)",
		    json_object_get_boolean(o) ? "TRUE" : "FALSE");
		break;
	case json_type_null:
		buf_addstr(b, "Null value (token `JsonToken.VALUE_NULL`)");
		break;
	}
}

/* "\n at […] (through reference chain: …["jars"])" for a place. */
static void
add_place(struct buf *b, const struct body *body, const struct place *p)
{
	struct jackson_value whole = { 0 }, v;

	if (!jackson_whole(body->text, body->len, &whole))
		whole.start = 0;
	v = whole;
	if (p && jackson_find(body->text, body->len, whole.start,
	    p->field->name, 0, &v) && p->inside)
		(void)!jackson_find(body->text, body->len, v.start, p->key,
		    p->index, &v);
	jackson_source(b, body->text, v.start);
	if (!p)
		return;
	buf_addf(b, " (through reference chain: " CLASS "[\"%s\"]",
	    p->field->name);
	if (p->inside && p->key)
		buf_addf(b, "->" BUILDER "[\"%s\"]", "MapFactory", p->key);
	else if (p->inside)
		buf_addf(b, "->" BUILDER "[%zu]", "Factory", p->index);
	buf_addch(b, ')');
}

static bool
refuse_type(const struct body *body, const struct place *p, const char *type,
    json_object *o, struct err *err)
{
	AUTO_BUF struct buf b = BUF_INIT(ERR_MSG_MAX);

	buf_addf(&b, "Cannot deserialize value of type `%s` from ", type);
	add_token(&b, o);
	add_place(&b, body, p);
	return err_bare(err, 400, "%s", b.data);
}

/* A scalar where Jackson knows no way to make one of a class. */
static bool
refuse_scalar(const struct body *body, const struct place *p, const char *type,
    json_object *o, struct err *err)
{
	AUTO_BUF struct buf b = BUF_INIT(ERR_MSG_MAX);
	const char *text = json_object_get_string(o);

	buf_addf(&b, "Cannot construct instance of `%s` (although at least "
	    "one Creator exists): no ", type);
	if (json_object_is_type(o, json_type_string))
		buf_addf(&b, "String-argument constructor/factory method to "
		    "deserialize from String value ('%.200s')", text);
	else if (json_object_is_type(o, json_type_boolean))
		buf_addf(&b, "boolean/Boolean-argument constructor/factory "
		    "method to deserialize from boolean value (%s)", text);
	else
		buf_addf(&b, "%s-argument constructor/factory method to "
		    "deserialize from Number value (%s)",
		    json_object_is_type(o, json_type_int) ? "int/Int" :
		    "double/Double", text);
	add_place(&b, body, p);
	return err_bare(err, 400, "%s", b.data);
}

static bool
refuse_unknown(const struct body *body, const char *name, json_object *o,
    struct err *err)
{
	AUTO_BUF struct buf b = BUF_INIT(ERR_MSG_MAX);
	struct jackson_value v = { 0 };
	const char *sep = "";

	if (jackson_whole(body->text, body->len, &v))
		(void)!jackson_find(body->text, body->len, v.start, name, 0,
		    &v);
	/* the reader has seen a string's quote, a number's whole text */
	if (json_object_is_type(o, json_type_string) ||
	    json_object_is_type(o, json_type_object) ||
	    json_object_is_type(o, json_type_array))
		v.end = v.start + 1;
	buf_addf(&b, "Unrecognized field \"%.200s\" (class " CLASS "), not "
	    "marked as ignorable (%zu known properties: ", name,
	    ARRAY_LEN(fields));
	for (size_t i = 0; i < ARRAY_LEN(fields); i++, sep = ", ")
		buf_addf(&b, "%s\"%s\"", sep, fields[i].name);
	buf_addstr(&b, "])");
	jackson_source(&b, body->text, v.end);
	buf_addf(&b, " (through reference chain: " CLASS "[\"%.200s\"])", name);
	return err_bare(err, 400, "%s", b.data);
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
		return refuse_type(body, p, "java.lang.String", o, err);
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
		return refuse_type(body, &p, "scala.collection.immutable."
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
		return refuse_type(body, &p, "scala.collection.immutable."
		    "Map<java.lang.String,java.lang.String>", o, err);
	if (!json_object_is_type(o, json_type_object))
		return refuse_scalar(body, &p,
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

static bool
read_field(struct body *body, const char *name, json_object *o,
    struct err *err)
{
	const struct field *f = find_field(name);
	const struct place p = { .field = f };
	json_object *text;

	if (!f)
		return refuse_unknown(body, name, o, err);
	if (!o)
		return true;	/* what null means is check_nulls's */
	switch (f->type) {
	case FIELD_TEXT:
		if (!coerce(body, &p, o, &text, err))
			return false;
		json_object_object_add(body->vars, name, text);
		return true;
	case FIELD_LIST:
		return read_list(body, f, o, err);
	case FIELD_MAP:
		return read_map(body, f, o, err);
	case FIELD_INT:
		json_object_object_add(body->vars, name, json_object_get(o));
		return true;
	}
	return true;
}

static bool
read_all(struct body *body, struct err *err)
{
	if (!body->o)
		return err_bare(err, 500, "java.lang.NullPointerException: "
		    "Cannot invoke \"" CLASS ".name()\" because "
		    "\"createRequest\" is null");
	if (json_object_is_type(body->o, json_type_array))
		return refuse_type(body, NULL, CLASS, body->o, err);
	if (!json_object_is_type(body->o, json_type_object))
		return refuse_scalar(body, NULL, CLASS, body->o, err);
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		json_object_object_add(body->vars, fields[i].name, NULL);
	json_object_object_foreach(body->o, key, value)
		if (!read_field(body, key, value, err))
			return false;
	return true;
}

static bool
check_name(json_object *vars, struct err *err)
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
	json_object *o;

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		if (!json_object_object_get_ex(body->o, fields[i].name, &o) ||
		    (fields[i].type != FIELD_LIST &&
		    fields[i].type != FIELD_MAP))
			continue;
		if (!o)
			return err_bare(err, 500,
			    "java.lang.NullPointerException: \"%s\" is null",
			    fields[i].name);
		if (fields[i].type != FIELD_LIST)
			continue;
		for (size_t n = 0; n < json_object_array_length(o); n++)
			if (!json_object_array_get_idx(o, n))
				return err_bare(err, 500,
				    "java.lang.NullPointerException: "
				    "\"%s[%zu]\" is null", fields[i].name, n);
	}
	return true;
}

static bool
check_conf_keys(const struct conf *conf, json_object *vars, struct err *err)
{
	AUTO_BUF struct buf b = BUF_INIT(ERR_MSG_MAX);
	json_object *map = jv_member(vars, "conf");

	if (!map || !conf->template[APP_BATCH])
		return true;
	json_object_object_foreach(map, key, value) {
		(void)value;
		if (!tmpl_conf_allowed(conf->template[APP_BATCH], key))
			buf_addf(&b, "%s%s", b.len > 0 ? ", " : "", key);
	}
	if (b.len == 0 && buf_ok(&b))
		return true;
	return err_set(err, 400, "Rejected, Reason: Blacklisted configuration "
	    "values in session config: %s", buf_ok(&b) ? b.data : "too many");
}

/* Java's words for what cannot be unboxed to an int. */
static bool
refuse_int(json_object *o, struct err *err)
{
	const char *class = "java.lang.Long";
	bool scala = false;

	if (json_object_is_type(o, json_type_string))
		class = "java.lang.String";
	else if (json_object_is_type(o, json_type_double))
		class = "java.lang.Double";
	else if (json_object_is_type(o, json_type_boolean))
		class = "java.lang.Boolean";
	else if ((scala = json_object_is_type(o, json_type_array)))
		class = "scala.collection.immutable.$colon$colon";
	else if ((scala = json_object_is_type(o, json_type_object)))
		class = "scala.collection.immutable.Map$EmptyMap$";
	if (scala)
		return err_bare(err, 500, "java.lang.ClassCastException: class "
		    "%s cannot be cast to class java.lang.Integer (%s is in "
		    "unnamed module of loader 'app'; java.lang.Integer is in "
		    "module java.base of loader 'bootstrap')", class, class);
	return err_bare(err, 500, "java.lang.ClassCastException: class %s "
	    "cannot be cast to class java.lang.Integer (%s and "
	    "java.lang.Integer are in module java.base of loader "
	    "'bootstrap')", class, class);
}

static bool
check_ints(json_object *vars, struct err *err)
{
	json_object *o;
	int64_t n;

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		o = jv_member(vars, fields[i].name);
		if (fields[i].type != FIELD_INT || !o)
			continue;
		n = json_object_get_int64(o);
		if (!json_object_is_type(o, json_type_int) || n < INT32_MIN ||
		    n > INT32_MAX)
			return refuse_int(o, err);
	}
	return true;
}

/* What a template should not see as a value: lists and maps of nothing. */
static void
drop_empty(json_object *vars)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		json_object *o = jv_member(vars, fields[i].name);

		if ((json_object_is_type(o, json_type_array) &&
		    json_object_array_length(o) == 0) ||
		    (json_object_is_type(o, json_type_object) &&
		    json_object_object_length(o) == 0))
			json_object_object_add(vars, fields[i].name, NULL);
	}
}

bool
batch_req_parse(const struct conf *conf, const char *body, size_t len,
    json_object **ret_vars, struct err *err)
{
	AUTO_JSON json_object *o = NULL;
	AUTO_JSON json_object *vars = json_object_new_object();
	struct body b = { .text = body, .len = len, .vars = vars };

	if (!jackson_parse(body, len, &o, err))
		return false;
	b.o = o;
	if (!read_all(&b, err) || !check_name(vars, err) ||
	    !check_nulls(&b, err) || !check_conf_keys(conf, vars, err) ||
	    !files_resolve_lists(conf, vars, err) ||
	    !files_resolve_main(conf, vars, err) || !check_ints(vars, err))
		return false;
	drop_empty(vars);
	*ret_vars = vars;
	vars = NULL;
	return true;
}

json_object *
batch_req_known(void)
{
	json_object *known = json_object_new_object();

	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		json_object_object_add(known, fields[i].name, NULL);
	jv_set_str(known, "file", "local:///app.py");
	jv_set_str(known, "type", "Python");
	return known;
}

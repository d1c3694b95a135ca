#include "config.h"

#include "create_words.h"

#include "buf.h"
#include "err.h"
#include "jackson.h"

#define BUILDER "com.fasterxml.jackson.module.scala.deser." \
	"Generic%sDeserializerResolver$BuilderWrapper"

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
	buf_addf(b, " (through reference chain: %s[\"%s\"]",
	    body->form->class, p->field->name);
	if (p->inside && p->key)
		buf_addf(b, "->" BUILDER "[\"%s\"]", "MapFactory", p->key);
	else if (p->inside)
		buf_addf(b, "->" BUILDER "[%zu]", "Factory", p->index);
	buf_addch(b, ')');
}

bool
create_refuse_type(const struct body *body, const struct place *p, const char *type,
    json_object *o, struct err *err)
{
	AUTO_BUF struct buf b = BUF_INIT(ERR_MSG_MAX);

	buf_addf(&b, "Cannot deserialize value of type `%s` from ", type);
	add_token(&b, o);
	add_place(&b, body, p);
	return err_bare(err, 400, "%s", b.data);
}

/* A scalar where Jackson knows no way to make one of a class. */
bool
create_refuse_scalar(const struct body *body, const struct place *p, const char *type,
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

bool
create_refuse_unknown(const struct body *body, const char *name, json_object *o,
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
	buf_addf(&b, "Unrecognized field \"%.200s\" (class %s), not marked as "
	    "ignorable (%zu known properties: ", name, body->form->class,
	    body->form->count);
	for (size_t i = 0; i < body->form->count; i++, sep = ", ")
		buf_addf(&b, "%s\"%s\"", sep, body->form->fields[i].name);
	buf_addstr(&b, "])");
	jackson_source(&b, body->text, v.end);
	buf_addf(&b, " (through reference chain: %s[\"%.200s\"])",
	    body->form->class, name);
	return err_bare(err, 400, "%s", b.data);
}

/* Text that is no Java int: "x", "99999999999". */
bool
create_refuse_int_text(const struct body *body, const struct place *p,
    const char *text, bool overflow, struct err *err)
{
	AUTO_BUF struct buf b = BUF_INIT(ERR_MSG_MAX);

	buf_addf(&b, "Cannot deserialize value of type `int` from String "
	    "\"%.200s\": ", text);
	if (overflow)
		buf_addf(&b, "Overflow: numeric value (%.200s) out of range of "
		    "`int` (%d -%d)", text, INT32_MIN, INT32_MAX);
	else
		buf_addstr(&b, "not a valid `int` value");
	add_place(&b, body, p);
	return err_bare(err, 400, "%s", b.data);
}

/* A number that is no Java int; the reader has seen all of it by then. */
bool
create_refuse_int_range(const struct body *body, const struct place *p,
    json_object *o, struct err *err)
{
	AUTO_BUF struct buf b = BUF_INIT(ERR_MSG_MAX);

	buf_addf(&b, "Numeric value (%s) out of range of int (%d - %d)",
	    json_object_get_string(o), INT32_MIN, INT32_MAX);
	add_place(&b, body, p);
	return err_bare(err, 400, "%s", b.data);
}

/* Java's words for what cannot be unboxed to an int. */
bool
create_refuse_int(json_object *o, struct err *err)
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


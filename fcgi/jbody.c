#include "config.h"

#include "jbody.h"

#include "buf.h"
#include "err.h"
#include "jackson.h"
#include "jv.h"
#include "num.h"

#define NULL_OF(class, method, what) \
	"java.lang.NullPointerException: Cannot invoke \"" class "." method \
	"()\" because \"" what "\" is null"
#define EXECUTE "org.apache.livy.ExecuteRequest"
#define COMPLETE "org.apache.livy.CompletionRequest"
#define RESOURCE "org.apache.livy.client.common.HttpMessages$AddResource"
#define JOB "org.apache.livy.client.common.HttpMessages$SerializedJob"

const struct jbody_class jbody_statement = { EXECUTE,
	NULL_OF(EXECUTE, "code", "content"),
	{ { "msg_type", JBODY_TEXT }, { "kind", JBODY_TEXT },
	{ "code", JBODY_TEXT } } };
const struct jbody_class jbody_completion = { COMPLETE,
	NULL_OF(COMPLETE, "code", "content"),
	{ { "kind", JBODY_TEXT }, { "code", JBODY_TEXT },
	{ "cursor", JBODY_INT } } };
const struct jbody_class jbody_resource = { RESOURCE,
	"java.lang.NullPointerException: Cannot read field \"uri\" because "
	"\"req\" is null",
	{ { "uri", JBODY_TEXT } } };
const struct jbody_class jbody_job = { JOB,
	"java.lang.NullPointerException: Cannot read field \"job\" because "
	"\"req\" is null",
	{ { "job", JBODY_TEXT }, { "jobType", JBODY_TEXT } } };

struct jbody {
	const struct jbody_class *class;
	const char *text;
	size_t len;
};

static const struct jbody_field *
find_field(const struct jbody_class *class, const char *name)
{
	for (size_t i = 0; i < JBODY_FIELDS && class->field[i].name; i++)
		if (strcmp(class->field[i].name, name) == 0)
			return &class->field[i];
	return NULL;
}

static struct jackson_value
value_at(const struct jbody *b, const char *name)
{
	struct jackson_value v = { 0 };

	if (jackson_whole(b->text, b->len, &v) && name)
		(void)!jackson_find(b->text, b->len, v.start, name, 0, &v);
	return v;
}

static bool
refuse_unknown(const struct jbody *body, const char *name, json_object *o,
    struct err *err)
{
	AUTO_BUF struct buf b = BUF_INIT(ERR_MSG_MAX);
	struct jackson_value v = value_at(body, name);
	const struct jbody_class *c = body->class;
	size_t count = 0;

	/* the reader has seen a string's quote, a number's whole text */
	if (json_object_is_type(o, json_type_string) ||
	    json_object_is_type(o, json_type_object) ||
	    json_object_is_type(o, json_type_array))
		v.end = v.start + 1;
	while (count < JBODY_FIELDS && c->field[count].name)
		count++;
	buf_addf(&b, "Unrecognized field \"%.200s\" (class %s), not marked as "
	    "ignorable (", name, c->name);
	if (count == 1)
		buf_addstr(&b, "one known property: ");
	else
		buf_addf(&b, "%zu known properties: ", count);
	for (size_t i = 0; i < count; i++)
		buf_addf(&b, "%s\"%s\"", i > 0 ? ", " : "", c->field[i].name);
	buf_addstr(&b, "])");
	jackson_source(&b, body->text, v.end);
	buf_addf(&b, " (through reference chain: %s[\"%.200s\"])", c->name,
	    name);
	return err_bare(err, 400, "%s", b.data);
}

static const char *
token_of(json_object *o)
{
	switch (json_object_get_type(o)) {
	case json_type_object:
		return "Object value (token `JsonToken.START_OBJECT`)";
	case json_type_array:
		return "Array value (token `JsonToken.START_ARRAY`)";
	case json_type_string:
		return "String value (token `JsonToken.VALUE_STRING`)";
	case json_type_int:
		return "Integer value (token `JsonToken.VALUE_NUMBER_INT`)";
	case json_type_double:
		return "Floating-point value "
		    "(token `JsonToken.VALUE_NUMBER_FLOAT`)";
	case json_type_boolean:
		return json_object_get_boolean(o) ?
		    "Boolean value (token `JsonToken.VALUE_TRUE`)" :
		    "Boolean value (token `JsonToken.VALUE_FALSE`)";
	case json_type_null:
		break;
	}
	return "Null value (token `JsonToken.VALUE_NULL`)";
}

/* "Cannot deserialize value of type `T` from …", at a field or the whole. */
static bool
refuse(const struct jbody *body, const struct jbody_field *f, const char *type,
    const char *from, struct err *err)
{
	AUTO_BUF struct buf b = BUF_INIT(ERR_MSG_MAX);

	buf_addf(&b, "Cannot deserialize value of type `%s` from %s", type,
	    from);
	jackson_source(&b, body->text,
	    value_at(body, f ? f->name : NULL).start);
	if (f)
		buf_addf(&b, " (through reference chain: %s[\"%s\"])",
		    body->class->name, f->name);
	return err_bare(err, 400, "%s", b.data);
}

static bool
read_text(const struct jbody *body, const struct jbody_field *f, json_object *o,
    json_object **ret_new, struct err *err)
{
	if (json_object_is_type(o, json_type_object) ||
	    json_object_is_type(o, json_type_array))
		return refuse(body, f, "java.lang.String", token_of(o), err);
	*ret_new = json_object_is_type(o, json_type_string) ?
	    json_object_get(o) :
	    json_object_new_string(json_object_get_string(o));
	return true;
}

static bool
read_int(const struct jbody *body, const struct jbody_field *f, json_object *o,
    json_object **ret_new, struct err *err)
{
	char from[256];
	int64_t n = json_object_get_int64(o);
	bool good = true;

	if (json_object_is_type(o, json_type_string))
		good = num_int(json_object_get_string(o), INT32_MIN, INT32_MAX,
		    &n);
	else if (!json_object_is_type(o, json_type_int) &&
	    !json_object_is_type(o, json_type_double))
		return refuse(body, f, "int", token_of(o), err);
	if (!good) {
		snprintf(from, sizeof from,
		    "String \"%.100s\": not a valid `int` value",
		    json_object_get_string(o));
		return refuse(body, f, "int", from, err);
	}
	n = n > INT32_MAX ? INT32_MAX : n < INT32_MIN ? INT32_MIN : n;
	*ret_new = json_object_new_int64(n);
	return true;
}

static bool
read_all(const struct jbody *body, json_object *o, json_object *to,
    struct err *err)
{
	json_object_object_foreach(o, key, value) {
		const struct jbody_field *f = find_field(body->class, key);
		json_object *read = NULL;

		if (!f)
			return refuse_unknown(body, key, value, err);
		if (value && !(f->type == JBODY_TEXT ?
		    read_text(body, f, value, &read, err) :
		    read_int(body, f, value, &read, err)))
			return false;
		if (read)
			json_object_object_add(to, key, read);
	}
	return true;
}

bool
jbody_read(const struct jbody_class *class, const char *text, size_t len,
    json_object **ret_new, struct err *err)
{
	AUTO_JSON json_object *o = NULL;
	AUTO_JSON json_object *to = json_object_new_object();
	struct jbody body = { class, text, len };

	if (!jackson_parse(text, len, &o, err))
		return false;
	if (!o)
		return err_bare(err, 500, "%s", class->null);
	if (json_object_is_type(o, json_type_object)) {
		if (!read_all(&body, o, to, err))
			return false;
	} else if (json_object_is_type(o, json_type_array)) {
		return refuse(&body, NULL, class->name, token_of(o), err);
	} else {
		AUTO_BUF struct buf b = BUF_INIT(ERR_MSG_MAX);

		buf_addf(&b, "Cannot construct instance of `%s` (although at "
		    "least one Creator exists)", class->name);
		jackson_source(&b, text, value_at(&body, NULL).start);
		return err_bare(err, 400, "%s", b.data);
	}
	*ret_new = to;
	to = NULL;
	return true;
}

#include "config.h"

#include "localkube_status.h"

#include <stdarg.h>

#include "buf.h"
#include "jv.h"

#define MESSAGE_MAX (64 * 1024) /* names its causes, each with a value */

void
kst_release(struct kst *st)
{
	json_object_put(st->body);
	memset(st, 0, sizeof *st);
}

static json_object *
string(const char *text)
{
	return json_object_new_string(text);
}

static json_object *
status(const char *outcome)
{
	json_object *o = json_object_new_object();

	json_object_object_add(o, "kind", string("Status"));
	json_object_object_add(o, "apiVersion", string("v1"));
	json_object_object_add(o, "metadata", json_object_new_object());
	json_object_object_add(o, "status", string(outcome));
	return o;
}

static json_object *
details(const char *name, const char *group, const char *kind)
{
	json_object *o = json_object_new_object();

	if (*name)
		json_object_object_add(o, "name", string(name));
	if (*group)
		json_object_object_add(o, "group", string(group));
	if (*kind)
		json_object_object_add(o, "kind", string(kind));
	return o;
}

static bool
fail(struct kst *st, int code, const char *reason, const char *message,
    json_object *take_details)
{
	kst_release(st);
	st->code = code;
	st->body = status("Failure");
	json_object_object_add(st->body, "message", string(message));
	if (*reason)
		json_object_object_add(st->body, "reason", string(reason));
	if (take_details)
		json_object_object_add(st->body, "details", take_details);
	json_object_object_add(st->body, "code", json_object_new_int(code));
	return false;
}

bool
kst_set(struct kst *st, int code, const char *reason, const char *fmt, ...)
{
	char text[4096];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return fail(st, code, reason, text, NULL);
}

/* A message that begins with the quoted object: plural "name" what. */
static bool
about(struct kst *st, int code, const char *reason, const struct kres *res,
    const char *name, const char *before, const char *word, const char *what)
{
	char text[2048], plural[160];

	kres_plural(res, plural);
	snprintf(text, sizeof text, "%s%s \"%s\"%s", before,
	    word ? word : plural, name, what);
	return fail(st, code, reason, text,
	    details(name, res->group, word ? res->kind : res->plural));
}

bool
kst_not_found(struct kst *st, const struct kres *res, const char *name)
{
	return about(st, 404, "NotFound", res, name, "", NULL, " not found");
}

bool
kst_exists(struct kst *st, const struct kres *res, const char *name)
{
	return about(st, 409, "AlreadyExists", res, name, "", NULL,
	    " already exists");
}

bool
kst_modified(struct kst *st, const struct kres *res, const char *name)
{
	return about(st, 409, "Conflict", res, name,
	    "Operation cannot be fulfilled on ", NULL,
	    ": the object has been modified; please apply your changes to "
	    "the latest version and try again");
}

bool
kst_precondition(struct kst *st, const struct kres *res, const char *name,
    const char *text)
{
	char kind[160];

	kres_kind(res, kind);
	return about(st, 409, "Conflict", res, name,
	    "Operation cannot be fulfilled on ", kind, text);
}

bool
kst_method(struct kst *st, const struct kres *res, const char *verb)
{
	char text[256], plural[160];

	kres_plural(res, plural);
	if (!res->custom)
		return fail(st, 405, "MethodNotAllowed", "the server does not "
		    "allow this method on the requested resource",
		    json_object_new_object());
	snprintf(text, sizeof text,
	    "%s is not supported on resources of kind \"%s\"", verb, plural);
	return fail(st, 405, "MethodNotAllowed", text,
	    details("", res->group, res->plural));
}

void
kst_cause(json_object *causes, const char *reason, const char *field,
    const char *fmt, ...)
{
	json_object *o = json_object_new_object();
	char text[4096];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	json_object_object_add(o, "reason", string(reason));
	json_object_object_add(o, "message", string(text));
	json_object_object_add(o, "field", string(field));
	json_object_array_add(causes, o);
}

bool
kst_invalid(struct kst *st, const char *kind, const char *group,
    const char *name, json_object *causes)
{
	AUTO_BUF struct buf text = BUF_INIT(MESSAGE_MAX);
	size_t n = json_object_array_length(causes);
	json_object *d = details(name, group, kind);

	buf_addf(&text, *group ? "%s.%s" : "%s", kind, group);
	buf_addf(&text, " \"%s\" is invalid: %s", name, n > 1 ? "[" : "");
	for (size_t i = 0; i < n; i++) {
		json_object *c = json_object_array_get_idx(causes, i);

		buf_addf(&text, "%s%s: %s", i ? ", " : "",
		    jv_str(c, "field"), jv_str(c, "message"));
	}
	buf_addstr(&text, n > 1 ? "]" : "");
	json_object_object_add(d, "causes", json_object_get(causes));
	return fail(st, 422, "Invalid", text.data, d);
}

bool
kst_add_details(struct kst *st, const char *reason, const char *message)
{
	json_object *d = json_object_new_object();

	if (reason) {
		json_object *causes = json_object_new_array();
		json_object *c = json_object_new_object();

		json_object_object_add(c, "reason", string(reason));
		json_object_object_add(c, "message", string(message));
		json_object_array_add(causes, c);
		json_object_object_add(d, "causes", causes);
	}
	if (st->retry_after_s)
		json_object_object_add(d, "retryAfterSeconds",
		    json_object_new_int(st->retry_after_s));
	json_object_object_add(st->body, "details", d);
	return false;
}

json_object *
kst_deleted(const struct kres *res, const char *name, const char *uid)
{
	json_object *o = status("Success");
	json_object *d = details(name, res->group, res->plural);

	json_object_object_add(d, "uid", string(uid));
	json_object_object_add(o, "details", d);
	return o;
}

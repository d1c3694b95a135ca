/*
 * The body of a creating POST, read as Livy reads it: with Jackson's and
 * Java's coercions, refusals and words (contract 1.4, 1.5, 2.1). What
 * batches and sessions have in common; a form lists the fields of one kind.
 * Each step is a function, because the order in which Livy looks, and so
 * which of two faults it tells of, is the kind's. Pure.
 */
#ifndef CREATE_REQ_H
#define CREATE_REQ_H

#include <json-c/json.h>

#include "app.h"
#include "defs.h"

struct conf;
struct create_form;
struct err;

enum field_type {
	FIELD_TEXT,
	FIELD_LIST,		/* of texts */
	FIELD_INT,		/* Option[Int]: looked at late, see _ints */
	FIELD_MAP,		/* of texts */
	FIELD_PRIMITIVE,	/* Int: coerced by Jackson */
	FIELD_OWN,		/* read by a function of the form */
};

struct field {
	const char *name;
	enum field_type type;
};

struct create_form {
	const char *class;	/* Livy's, in its sentences */
	const char *getter;	/* of it, which a body of null meets first */
	const struct field *fields;	/* in the order in which Livy names them */
	size_t count;
	/* reads its FIELD_OWN; NULL where there is none */
	bool (*own)(const struct create_form *form, json_object *o,
	    json_object **ret_new, struct err *err);
};

/* Reads a body: an object with a member for each field, null = unset. */
bool create_req_read(const struct create_form *form, const char *text,
    size_t len, json_object **ret_vars, struct err *err) MUST_CHECK;
bool create_req_name(json_object *vars, struct err *err) MUST_CHECK;
bool create_req_ints(const struct create_form *form, json_object *vars,
    struct err *err) MUST_CHECK;
/* What a template should not see as a value: lists and maps of nothing. */
void create_req_drop_empty(const struct create_form *form, json_object *vars);

/* An object with a null for each field. */
json_object *create_req_known(const struct create_form *form);

#endif

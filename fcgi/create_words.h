/*
 * What Livy's clients read when a field of a creating body is no good: the
 * sentences of Jackson and Java, with the place in the body. Used by
 * create_req.c. Pure.
 */
#ifndef CREATE_WORDS_H
#define CREATE_WORDS_H

#include <json-c/json.h>

#include "create_req.h"
#include "defs.h"

/* A body while it is read: its tree, and its text for places. */
struct body {
	const struct create_form *form;
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

/* Each fills err and returns false. A place of NULL is the whole body. */
bool create_refuse_type(const struct body *body, const struct place *p,
    const char *type, json_object *o, struct err *err);
/* A scalar where Jackson knows no way to make one of a class. */
bool create_refuse_scalar(const struct body *body, const struct place *p,
    const char *type, json_object *o, struct err *err);
bool create_refuse_unknown(const struct body *body, const char *name,
    json_object *o, struct err *err);
/* A text that is no int; a number that is none; what cannot be unboxed. */
bool create_refuse_int_text(const struct body *body, const struct place *p,
    const char *text, bool overflow, struct err *err);
bool create_refuse_int_range(const struct body *body, const struct place *p,
    json_object *o, struct err *err);
bool create_refuse_int(json_object *o, struct err *err);

#endif

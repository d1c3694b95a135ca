/*
 * The small bodies of interactive sessions (a statement, a completion, a
 * file's name, a job), read as Livy's Jackson reads them: its coercions, its
 * refusals and their words. A table says what each may hold. Pure.
 */
#ifndef JBODY_H
#define JBODY_H

#include <json-c/json.h>

#include "defs.h"

struct err;

enum jbody_type { JBODY_TEXT, JBODY_INT };

struct jbody_field {
	const char *name;	/* NULL after the last */
	enum jbody_type type;
};

#define JBODY_FIELDS 4

struct jbody_class {
	const char *name;	/* of Livy's class */
	const char *null;	/* what Java says of a body "null" */
	struct jbody_field field[JBODY_FIELDS];
};

extern const struct jbody_class jbody_statement;	/* code, kind, msg_type */
extern const struct jbody_class jbody_completion;	/* code, kind, cursor */
extern const struct jbody_class jbody_resource;	/* uri */
extern const struct jbody_class jbody_job;	/* job, jobType */

/*
 * *ret_new has a member for each field that was given and not null: a string
 * (which may hold NULs: take its length), or an integer of 32 bits.
 */
bool jbody_read(const struct jbody_class *class, const char *text, size_t len,
    json_object **ret_new, struct err *err) MUST_CHECK;

#endif

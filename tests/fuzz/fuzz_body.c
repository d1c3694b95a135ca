#include "config.h"

#include <assert.h>

#include "err.h"
#include "fuzz.h"
#include "jbody.h"
#include "jv.h"

static const struct jbody_class *const classes[] = { &jbody_statement,
	&jbody_completion, &jbody_resource, &jbody_job };

/* A byte chooses the class; then a statement's body, or another's. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_JSON json_object *o = NULL;
	struct err err = ERR_INIT;

	if (size < 1)
		return 0;
	if (!jbody_read(classes[data[0] % ARRAY_LEN(classes)],
	    (const char *)data + 1, size - 1, &o, &err)) {
		assert(err.status == 400 || err.status == 500);
		assert(err.msg[0] && !o);
		return 0;
	}
	json_object_object_foreach(o, key, value) {
		assert(*key);
		assert(json_object_is_type(value, json_type_string) ||
		    json_object_is_type(value, json_type_int));
	}
	return 0;
}

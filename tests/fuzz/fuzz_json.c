#include "config.h"

#include <assert.h>

#include "buf.h"
#include "err.h"
#include "fuzz.h"
#include "jv.h"

/* What is parsed prints as JSON that parses to the same. */
static void
round_trip(const char *text, size_t len)
{
	AUTO_JSON json_object *first = NULL;
	AUTO_JSON json_object *again = NULL;
	AUTO_JSON json_object *prefix = NULL;
	AUTO_FREE char *printed = NULL;
	struct err err = ERR_INIT;

	if (!jv_parse(text, len, JV_DEPTH_KUBE, &first, &err)) {
		assert(err.status == 400 && err.msg[0]);
		return;
	}
	assert(jv_parse_first(text, len, JV_DEPTH_KUBE, &prefix, &err));
	printed = mem_strdup(jv_print(first));
	assert(jv_parse(printed, strlen(printed), JV_DEPTH_KUBE, &again,
	    &err));
	assert(strcmp(printed, jv_print(again)) == 0);
	assert(strcmp(printed, jv_print(prefix)) == 0);
	jv_str(first, "a.b.c");
	jv_int(first, "a", 0);
	jv_bool(first, "a", false);
}

/* Any bytes become a literal; valid ones come back as they were. */
static void
literal(const char *text, size_t len)
{
	AUTO_BUF struct buf b = BUF_INIT(1 << 24);
	AUTO_JSON json_object *o = NULL;
	struct err err = ERR_INIT;
	size_t valid = jv_utf8(text, len);

	jv_add_strn(&b, text, len);
	assert(buf_ok(&b));
	assert(jv_parse(b.data, b.len, 2, &o, &err));
	assert(json_object_is_type(o, json_type_string));
	if (valid == len) {
		assert((size_t)json_object_get_string_len(o) == len);
		assert(memcmp(json_object_get_string(o), text, len) == 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	round_trip((const char *)data, size);
	literal((const char *)data, size);
	return 0;
}

#include "config.h"

#include "params.h"

#include <string.h>

#include "defs.h"

static const struct {
	size_t len;
	const char *name;
} names[PARAM_COUNT] = {
#define NAME(s) { sizeof s - 1, s }
	[PARAM_ID] = NAME("REQUEST_ID"),
	[PARAM_METHOD] = NAME("REQUEST_METHOD"),
	[PARAM_URI] = NAME("REQUEST_URI"),
	[PARAM_SCHEME] = NAME("REQUEST_SCHEME"),
	[PARAM_REMOTE] = NAME("REMOTE_ADDR"),
	[PARAM_TYPE] = NAME("CONTENT_TYPE"),
	[PARAM_LENGTH] = NAME("CONTENT_LENGTH"),
	[PARAM_SECRET] = NAME("LIVY_SECRET"),
	[PARAM_AUTH] = NAME("LIVY_AUTH"),
	[PARAM_USER] = NAME("LIVY_USER"),
	[PARAM_GROUPS] = NAME("LIVY_GROUPS"),
	[PARAM_PREFIX] = NAME("LIVY_PREFIX"),
	[PARAM_HOST] = NAME("HTTP_HOST"),
	[PARAM_ACCEPT] = NAME("HTTP_ACCEPT"),
	[PARAM_AGENT] = NAME("HTTP_USER_AGENT"),
	[PARAM_ORIGIN] = NAME("HTTP_ORIGIN"),
	[PARAM_FETCH_SITE] = NAME("HTTP_SEC_FETCH_SITE"),
	[PARAM_REQUESTED_BY] = NAME("HTTP_X_REQUESTED_BY"),
	[PARAM_OBSERVER] = NAME("HTTP_X_LIVY_OBSERVER"),
	[PARAM_IDEMPOTENCY_KEY] = NAME("HTTP_IDEMPOTENCY_KEY"),
	[PARAM_ENCODING] = NAME("HTTP_CONTENT_ENCODING"),
	[PARAM_OVERRIDE] = NAME("HTTP_X_HTTP_METHOD_OVERRIDE"),
	[PARAM_OVERRIDE_METHOD] = NAME("HTTP_X_HTTP_METHOD"),
	[PARAM_OVERRIDE_LAST] = NAME("HTTP_X_METHOD_OVERRIDE"),
};

void
params_read(struct params *ret, char *const *envp)
{
	const char *equals;
	size_t len;

	*ret = (struct params){ 0 };
	for (; envp && *envp; envp++) {
		equals = strchr(*envp, '=');
		len = equals ? (size_t)(equals - *envp) : 0;
		for (size_t i = 0; len > 0 && i < PARAM_COUNT; i++)
			if (names[i].len == len && !ret->value[i] &&
			    memcmp(names[i].name, *envp, len) == 0) {
				ret->value[i] = equals + 1;
				break;
			}
	}
}

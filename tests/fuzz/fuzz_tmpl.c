#include "config.h"

#include <assert.h>

#include "buf.h"
#include "cfg.h"
#include "err.h"
#include "fuzz.h"
#include "jv.h"
#include "tmpl.h"

/* Whatever the policy, what it refuses is the client's mistake. */
static void
check_policy(const struct tmpl *t, json_object *vars)
{
	struct err err = ERR_INIT;

	if (!json_object_is_type(vars, json_type_object))
		return;
	if (!tmpl_take_conf(t, vars, &err))
		assert(err.status == 400 && err.msg[0]);
}

/* The manifest that it makes is checked; findings are no failure. */
static void
check_manifest(const struct tmpl *t, json_object *vars)
{
	AUTO_BUF struct buf warnings = BUF_INIT(1 << 20);
	AUTO_CFG_ERRORS struct cfg_errors errors = CFG_ERRORS_INIT;
	bool good = tmpl_check_manifest(t, vars, vars, &warnings, &errors);

	assert(good == (errors.found == 0) && good == !errors.text.len);
}

/* A template, a NUL, and the variables as JSON. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
	size_t len = nul ? (size_t)(nul - data) : size;
	AUTO_JSON json_object *vars = NULL;
	AUTO_JSON json_object *manifest = NULL;
	AUTO_CFG_ERRORS struct cfg_errors errors = CFG_ERRORS_INIT;
	struct err err = ERR_INIT;
	struct tmpl *t = NULL;

	if (nul && !jv_parse((const char *)nul + 1, size - len - 1,
	    JV_DEPTH_CLIENT, &vars, &err))
		return 0;
	if (!tmpl_load(fuzz_file(data, len), &t, &errors)) {
		assert(!cfg_errors_none(&errors, &err));
		assert(err.status == 500 && err.msg[0]);
		return 0;
	}
	if (!tmpl_check(t, vars, &errors))
		assert(!cfg_errors_none(&errors, &err) && err.msg[0]);
	check_manifest(t, vars);
	if (tmpl_render(t, vars, &manifest, &err)) {
		assert(json_object_is_type(manifest, json_type_object));
		assert(fuzz_is_json(jv_print(manifest),
		    strlen(jv_print(manifest))));
	}
	tmpl_conf_allowed(t, "spark.master");
	check_policy(t, vars);
	assert(tmpl_where(t));
	tmpl_free(t);
	return 0;
}

#include "config.h"

#include <assert.h>

#include "batch_req.h"
#include "conf.h"
#include "err.h"
#include "fuzz.h"
#include "jv.h"
#include "manifest.h"
#include "tmpl.h"

/* Whatever is asked for, these stay the template's. */
static void
check_manifest(const struct conf *conf, json_object *manifest)
{
	json_object *spark = jv_get(manifest, "spec.sparkConf");
	const char *text = jv_print(manifest);

	assert(fuzz_is_json(text, strlen(text)));
	assert(!strcmp(jv_str(manifest, "metadata.name"), "livy-livy-b-7"));
	assert(!strcmp(jv_str(manifest, "metadata.namespace"), "default"));
	assert(!strcmp(jv_str(manifest, "spec.image"), "spark:3.5.8-python3"));
	assert(!strcmp(jv_str(manifest, "spec.driver.serviceAccount"),
	    "spark"));
	assert(json_object_object_length(jv_get(manifest,
	    "spec.driver.template.spec")) == 2);
	json_object_object_foreach(spark, key, value) {
		assert(json_object_is_type(value, json_type_string));
		assert(tmpl_conf_allowed(conf->template[APP_BATCH], key) ||
		    !strcmp(key, "spark.kubernetes.executor.podNamePrefix"));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct conf *conf = fuzz_conf();
	AUTO_JSON json_object *vars = NULL;
	AUTO_JSON json_object *manifest = NULL;
	struct err err = ERR_INIT;

	if (!batch_req_parse(conf, NULL, (const char *)data, size, &vars, &err)) {
		assert(err.status == 400 || err.status == 500);
		assert(err.msg[0]);
		return 0;
	}
	assert(jv_str(vars, "file"));
	json_object_object_add(vars, "proxyUser", NULL);
	if (manifest_render(conf, &(struct manifest){ .id = 7, .owner = "ann",
	    .request_id = "r", .vars = vars }, &manifest, &err))
		check_manifest(conf, manifest);
	else
		assert(err.msg[0]);
	return 0;
}

#include "config.h"

#include <assert.h>

#include "conf.h"
#include "err.h"
#include "fuzz.h"
#include "jv.h"
#include "manifest.h"
#include "request.h"
#include "session_agent.h"
#include "session_plan.h"
#include "session_req.h"
#include "tmpl.h"

/* Whatever is asked for, these stay the template's. */
static void
check_manifest(const struct conf *conf, json_object *manifest)
{
	json_object *spark = jv_get(manifest, "spec.sparkConf");
	const char *text = jv_print(manifest);

	assert(fuzz_is_json(text, strlen(text)));
	assert(!strcmp(jv_str(manifest, "metadata.name"), "livy-livy-s-7"));
	assert(!strcmp(jv_str(manifest, "spec.image"), "spark:3.5.8-python3"));
	assert(!strcmp(jv_str(manifest, "spec.mainApplicationFile"),
	    "local:///opt/livy/livy_agent.py"));
	assert(json_object_array_length(jv_get(manifest,
	    "spec.arguments")) == 14);
	json_object_object_foreach(spark, key, value) {
		assert(json_object_is_type(value, json_type_string));
		assert(tmpl_conf_allowed(conf->template[APP_SESSION], key) ||
		    !strcmp(key, "spark.kubernetes.executor.podNamePrefix"));
	}
}

/* An echo, whatever it is, leaves a view that is JSON. */
static void
check_echo(const char *echo)
{
	AUTO_BUF struct buf b = BUF_INIT(1 << 22);

	buf_addch(&b, '{');
	session_req_echo(echo, &b);
	buf_addch(&b, '}');
	assert(!buf_ok(&b) || fuzz_is_json(b.data, b.len));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct session_agent agent = { .hash = "0123456789ab",
		.map = "livy-livy-agent-0123456789ab" };
	static struct request rq;
	const struct conf *conf = fuzz_conf();
	AUTO_BUF struct buf body = BUF_INIT(1 << 22);
	AUTO_PLAN struct session_plan plan = SESSION_PLAN_INIT;
	AUTO_JSON json_object *manifest = NULL;
	struct err err = ERR_INIT;

	buf_add(&body, data, size);
	check_echo(body.data);
	rq.body = body;
	if (!session_plan(conf, &agent, 1, &rq, &plan, &err)) {
		assert(err.status == 400 || err.status == 500);
		assert(err.msg[0]);
		return 0;
	}
	check_echo(jv_text(jv_member(plan.notes, "livy-fcgi/echo")));
	if (manifest_render(conf, &(struct manifest){ .kind = APP_SESSION,
	    .id = 7, .owner = "ann", .request_id = "r", .vars = plan.vars,
	    .labels = plan.labels, .notes = plan.notes }, &manifest, &err))
		check_manifest(conf, manifest);
	else
		assert(err.msg[0]);
	return 0;
}

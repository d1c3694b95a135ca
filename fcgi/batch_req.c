#include "config.h"

#include "batch_req.h"

#include "conf_choose.h"
#include "create_req.h"
#include "files.h"
#include "jv.h"

/* In the order in which Livy names them. */
static const struct field fields[] = {
	{ "executorCores", FIELD_INT }, { "className", FIELD_TEXT },
	{ "conf", FIELD_MAP }, { "driverMemory", FIELD_TEXT },
	{ "name", FIELD_TEXT }, { "driverCores", FIELD_INT },
	{ "pyFiles", FIELD_LIST }, { "archives", FIELD_LIST },
	{ "executorMemory", FIELD_TEXT }, { "files", FIELD_LIST },
	{ "jars", FIELD_LIST }, { "proxyUser", FIELD_TEXT },
	{ "numExecutors", FIELD_INT }, { "file", FIELD_TEXT },
	{ "args", FIELD_LIST }, { "queue", FIELD_TEXT },
};

static const struct create_form form = {
	.class = "org.apache.livy.server.batch.CreateBatchRequest",
	.getter = "name", .fields = fields, .count = ARRAY_LEN(fields),
};

bool
batch_req_parse(const struct conf *conf, const struct asker *by,
    const char *body, size_t len, json_object **ret_vars, struct err *err)
{
	AUTO_JSON json_object *vars = NULL;

	if (!create_req_read(&form, body, len, &vars, err) ||
	    !create_req_name(vars, err) ||
	    !conf_policy(conf, APP_BATCH, by, vars, err) ||
	    !files_resolve_lists(conf, vars, err) ||
	    !files_resolve_main(conf, vars, err) ||
	    !create_req_ints(&form, vars, err))
		return false;
	create_req_drop_empty(&form, vars);
	*ret_vars = vars;
	vars = NULL;
	return true;
}

json_object *
batch_req_known(void)
{
	json_object *known = create_req_known(&form);

	jv_set_str(known, "file", "local:///app.py");
	jv_set_str(known, "type", "Python");
	return known;
}

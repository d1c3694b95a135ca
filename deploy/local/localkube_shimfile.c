#include "config.h"

#include "localkube_shim.h"

#include "err.h"
#include "jv.h"
#include "localkube_files.h"

#define FILE_MAX 16384

static bool
read_json(const char *dir, const char *name, json_object **ret_new)
{
	AUTO_BUF struct buf path = BUF_INIT(4096);
	AUTO_BUF struct buf text = BUF_INIT(FILE_MAX);
	struct err err = ERR_INIT;

	buf_addf(&path, "%s/%s", dir, name);
	return kfiles_read(path.data, &text, &err) &&
	    jv_parse(text.data, text.len, JV_DEPTH_CLIENT, ret_new, &err);
}

bool
kshim_read_state(const char *dir, struct kshim_state *ret)
{
	AUTO_JSON json_object *o = NULL;

	if (!read_json(dir, "state", &o))
		return false;
	ret->pid = (pid_t)jv_int(o, "pid", 0);
	ret->born = jv_int(o, "born", 0);
	ret->started_ms = jv_int(o, "startedMs", 0);
	return ret->pid > 0;
}

bool
kshim_read_exit(const char *dir, struct kshim_exit *ret)
{
	AUTO_JSON json_object *o = NULL;
	const char *reason, *message;

	if (!read_json(dir, "exit", &o))
		return false;
	reason = jv_str(o, "reason");
	message = jv_str(o, "message");
	ret->code = (int)jv_int(o, "code", 1);
	ret->started_ms = jv_int(o, "startedMs", 0);
	ret->finished_ms = jv_int(o, "finishedMs", 0);
	snprintf(ret->reason, sizeof ret->reason, "%s",
	    reason ? reason : "Error");
	snprintf(ret->message, sizeof ret->message, "%s",
	    message ? message : "");
	return true;
}

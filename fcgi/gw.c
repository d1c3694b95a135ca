#include "config.h"

#include "gw.h"

#include "app.h"
#include "conf.h"
#include "jv.h"
#include "kube.h"
#include "slots.h"

struct kube *
gw_client(const struct gw *gw)
{
	const struct kube_opts opts = {
		.cred = gw->cred,
		.user_agent = PACKAGE_NAME "/" PACKAGE_VERSION,
		.connect_timeout_ms = gw->conf->connect_timeout_ms,
		.attempt_ms = gw->conf->call_timeout_ms,
		.reply_limit = gw->conf->reply_limit,
		.silent_ms = &gw->slots->silent_ms,
	};

	return kube_new(&opts);
}

json_object *
gw_object(const struct conf *conf, const char *version, const char *kind,
    const char *name, const char *rv)
{
	json_object *o = json_object_new_object();
	json_object *meta = json_object_new_object();
	json_object *labels = json_object_new_object();

	jv_set_str(o, "apiVersion", version);
	jv_set_str(o, "kind", kind);
	jv_set_str(meta, "name", name);
	if (*rv)
		jv_set_str(meta, "resourceVersion", rv);
	jv_set_str(labels, LABEL_GATEWAY, conf->gateway);
	json_object_object_add(meta, "labels", labels);
	json_object_object_add(o, "metadata", meta);
	return o;
}

void
gw_set_owner(json_object *o, const char *name, const char *uid)
{
	json_object *list = json_object_new_array();
	json_object *owner = json_object_new_object();

	jv_set_str(owner, "apiVersion", APP_API_VERSION);
	jv_set_str(owner, "kind", APP_API_KIND);
	jv_set_str(owner, "name", name);
	jv_set_str(owner, "uid", uid);
	json_object_array_add(list, owner);
	json_object_object_add(jv_member(o, "metadata"), "ownerReferences",
	    list);
}

#include "config.h"

#include "remove.h"

#include "err.h"
#include "gw.h"
#include "jv.h"
#include "kube.h"
#include "reserve.h"

#define PATH_BYTES_MAX 1024

/* Asks for exactly this object's end, never a namesake's. */
static enum kube_result
delete_object(struct gw *gw, const struct cache_view *v, int64_t deadline_ms,
    struct err *err)
{
	AUTO_BUF struct buf path = BUF_INIT(PATH_BYTES_MAX);
	AUTO_JSON json_object *body = json_object_new_object();
	json_object *only = json_object_new_object();
	struct kube_req del = { .method = "DELETE", .body = body,
		.deadline_ms = deadline_ms };

	kube_path_apps(&path, v->text.ns, v->text.object);
	del.path = path.data;
	jv_set_str(body, "kind", "DeleteOptions");
	jv_set_str(body, "apiVersion", "v1");
	jv_set_str(body, "propagationPolicy", "Background");
	jv_set_str(only, "uid", v->app.uid);
	json_object_object_add(body, "preconditions", only);
	return kube_call(gw->kube, &del, NULL, NULL, err);
}

/*
 * The key is marked before its application goes: after that nobody could
 * tell a repeat of its request from the first one.
 */
bool
remove_app(struct gw *gw, const struct cache_view *v, int64_t deadline_ms,
    struct err *err)
{
	enum kube_result r;

	if (v->text.key && !reserve_use_up(gw, v->app.kind, v->text.key,
	    v->app.id, deadline_ms, err))
		return false;
	r = delete_object(gw, v, deadline_ms, err);
	if (r != KUBE_OK && r != KUBE_NOT_FOUND && r != KUBE_CONFLICT)
		return false;
	if (v->text.name)
		reserve_free_name(gw, v->app.kind, v->text.name, v->app.id,
		    deadline_ms);
	return true;
}

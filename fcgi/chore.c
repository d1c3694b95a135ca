#include "config.h"

#include "chore.h"

#include "gw.h"
#include "jv.h"
#include "kube.h"
#include "num.h"

json_object *
chore_notes_body(const struct cache_view *v, json_object **ret_notes)
{
	json_object *o = json_object_new_object();
	json_object *meta = json_object_new_object();

	*ret_notes = json_object_new_object();
	/* a namesake's uid differs, and the API server then refuses */
	jv_set_str(meta, "uid", v->app.uid);
	json_object_object_add(meta, "annotations", *ret_notes);
	json_object_object_add(o, "metadata", meta);
	return o;
}

json_object *
chore_patch_body(const struct cache_view *v, bool suspend,
    json_object **ret_notes)
{
	json_object *o = chore_notes_body(v, ret_notes);
	json_object *spec = json_object_new_object();

	json_object_object_add(spec, "suspend",
	    json_object_new_boolean(suspend));
	json_object_object_add(o, "spec", spec);
	return o;
}

void
chore_set_now(json_object *notes, const char *key)
{
	char text[24];

	snprintf(text, sizeof text, "%lld", (long long)num_wall_ms());
	jv_set_str(notes, key, text);
}

bool
chore_patch(struct gw *gw, const struct cache_view *v,
    json_object *take_body, struct err *err)
{
	AUTO_BUF struct buf path = BUF_INIT(1024);
	AUTO_JSON json_object *body = take_body;
	struct kube_req rq = { .method = "PATCH", .body = body,
		.content_type = "application/merge-patch+json",
		.deadline_ms = num_mono_ms() + CHORE_MS };
	enum kube_result r;

	kube_path_apps(&path, v->text.ns, v->text.object);
	rq.path = path.data;
	r = kube_call(gw->kube, &rq, NULL, NULL, err);
	return r == KUBE_OK || r == KUBE_NOT_FOUND;
}

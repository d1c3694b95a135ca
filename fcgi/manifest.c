#include "config.h"

#include "manifest.h"

#include "batch_req.h"
#include "conf.h"
#include "err.h"
#include "jv.h"
#include "session_plan.h"
#include "tmpl.h"

#define ECHO_MAX (192u << 10)	/* of the 256 KiB annotations may have */

static void
add_all(json_object *to, json_object *from, bool only_unset)
{
	json_object_object_foreach(from, key, value)
		if (value && !(only_unset && jv_member(to, key)))
			json_object_object_add(to, key,
			    json_object_get(value));
}

/*
 * What the template sees: the request's variables, this application's, and
 * the site's for what a request says nothing of. A new object, so that no
 * default of the site passes for something that the client said.
 */
static json_object *
all_vars(const struct conf *conf, const struct manifest *of,
    const char *object)
{
	json_object *all = json_object_new_object();

	add_all(all, of->vars, false);
	json_object_object_add(all, "id", json_object_new_int(of->id));
	jv_set_str(all, "appName", object);
	jv_set_str(all, "user", of->owner);
	jv_set_str(all, "gateway", conf->gateway);
	if (conf->vars)
		add_all(all, conf->vars, true);
	if (!jv_member(all, "namespace") && conf->namespaces.count > 0)
		jv_set_str(all, "namespace", conf->namespaces.items[0]);
	return all;
}

/* A member that is an object, made if it is not there. */
static json_object *
object_member(json_object *o, const char *key)
{
	json_object *member = jv_member(o, key);

	if (json_object_is_type(member, json_type_object))
		return member;
	member = json_object_new_object();
	json_object_object_add(o, key, member);
	return member;
}

static void
set_text(json_object *o, const char *key, const char *text)
{
	if (text && *text)
		json_object_object_add(o, key, json_object_new_string(text));
	else
		json_object_object_del(o, key);
}

static bool
set_namespace(const struct conf *conf, enum app_kind kind, json_object *meta,
    json_object *vars, struct err *err)
{
	const char *ns = jv_text(jv_member(meta, "namespace"));

	if (!ns)
		ns = jv_text(jv_member(vars, "namespace"));
	for (size_t i = 0; ns && i < conf->namespaces.count; i++)
		if (strcmp(conf->namespaces.items[i], ns) == 0) {
			jv_set_str(meta, "namespace",
			    conf->namespaces.items[i]);
			return true;
		}
	return err_set(err, 500, "%s: namespace '%s' is none of the "
	    "configured ones", tmpl_where(conf->template[kind]),
	    ns ? ns : "");
}

static void
set_labels(const struct conf *conf, const struct manifest *of,
    json_object *meta)
{
	json_object *labels = object_member(meta, "labels");
	char text[16];

	snprintf(text, sizeof text, "%d", (int)of->id);
	set_text(labels, LABEL_GATEWAY, conf->gateway);
	set_text(labels, LABEL_KIND, app_kind_word(of->kind));
	set_text(labels, LABEL_ID, text);
	if (of->labels)
		add_all(labels, of->labels, /* only_unset= */ false);
}

static bool
set_annotations(const struct manifest *of, json_object *meta, struct err *err)
{
	json_object *notes = object_member(meta, "annotations");
	size_t len;

	set_text(notes, ANNOTATION_SCHEMA, APP_SCHEMA);
	set_text(notes, ANNOTATION_OWNER, of->owner);
	set_text(notes, ANNOTATION_PROXY_USER,
	    jv_text(jv_member(of->vars, "proxyUser")));
	set_text(notes, ANNOTATION_NAME, jv_text(jv_member(of->vars, "name")));
	set_text(notes, ANNOTATION_REQUEST, of->request_id);
	if (of->notes)
		add_all(notes, of->notes, /* only_unset= */ false);
	len = strlen(jv_print(notes));
	return len <= ECHO_MAX || err_set(err, 400, "Rejected, Reason: what "
	    "has to be kept of this request takes %zu bytes, more than %u",
	    len, ECHO_MAX);
}

bool
manifest_render(const struct conf *conf, const struct manifest *of,
    json_object **ret_new, struct err *err)
{
	AUTO_JSON json_object *manifest = NULL;
	AUTO_JSON json_object *all = NULL;
	json_object *meta;
	char object[KUBE_LABEL_MAX + 1];

	if (!app_object_name(object, conf->gateway, of->kind, of->id))
		return err_set(err, 500, "no object name for %s %d of "
		    "gateway '%s'", app_kind_word(of->kind), (int)of->id,
		    conf->gateway);
	all = all_vars(conf, of, object);
	if (!tmpl_render(conf->template[of->kind], all, &manifest, err))
		return false;
	meta = object_member(manifest, "metadata");
	jv_set_str(meta, "name", object);
	if (!set_namespace(conf, of->kind, meta, all, err) ||
	    !set_annotations(of, meta, err))
		return false;
	set_labels(conf, of, meta);
	*ret_new = manifest;
	manifest = NULL;
	return true;
}

static json_object *(*const known[APP_KINDS])(void) = {
	[APP_BATCH] = batch_req_known,
	[APP_SESSION] = session_plan_known,
};

json_object *
manifest_known(const struct conf *conf, enum app_kind kind)
{
	AUTO_JSON json_object *fields = known[kind]();
	json_object *all = json_object_new_object();
	char object[64];

	if (conf->vars)
		add_all(all, conf->vars, false);
	json_object_object_foreach(fields, key, value)
		if (value || !jv_member(all, key))
			json_object_object_add(all, key,
			    json_object_get(value));
	json_object_object_add(all, "id", json_object_new_int(ID_MAX));
	snprintf(object, sizeof object, "livy-%s", app_kind_word(kind));
	jv_set_str(all, "appName", object);
	json_object_object_add(all, "user", NULL);
	jv_set_str(all, "gateway", conf->gateway);
	jv_set_str(all, "namespace", conf->namespaces.count > 0 ?
	    conf->namespaces.items[0] : "default");
	return all;
}

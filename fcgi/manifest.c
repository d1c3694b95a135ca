#include "config.h"

#include "manifest.h"

#include "batch_req.h"
#include "buf.h"
#include "conf.h"
#include "conf_choose.h"
#include "crd.h"
#include "err.h"
#include "jv.h"
#include "session_plan.h"
#include "tmpl.h"
#include "tmpl_node.h"

#define ECHO_MAX (192u << 10)	/* of the 256 KiB annotations may have */

/* Values that a checked template is tried with. */
static const struct {
	const char *name, *text;	/* text NULL: the number */
	int number;
} samples[] = {
	{ "driverMemory", "1g", 0 }, { "executorMemory", "1g", 0 },
	{ "driverCores", NULL, 1 }, { "executorCores", NULL, 1 },
	{ "numExecutors", NULL, 1 },
};
static const char *const sample_lists[] = { "args", "jars", "pyFiles", "files",
	"archives" };

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
set_namespace(const struct conf *conf, const struct manifest *of,
    json_object *meta, json_object *vars, struct err *err)
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
	    "configured ones", tmpl_where(conf_chosen(conf, of->kind,
	    of->vars)), ns ? ns : "");
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
	const char *template = jv_str(of->vars, "template");
	size_t len;

	set_text(notes, ANNOTATION_SCHEMA, APP_SCHEMA);
	set_text(notes, ANNOTATION_OWNER, of->owner);
	set_text(notes, ANNOTATION_TEAM, jv_str(of->vars, "team"));
	if (of->kind == APP_SESSION && template)
		set_text(notes, ANNOTATION_TEMPLATE,
		    tnode_file_name(template));	/* the folder is the site's */
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

/* Where each variable is from, in words. */
static json_object *
origins_new(const struct conf *conf, json_object *vars, json_object *all)
{
	json_object *origins = json_object_new_object();
	json_object *lifted = jv_member(vars, "lifted");
	char words[512];

	json_object_object_foreach(all, key, value) {
		(void)value;
		if (jv_str(lifted, key))
			snprintf(words, sizeof words,
			    "conf key %.400s of the request",
			    jv_str(lifted, key));
		else if (strcmp(key, "team") == 0 && jv_member(vars, key))
			snprintf(words, sizeof words, "who asks");
		else if (strcmp(key, "template") != 0 &&
		    strcmp(key, "type") != 0 && jv_member(vars, key))
			snprintf(words, sizeof words, "field of the request");
		else if (conf->vars && jv_member(conf->vars, key))
			snprintf(words, sizeof words, "vars of the site");
		else
			continue;	/* the gateway's own */
		jv_set_str(origins, key, words);
	}
	return origins;
}

/* The gateway's own part of the object. */
static bool
finish(const struct conf *conf, const struct manifest *of, json_object *all,
    json_object *manifest, struct err *err)
{
	json_object *meta = object_member(manifest, "metadata");

	jv_set_str(meta, "name", jv_str(all, "appName"));
	if (!set_namespace(conf, of, meta, all, err) ||
	    !set_annotations(of, meta, err))
		return false;
	set_labels(conf, of, meta);
	return true;
}

static bool
make(const struct conf *conf, const struct manifest *of,
    json_object **ret_new, json_object **ret_trace, struct err *err)
{
	AUTO_JSON json_object *manifest = NULL;
	AUTO_JSON json_object *all = NULL;
	AUTO_JSON json_object *origins = NULL;
	char object[KUBE_LABEL_MAX + 1];

	if (!app_object_name(object, conf->gateway, of->kind, of->id))
		return err_set(err, 500, "no object name for %s %d of "
		    "gateway '%s'", app_kind_word(of->kind), (int)of->id,
		    conf->gateway);
	all = all_vars(conf, of, object);
	if (ret_trace)
		origins = origins_new(conf, of->vars, all);
	if (!tmpl_explain(conf_chosen(conf, of->kind, of->vars), all, origins,
	    &manifest, ret_trace, err) ||
	    !finish(conf, of, all, manifest, err))
		return false;
	*ret_new = manifest;
	manifest = NULL;
	return true;
}

bool
manifest_render(const struct conf *conf, const struct manifest *of,
    json_object **ret_new, struct err *err)
{
	return make(conf, of, ret_new, NULL, err);
}

static void
explain_own(json_object *part, const char *name, json_object *fields)
{
	AUTO_BUF struct buf path = BUF_INIT(4096);

	json_object_object_foreach(part, key, value) {
		(void)value;
		buf_clear(&path);
		buf_addf(&path, "metadata.%s", name);
		crd_path_member(&path, key);
		if (!jv_member(fields, path.data))
			jv_set_str(fields, path.data, "the gateway");
	}
}

bool
manifest_explain(const struct conf *conf, const struct manifest *of,
    json_object **ret_new, json_object **ret_fields_new, struct err *err)
{
	AUTO_JSON json_object *trace = NULL;
	AUTO_BUF struct buf b = BUF_INIT(1 << 16);
	json_object *fields;

	if (!make(conf, of, ret_new, &trace, err))
		return false;
	fields = json_object_new_object();
	json_object_object_foreach(trace, path, entry) {
		buf_clear(&b);
		buf_addf(&b, "%s: %s", tnode_file_name(jv_str(entry, "at")),
		    jv_str(entry, "by"));
		jv_set_str(fields, path, b.data);
	}
	jv_set_str(fields, "metadata.name", "the gateway");
	explain_own(jv_get(*ret_new, "metadata.labels"), "labels", fields);
	explain_own(jv_get(*ret_new, "metadata.annotations"), "annotations",
	    fields);
	*ret_fields_new = fields;
	return true;
}

static json_object *
sample_new(const char *name)
{
	json_object *o;

	for (size_t i = 0; i < ARRAY_LEN(samples); i++)
		if (strcmp(samples[i].name, name) == 0)
			return samples[i].text ?
			    json_object_new_string(samples[i].text) :
			    json_object_new_int(samples[i].number);
	for (size_t i = 0; i < ARRAY_LEN(sample_lists); i++)
		if (strcmp(sample_lists[i], name) == 0) {
			o = json_object_new_array();
			json_object_array_add(o, json_object_new_string("x"));
			return o;
		}
	if (strcmp(name, "conf") != 0)
		return json_object_new_string("sample");
	o = json_object_new_object();
	jv_set_str(o, "spark.sample", "1");
	return o;
}

json_object *
manifest_sample(json_object *known)
{
	json_object *sample = json_object_new_object();

	json_object_object_foreach(known, key, value)
		json_object_object_add(sample, key, value ?
		    json_object_get(value) : sample_new(key));
	return sample;
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
	jv_set_str(all, "template", conf->template_file[kind]);
	snprintf(object, sizeof object, "livy-%s", app_kind_word(kind));
	jv_set_str(all, "appName", object);
	json_object_object_add(all, "user", NULL);
	if (!jv_member(all, "team"))
		json_object_object_add(all, "team", NULL);
	jv_set_str(all, "gateway", conf->gateway);
	jv_set_str(all, "namespace", conf->namespaces.count > 0 ?
	    conf->namespaces.items[0] : "default");
	return all;
}

#include "config.h"

#include "dryrun.h"

#include "create.h"
#include "err.h"
#include "gw.h"
#include "jv.h"
#include "kube.h"
#include "lookup.h"
#include "manifest.h"
#include "reply.h"
#include "request.h"

#define PATH_BYTES_MAX 1024

bool
dryrun_wanted(const struct request *rq, bool *ret, struct err *err)
{
	char text[16] = "";
	const char *value = request_param(rq, "dryRun", text, sizeof text);

	*ret = value && strcmp(value, "true") == 0;
	if (*ret || !value || strcmp(value, "false") == 0)
		return true;
	return err_set(err, 400, "Rejected, Reason: dryRun is '%s', must be "
	    "true or false", value);
}

bool
dryrun_show(const struct conf *conf, const struct manifest *of,
    json_object **ret_new, struct err *err)
{
	AUTO_JSON json_object *manifest = NULL;
	AUTO_JSON json_object *fields = NULL;
	struct manifest last = *of;
	json_object *o;

	last.id = ID_MAX;
	if (!manifest_explain(conf, &last, &manifest, &fields, err))
		return false;
	o = json_object_new_object();
	jv_set_str(o, "template", jv_str(of->vars, "template"));
	if (jv_str(of->vars, "rule"))
		jv_set_str(o, "rule", jv_str(of->vars, "rule"));
	json_object_object_add(o, "manifest", json_object_get(manifest));
	json_object_object_add(o, "fields", json_object_get(fields));
	*ret_new = o;
	return true;
}

static bool
ask_server(struct gw *gw, const struct request *rq, json_object *manifest,
    struct err *err)
{
	AUTO_BUF struct buf path = BUF_INIT(PATH_BYTES_MAX);
	struct kube_req post = { .method = "POST", .body = manifest,
		.deadline_ms = rq->deadline_ms };
	enum kube_result r;

	kube_path_apps(&path, jv_str(manifest, "metadata.namespace"), NULL);
	kube_path_query(&path, "dryRun", "All");
	kube_path_query(&path, "fieldManager", PACKAGE_NAME);
	kube_path_query(&path, "fieldValidation", "Strict");
	post.path = path.data;
	if (!lookup_calls_begin(gw, err))
		return false;
	r = kube_call(gw->kube, &post, NULL, NULL, err);
	lookup_calls_end(gw);
	if (r != KUBE_OK && err->status == 400)
		err_wrap(err, "Rejected, Reason");
	return r == KUBE_OK;
}

bool
dryrun_answer(const struct creation *c, struct reply *rp, struct err *err)
{
	const struct manifest of = { .kind = c->kind, .owner = c->rq->user,
		.request_id = c->rq->id, .vars = c->vars,
		.labels = c->labels, .notes = c->notes };
	AUTO_JSON json_object *shown = NULL;

	if (!dryrun_show(c->gw->conf, &of, &shown, err) ||
	    !ask_server(c->gw, c->rq, jv_member(shown, "manifest"), err))
		return false;
	buf_addstr(&rp->body, jv_print(shown));
	return true;
}

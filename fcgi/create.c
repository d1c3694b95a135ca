#include "config.h"

#include "create.h"

#include "conf.h"
#include "err.h"
#include "gw.h"
#include "ids.h"
#include "jv.h"
#include "kube.h"
#include "log.h"
#include "lookup.h"
#include "own.h"
#include "request.h"

#define TRIES 4			/* ids that foreign objects may hold */
#define SETTLE_MS 2000		/* kept of the budget, to learn an outcome */
#define PATH_BYTES_MAX 1024

enum made { MADE, MADE_FOREIGN, MADE_NOT };

/* Livy's check, with the id that the session would have had. */
static bool
name_is_free(const struct creation *c, int32_t id, struct err *err)
{
	AUTO_VIEW struct cache_view v = CACHE_VIEW_INIT;
	const char *name = jv_str(c->vars, "name");

	if (!name || cache_find_name(c->gw->cache, c->kind, name, &v) !=
	    CACHE_FOUND)
		return true;
	return err_set(err, 400, "Rejected, Reason: Duplicate session name: "
	    "Some(%s) for session %d", name, (int)id);
}

static bool
is_this_request(const struct creation *c, const struct item *it)
{
	const char *made_by = it->view.text.request_id;

	return made_by && strcmp(made_by, c->rq->id) == 0;
}

/* Whether the object is there after all, made by this request. */
static enum made
settle(const struct creation *c, const char *ns, int32_t id, struct item *ret,
    struct err *err)
{
	struct err found = ERR_INIT;

	if (lookup_fetch(c->gw, c->rq, ns, c->kind, id, ret, &found) ==
	    KUBE_OK)
		return is_this_request(c, ret) ? MADE : MADE_FOREIGN;
	/* not found is no proof: what is under way may still arrive */
	err_retry(err, 503, 0, "whether %s %d has been created in namespace "
	    "'%s' is not known, look for it before you send it again: %.500s",
	    app_kind_word(c->kind), (int)id, ns, err->msg);
	return MADE_NOT;
}

static enum made
post(const struct creation *c, json_object *manifest, int32_t id,
    struct item *ret, struct err *err)
{
	AUTO_BUF struct buf path = BUF_INIT(PATH_BYTES_MAX);
	const char *ns = jv_str(manifest, "metadata.namespace");
	struct kube_req rq = { .method = "POST", .body = manifest,
		.deadline_ms = c->rq->deadline_ms - SETTLE_MS };
	json_object *obj = NULL;
	bool unsure = false;
	enum kube_result r;

	kube_path_apps(&path, ns, NULL);
	kube_path_query(&path, "fieldManager", PACKAGE_NAME);
	kube_path_query(&path, "fieldValidation", "Strict");
	rq.path = path.data;
	r = kube_call(c->gw->kube, &rq, &obj, &unsure, err);
	if (r == KUBE_OK)
		return item_take(ret, c->gw, obj, err) ? MADE : MADE_NOT;
	if (r == KUBE_EXISTS || unsure)
		return settle(c, ns, id, ret, err);
	if (err->status == 400)
		err_wrap(err, "Rejected, Reason");
	return MADE_NOT;
}

static bool
try_ids(const struct creation *c, struct item *ret, struct err *err)
{
	int32_t id;

	for (int i = 0; i < TRIES; i++) {
		AUTO_JSON json_object *manifest = NULL;

		if (!ids_next(c->gw, c->kind, c->rq->deadline_ms - SETTLE_MS,
		    &id, err) || !name_is_free(c, id, err) ||
		    !c->manifest(c, id, &manifest, err))
			return false;
		switch (post(c, manifest, id, ret, err)) {
		case MADE:
			return true;
		case MADE_NOT:
			return false;
		case MADE_FOREIGN:
			log_warn("%s %d exists and is not this request's: "
			    "taking another id", app_kind_word(c->kind),
			    (int)id);
		}
	}
	return err_retry(err, 503, 1, "the ids of new applications are in use "
	    "by others; the counter is being passed over");
}

bool
create_app(const struct creation *c, struct item *ret, struct err *err)
{
	struct livy_view view = { &ret->part[0], &ret->part[1], &ret->part[2],
		&ret->part[3] };
	struct gw *gw = c->gw;
	bool good;

	if (!lookup_ready(gw, err))
		return false;
	if (!own_has_room(gw->own, gw->slot))
		return err_retry(err, 503, 1, CREATE_WATCH_BEHIND);
	if (!lookup_calls_begin(gw, err))
		return false;
	good = try_ids(c, ret, err);
	lookup_calls_end(gw);
	if (good && !own_created(gw->own, gw->slot, &ret->view.app,
	    &ret->view.text, &view))
		log_warn("%s %d is created but may be missing for a while",
		    app_kind_word(c->kind), (int)ret->view.app.id);
	return good;
}

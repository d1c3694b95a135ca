#include "config.h"

#include "create.h"

#include "admit.h"
#include "audit.h"
#include "claim.h"
#include "conf.h"
#include "err.h"
#include "gw.h"
#include "ids.h"
#include "jv.h"
#include "kube.h"
#include "log.h"
#include "lookup.h"
#include "manifest.h"
#include "own.h"
#include "remove.h"
#include "request.h"
#include "slots.h"

#define TRIES 4			/* ids that foreign objects may hold */
#define SETTLE_MS 2000		/* kept of the budget, to learn an outcome */
#define SETTLE_PART 4		/* or this part of it, if that is less */
#define UNKNOWN_RETRY_S 5
#define PATH_BYTES_MAX 1024

enum made { MADE, MADE_FOREIGN, MADE_NOT, MADE_UNKNOWN };

static void
audit(const struct creation *c, enum audit_step step, int32_t id,
    const char *reason)
{
	audit_write(&(struct audit){ .step = step, .kind = c->kind, .id = id,
	    .user = c->rq->user, .request_id = c->rq->id, .reason = reason });
}

/* When what makes the object must be over. */
static int64_t
until(const struct creation *c)
{
	int64_t keep = c->gw->conf->call_budget_ms / SETTLE_PART;

	return c->rq->deadline_ms - (keep < SETTLE_MS ? keep : SETTLE_MS);
}

static struct slot *
slot_of(const struct creation *c)
{
	return &c->gw->slots->slot[c->gw->slot];
}

static bool
is_this_request(const struct creation *c, const struct claim *cl,
    const struct item *it)
{
	const char *made_by = it->view.text.request_id;

	return (made_by && strcmp(made_by, c->rq->id) == 0) ||
	    claim_made(cl, it);
}

/* Whether the object is there after all, made by this request. */
static enum made
settle(const struct creation *c, const struct claim *cl, const char *ns,
    int32_t id, struct item *ret, struct err *err)
{
	struct err found = ERR_INIT;

	json_object_put(ret->obj);
	ret->obj = NULL;
	if (lookup_fetch(c->gw, c->rq, ns, c->kind, id, ret, &found) ==
	    KUBE_OK)
		return is_this_request(c, cl, ret) ? MADE : MADE_FOREIGN;
	if (ret->obj)	/* there, but no application of this gateway */
		return MADE_FOREIGN;
	/* not found is no proof: what is under way may still arrive */
	err_retry(err, 503, UNKNOWN_RETRY_S, "whether %s %d has been created in namespace "
	    "'%s' is not known, look for it before you send it again: %.500s",
	    app_kind_word(c->kind), (int)id, ns, err->msg);
	return MADE_UNKNOWN;
}

static enum made
post(const struct creation *c, const struct claim *cl, json_object *manifest,
    int32_t id, struct item *ret, struct err *err)
{
	AUTO_BUF struct buf path = BUF_INIT(PATH_BYTES_MAX);
	const char *ns = jv_str(manifest, "metadata.namespace");
	struct kube_req rq = { .method = "POST", .body = manifest,
		.deadline_ms = until(c) };
	json_object *obj = NULL;
	bool unsure = false;
	enum kube_result r;

	kube_path_apps(&path, ns, NULL);
	kube_path_query(&path, "fieldManager", PACKAGE_NAME);
	kube_path_query(&path, "fieldValidation", "Strict");
	rq.path = path.data;
	r = kube_call(c->gw->kube, &rq, &obj, &unsure, err);
	if (r == KUBE_OK)
		return item_take(ret, c->gw, obj, err) ? MADE : MADE_UNKNOWN;
	if (r == KUBE_EXISTS || unsure)
		return settle(c, cl, ns, id, ret, err);
	if (err->status == 400)
		err_wrap(err, "Rejected, Reason");
	return MADE_NOT;
}

bool
create_manifest(const struct creation *c, int32_t id, json_object **ret_new,
    struct err *err)
{
	return manifest_render(c->gw->conf, &(struct manifest){
	    .kind = c->kind, .id = id, .owner = c->rq->user,
	    .request_id = c->rq->id, .vars = c->vars, .labels = c->labels,
	    .notes = c->notes }, ret_new, err);
}

/* The same with what only a real create has. */
static bool
manifest_of(const struct creation *c, const struct claim *cl, int32_t id,
    json_object **ret_new, struct err *err)
{
	json_object *notes;

	if (!create_manifest(c, id, ret_new, err))
		return false;
	notes = jv_get(*ret_new, "metadata.annotations");
	if (*cl->key.object)
		jv_set_str(notes, ANNOTATION_KEY, cl->key.object);
	admit_or_wait(c->gw, *ret_new);
	return true;
}

/* One id: the reservations are bound to it, the intent is noted, it goes. */
static enum made
try_id(const struct creation *c, struct claim *cl, int32_t id,
    struct item *ret, struct err *err)
{
	AUTO_JSON json_object *manifest = NULL;

	if (!claim_bind(c, cl, id, until(c), err))
		return MADE_NOT;
	audit(c, AUDIT_INTENDED, id, NULL);
	slot_intend(slot_of(c), c->kind, id, c->rq->user, c->rq->id);
	if (!manifest_of(c, cl, id, &manifest, err))
		return MADE_NOT;
	return post(c, cl, manifest, id, ret, err);
}

/* new_id: this request has taken it, or -1. */
static void
give_up(const struct creation *c, const struct claim *cl, enum made made,
    int32_t id, int32_t new_id, const struct err *err)
{
	audit(c, made == MADE_NOT ? AUDIT_REFUSED : AUDIT_UNKNOWN, id,
	    err->msg);
	/* it may still arrive; where there is no room, nobody tells of it */
	if (made == MADE_NOT || !slot_orphan(c->gw->slots, c->gw->slot))
		atomic_store(&slot_of(c)->intent.open, false);
	if (made != MADE_NOT)
		return;
	claim_drop(c, cl, c->rq->deadline_ms);
	/* where the API server is in trouble, an id is worth no call */
	if (new_id >= 0 && err->status < 500 && err->status != 429)
		ids_give_back(c->gw, c->kind, new_id, c->rq->deadline_ms);
}

/*
 * A create whose answer is lost is sent again. A repeat of its request may
 * have been answered by another worker meanwhile, and the application been
 * deleted: then this one is too many.
 */
static enum made
take_back(const struct creation *c, struct item *it, struct err *err)
{
	int32_t id = it->view.app.id;

	if (!remove_app(c->gw, &it->view, c->rq->deadline_ms, err)) {
		err_wrap(err, "%s %d has been deleted, was made once more and "
		    "cannot be removed", app_kind_word(c->kind), (int)id);
		return MADE_UNKNOWN;
	}
	claim_used_up(c, id, err);
	return MADE_NOT;
}

/* What cannot be told now the leader process looks at (settle.h). */
static bool
is_to_stay(const struct creation *c, struct claim *cl)
{
	enum reserve_result kept = claim_keep(c, cl, c->rq->deadline_ms);

	if (kept == RESERVE_BOUND && !slot_doubt(c->gw->slots, c->gw->slot))
		log_warn("whether a key of user '%s' is used up is not known",
		    c->rq->user);
	return kept != RESERVE_GONE;
}

static bool
try_ids(const struct creation *c, struct claim *cl, struct item *ret,
    struct err *err)
{
	int32_t id = claim_id(cl), new_id = -1;
	enum made made = MADE_NOT;

	for (int i = 0; i < TRIES; i++) {
		if (id < 0) {
			if (!ids_next(c->gw, c->kind, until(c), &id, err))
				break;
			new_id = id;
		}
		made = try_id(c, cl, id, ret, err);
		if (made == MADE) {
			if (is_to_stay(c, cl))
				return true;
			made = take_back(c, ret, err);
			new_id = -1;	/* what was used is not given back */
			break;
		}
		if (made != MADE_FOREIGN)
			break;
		log_warn("%s %d exists and is not this request's: taking "
		    "another id", app_kind_word(c->kind), (int)id);
		id = new_id = -1;
		err_retry(err, 503, 1, "the ids of new applications are in use "
		    "by others; the counter is being passed over");
	}
	give_up(c, cl, made == MADE_FOREIGN ? MADE_NOT : made, id, new_id, err);
	return false;
}

bool
create_app(const struct creation *c, struct item *ret, struct err *err)
{
	struct livy_view view = { &ret->part[0], &ret->part[1], &ret->part[2],
		&ret->part[3] };
	struct claim claim = CLAIM_INIT;
	struct gw *gw = c->gw;
	enum claim_result got;
	bool good;

	if (!lookup_ready(gw, err))
		return false;
	if (!own_has_room(gw->own, gw->slot))
		return err_retry(err, 503, 1, CREATE_WATCH_BEHIND);
	if (!lookup_calls_begin(gw, err))
		return false;
	got = claim_take(c, until(c), &claim, ret, err);
	good = got == CLAIM_OURS ? try_ids(c, &claim, ret, err) :
	    got == CLAIM_REPEAT;
	lookup_calls_end(gw);
	if (got == CLAIM_REPEAT)
		audit(c, AUDIT_REPEATED, ret->view.app.id, NULL);
	/* what was fetched is new here, even if it was made by another try */
	if (good && ret->obj && !own_created(gw->own, gw->slot,
	    &ret->view.app, &ret->view.text, &view))
		log_warn("%s %d is created but may be missing for a while",
		    app_kind_word(c->kind), (int)ret->view.app.id);
	slot_arrived(slot_of(c));
	return good;
}

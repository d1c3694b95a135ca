#include "config.h"

#include "claim.h"

#include "conf.h"
#include "err.h"
#include "gw.h"
#include "jv.h"
#include "log.h"
#include "lookup.h"
#include "num.h"
#include "request.h"

enum found { FOUND, FOUND_NOT, FOUND_UNKNOWN };

/* The application of an id, wherever it is; none of ours is none. */
static enum found
find(const struct creation *c, int32_t id, struct item *ret, struct err *err)
{
	const struct conf_list *ns = &c->gw->conf->namespaces;
	enum kube_result r = KUBE_NOT_FOUND;

	json_object_put(ret->obj);
	ret->obj = NULL;
	switch (cache_get(c->gw->cache, c->kind, id, &ret->view)) {
	case CACHE_FOUND:
		return FOUND;
	case CACHE_DELETED:
		return FOUND_NOT;
	case CACHE_ABSENT:
		break;
	}
	for (size_t i = 0; i < ns->count && r == KUBE_NOT_FOUND; i++)
		r = lookup_fetch(c->gw, c->rq, ns->items[i], c->kind, id, ret,
		    err);
	return r == KUBE_OK ? FOUND :
	    r == KUBE_NOT_FOUND ? FOUND_NOT : FOUND_UNKNOWN;
}

/* Whoever bound it may still be about to create its object. */
static bool
too_young(const struct creation *c, const struct reservation *r)
{
	return num_wall_ms() - r->at_ms < c->gw->conf->request_deadline_ms;
}

/* What is asked of a reservation, now and when it is taken over. */
struct wish {
	enum reserve_scope scope;
	const char *user, *text, *body, *holder;
	int64_t deadline_ms;
};

/*
 * Only what is ours is left in ret: what another holds is not to be dropped,
 * so it is told in held alone.
 */
static enum reserve_result
take(const struct creation *c, const struct wish *w,
    const struct reservation *orphan, struct reservation *ret,
    struct reservation *ret_held, struct err *err)
{
	enum reserve_result got = reserve_take(c->gw, w->scope, c->kind,
	    w->user, w->text, w->body, w->holder, orphan, w->deadline_ms, ret,
	    err);

	*ret_held = *ret;
	if (got != RESERVE_OURS)
		*ret = (struct reservation){ .id = -1 };
	return got;
}

/* The application that it is bound to does not exist. */
static enum claim_result
take_over(const struct creation *c, const struct wish *w,
    const struct reservation *orphan, struct reservation *ret,
    struct err *err)
{
	struct reservation held;
	enum reserve_result got;

	if (too_young(c, orphan)) {
		err_retry(err, 503, 1, "the first request with this %s is "
		    "being answered; try again", w->scope == RESERVE_KEY ?
		    "Idempotency-Key" : "name");
		return CLAIM_FAILED;
	}
	got = take(c, w, orphan, ret, &held, err);
	if (got == RESERVE_BOUND || got == RESERVE_GONE)
		err_retry(err, 503, 1, "another request was faster to take it "
		    "over; try again");
	return got == RESERVE_OURS ? CLAIM_OURS : CLAIM_FAILED;
}

/* Whether an application holds this reservation, not merely its id. */
static bool
is_of_key(const struct item *it, const struct reservation *held)
{
	const char *key = it->view.text.key;

	return key && strcmp(key, held->object) == 0;
}

static bool
is_of_name(const struct item *it, const char *name)
{
	return it->view.text.name && strcmp(it->view.text.name, name) == 0;
}

bool
claim_used_up(const struct creation *c, int32_t id, struct err *err)
{
	return err_set(err, 409, "%s %d, which this Idempotency-Key made, has "
	    "been deleted", app_kind_word(c->kind), (int)id);
}

static enum claim_result
used_up(const struct creation *c, int32_t id, struct err *err)
{
	claim_used_up(c, id, err);
	return CLAIM_FAILED;
}

static enum claim_result
take_key(const struct creation *c, int64_t deadline_ms, struct claim *cl,
    struct item *ret_repeat, struct err *err)
{
	char body[65];
	struct wish w = { RESERVE_KEY, c->rq->user, c->rq->idempotency_key,
		body, c->rq->id, deadline_ms };
	struct reservation held;
	enum reserve_result got;
	enum found found;

	if (!*w.text)
		return CLAIM_OURS;
	reserve_hash(c->rq->body.data, c->rq->body.len, body);
	got = take(c, &w, NULL, &cl->key, &held, err);
	if (got == RESERVE_OURS || got == RESERVE_FAILED)
		return got == RESERVE_OURS ? CLAIM_OURS : CLAIM_FAILED;
	if (strcmp(held.body, body) != 0) {
		err_set(err, 400, "Rejected, Reason: this Idempotency-Key was "
		    "sent before with another request");
		return CLAIM_FAILED;
	}
	if (got == RESERVE_GONE)
		return used_up(c, held.id, err);
	found = find(c, held.id, ret_repeat, err);
	if (found == FOUND_UNKNOWN)
		return CLAIM_FAILED;
	if (found == FOUND && is_of_key(ret_repeat, &held)) {
		if (!held.made && reserve_made(c->gw, &held, c->kind,
		    deadline_ms) == RESERVE_GONE)
			return used_up(c, held.id, err);
		return CLAIM_REPEAT;
	}
	return held.made ? used_up(c, held.id, err) :
	    take_over(c, &w, &held, &cl->key, err);
}

static enum claim_result
duplicate(const struct creation *c, const char *name, struct err *err)
{
	err_set(err, 400, "Rejected, Reason: Duplicate session name: "
	    "Some(%s) for session %d", name,
	    (int)cache_highest(c->gw->cache, c->kind) + 1);
	return CLAIM_FAILED;
}

/*
 * Whether an application has this name now. What the cache says may be old:
 * another replica may have deleted it.
 */
static enum found
has_name(const struct creation *c, const char *name, struct item *it,
    struct err *err)
{
	enum kube_result r = KUBE_OK;

	if (!is_of_name(it, name))
		return FOUND_NOT;
	if (!it->obj)
		r = lookup_fetch(c->gw, c->rq, it->view.text.ns, c->kind,
		    it->view.app.id, it, err);
	if (r == KUBE_OK)
		return is_of_name(it, name) ? FOUND : FOUND_NOT;
	return r == KUBE_NOT_FOUND ? FOUND_NOT : FOUND_UNKNOWN;
}

static enum claim_result
take_name(const struct creation *c, int64_t deadline_ms, struct claim *cl,
    struct err *err)
{
	AUTO_ITEM struct item it = ITEM_INIT;
	struct wish w = { RESERVE_NAME, "", jv_str(c->vars, "name"), "",
		/* tries of one key are one holder */
		*cl->key.object ? cl->key.object : c->rq->id, deadline_ms };
	struct reservation held;
	enum reserve_result got;
	enum found found = FOUND_NOT;

	if (!w.text)
		return CLAIM_OURS;
	if (cache_find_name(c->gw->cache, c->kind, w.text, &it.view) ==
	    CACHE_FOUND && !claim_made(cl, &it))
		found = has_name(c, w.text, &it, err);
	if (found == FOUND_NOT) {
		got = take(c, &w, NULL, &cl->name, &held, err);
		if (got == RESERVE_OURS || got == RESERVE_FAILED)
			return got == RESERVE_OURS ? CLAIM_OURS : CLAIM_FAILED;
		found = find(c, held.id, &it, err);
		if (found == FOUND)
			found = has_name(c, w.text, &it, err);
	}
	if (found == FOUND)
		return duplicate(c, w.text, err);
	return found == FOUND_UNKNOWN ? CLAIM_FAILED :
	    take_over(c, &w, &held, &cl->name, err);
}

enum claim_result
claim_take(const struct creation *c, int64_t deadline_ms, struct claim *ret,
    struct item *ret_repeat, struct err *err)
{
	enum claim_result got = take_key(c, deadline_ms, ret, ret_repeat, err);

	if (got != CLAIM_OURS)
		return got;
	got = take_name(c, deadline_ms, ret, err);
	/* an id that a predecessor bound may yet turn out to be made */
	if (got == CLAIM_FAILED && ret->key.id < 0)
		claim_drop(c, ret, deadline_ms);
	return got;
}

int32_t
claim_id(const struct claim *cl)
{
	return cl->key.id;
}

bool
claim_bind(const struct creation *c, struct claim *cl, int32_t id,
    int64_t deadline_ms, struct err *err)
{
	if (*cl->key.object && cl->key.id != id &&
	    !reserve_bind(c->gw, &cl->key, c->kind, id, deadline_ms, err))
		return false;
	return !*cl->name.object || cl->name.id == id ||
	    reserve_bind(c->gw, &cl->name, c->kind, id, deadline_ms, err);
}

enum reserve_result
claim_keep(const struct creation *c, struct claim *cl, int64_t deadline_ms)
{
	enum reserve_result got = RESERVE_OURS;

	if (*cl->key.object)
		got = reserve_made(c->gw, &cl->key, c->kind, deadline_ms);
	/* a repeat makes up for it */
	if (got == RESERVE_BOUND)
		log_info("the key of %s %d is not marked as used yet",
		    app_kind_word(c->kind), (int)cl->key.id);
	return got;
}

void
claim_drop(const struct creation *c, const struct claim *cl,
    int64_t deadline_ms)
{
	if (*cl->name.object)
		reserve_drop(c->gw, &cl->name, deadline_ms);
	if (*cl->key.object)
		reserve_drop(c->gw, &cl->key, deadline_ms);
}

bool
claim_made(const struct claim *cl, const struct item *it)
{
	const char *key = it->view.text.key;

	return key && *cl->key.object && strcmp(key, cl->key.object) == 0;
}

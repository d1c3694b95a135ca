#include "config.h"

#include "claim.h"

#include "conf.h"
#include "err.h"
#include "gw.h"
#include "jv.h"
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

static enum claim_result
take_key(const struct creation *c, int64_t deadline_ms, struct claim *cl,
    struct item *ret_repeat, struct err *err)
{
	const char *key = c->rq->idempotency_key;
	char body[65];
	struct reservation held;
	enum reserve_result got;

	if (!*key)
		return CLAIM_OURS;
	reserve_hash(c->rq->body.data, c->rq->body.len, body);
	got = reserve_take(c->gw, RESERVE_KEY, c->kind, c->rq->user, key, body,
	    c->rq->id, NULL, deadline_ms, &cl->key, err);
	if (got == RESERVE_OURS || got == RESERVE_FAILED)
		return got == RESERVE_OURS ? CLAIM_OURS : CLAIM_FAILED;
	held = cl->key;
	cl->key = (struct reservation){ .id = -1 };
	if (strcmp(held.body, body) != 0)
		err_set(err, 400, "Rejected, Reason: this Idempotency-Key was "
		    "sent before with another request");
	else if (got == RESERVE_GONE)
		err_set(err, 409, "%s %d, which this Idempotency-Key made, has "
		    "been deleted", app_kind_word(c->kind), (int)held.id);
	else
		switch (find(c, held.id, ret_repeat, err)) {
		case FOUND:
			return CLAIM_REPEAT;
		case FOUND_UNKNOWN:
			break;
		case FOUND_NOT:
			if (!too_young(c, &held))
				return reserve_take(c->gw, RESERVE_KEY, c->kind,
				    c->rq->user, key, body, c->rq->id, &held,
				    deadline_ms, &cl->key, err) ==
				    RESERVE_OURS ? CLAIM_OURS : CLAIM_FAILED;
			err_retry(err, 503, 1, "the first request with this "
			    "Idempotency-Key is being answered; try again");
		}
	return CLAIM_FAILED;
}

static enum claim_result
duplicate(const struct creation *c, const char *name, struct err *err)
{
	err_set(err, 400, "Rejected, Reason: Duplicate session name: "
	    "Some(%s) for session %d", name,
	    (int)cache_highest(c->gw->cache, c->kind) + 1);
	return CLAIM_FAILED;
}

static enum claim_result
take_name(const struct creation *c, int64_t deadline_ms, struct claim *cl,
    struct err *err)
{
	AUTO_ITEM struct item it = ITEM_INIT;
	const char *name = jv_str(c->vars, "name");
	/* tries of one key are one holder */
	const char *holder = *cl->key.object ? cl->key.object : c->rq->id;
	struct reservation held;
	enum reserve_result got;
	enum found found;

	if (!name)
		return CLAIM_OURS;
	if (cache_find_name(c->gw->cache, c->kind, name, &it.view) ==
	    CACHE_FOUND && !claim_made(cl, &it))
		return duplicate(c, name, err);
	got = reserve_take(c->gw, RESERVE_NAME, c->kind, "", name, "", holder,
	    NULL, deadline_ms, &cl->name, err);
	if (got == RESERVE_OURS || got == RESERVE_FAILED)
		return got == RESERVE_OURS ? CLAIM_OURS : CLAIM_FAILED;
	held = cl->name;
	cl->name = (struct reservation){ .id = -1 };
	found = find(c, held.id, &it, err);
	if (found == FOUND)
		return duplicate(c, name, err);
	if (found == FOUND_UNKNOWN)
		return CLAIM_FAILED;
	if (too_young(c, &held)) {
		err_retry(err, 503, 1, "another request makes a session of "
		    "this name just now; try again");
		return CLAIM_FAILED;
	}
	got = reserve_take(c->gw, RESERVE_NAME, c->kind, "", name, "", holder,
	    &held, deadline_ms, &cl->name, err);
	return got == RESERVE_OURS ? CLAIM_OURS : CLAIM_FAILED;
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

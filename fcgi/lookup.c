#include "config.h"

#include "lookup.h"

#include "admit.h"
#include "conf.h"
#include "err.h"
#include "gw.h"
#include "jint.h"
#include "jv.h"
#include "live.h"
#include "livy.h"
#include "request.h"
#include "slots.h"

#define PATH_MAX_BYTES 1024

enum { HEAD, MID, LOG, TAIL };	/* parts of a view */

void
item_release(struct item *it)
{
	cache_view_release(&it->view);
	json_object_put(it->obj);
	it->obj = NULL;
	for (size_t i = 0; i < ARRAY_LEN(it->part); i++)
		buf_release(&it->part[i]);
}

static void
render(struct item *it, const struct gw *gw)
{
	struct cache_view *v = &it->view;
	struct livy_view out = { &it->part[HEAD], &it->part[MID],
		&it->part[LOG], &it->part[TAIL] };

	v->whole = true;
	for (size_t i = 0; i < ARRAY_LEN(it->part); i++)
		buf_clear(&it->part[i]);
	livy_render(gw->conf, &v->app, &v->text, &out);
	for (size_t i = 0; i < ARRAY_LEN(it->part); i++) {
		v->part[i] = it->part[i].data;
		v->part_len[i] = it->part[i].len;
		v->whole = v->whole && buf_ok(&it->part[i]);
	}
}

bool
item_take(struct item *it, const struct gw *gw, json_object *take_obj,
    struct err *err)
{
	struct cache_view *v = &it->view;

	json_object_put(it->obj);
	it->obj = take_obj;
	if (!livy_app(it->obj, gw->conf->gateway, &v->app, &v->text, err))
		return false;
	render(it, gw);
	return true;
}

bool
lookup_ready(const struct gw *gw, struct err *err)
{
	return cache_synced(gw->cache) || err_retry(err, 503, 1,
	    "the applications in the cluster are still being listed");
}

bool
lookup_id(const struct target *t, bool *ret_number, int32_t *ret,
    struct err *err)
{
	*ret_number = jint_all_digits(t->id);
	return !*ret_number || jint_parse(t->id, ret, err);
}

bool
lookup_absent(const struct target *t, struct err *err)
{
	return err_set(err, 404, "Session '%s' not found.", t->id);
}

bool
lookup_calls_begin(struct gw *gw, struct err *err)
{
	return slot_calling_begin(gw->slots, gw->slot,
	    gw->conf->outbound_workers) || err_retry(err, 503, 1,
	    "too many requests are waiting for the cluster");
}

void
lookup_calls_end(struct gw *gw)
{
	slot_calling_end(gw->slots, gw->slot);
}

enum kube_result
lookup_fetch(struct gw *gw, const struct request *rq, const char *ns,
    enum app_kind kind, int32_t id, struct item *ret, struct err *err)
{
	AUTO_BUF struct buf path = BUF_INIT(PATH_MAX_BYTES);
	char object[KUBE_LABEL_MAX + 1];
	struct kube_req get = { .method = "GET",
		.deadline_ms = rq->deadline_ms };
	json_object *obj = NULL;
	enum kube_result r;

	if (!app_object_name(object, gw->conf->gateway, kind, id))
		return KUBE_NOT_FOUND;
	kube_path_apps(&path, ns, object);
	get.path = path.data;
	r = kube_call(gw->kube, &get, &obj, NULL, err);
	if (r == KUBE_OK && !item_take(ret, gw, obj, err))
		return KUBE_NOT_FOUND;	/* a namesake that is not ours */
	return r;
}

/*
 * Asks every namespace there may be; the budget of the request bounds it.
 * One that cannot be asked makes 404 a guess, so then it is not given.
 */
static bool
ask(struct gw *gw, const struct request *rq, const struct target *t,
    int32_t id, struct item *ret, struct err *err)
{
	const struct conf_list *ns = &gw->conf->namespaces;
	struct err ignored = ERR_INIT;
	enum kube_result r = KUBE_NOT_FOUND, worst = KUBE_NOT_FOUND;

	if (!lookup_calls_begin(gw, err))
		return false;
	for (size_t i = 0; i < ns->count && r != KUBE_OK; i++) {
		r = lookup_fetch(gw, rq, ns->items[i], t->kind, id, ret,
		    worst == KUBE_NOT_FOUND ? err : &ignored);
		if (r != KUBE_OK && r != KUBE_NOT_FOUND)
			worst = r;
	}
	lookup_calls_end(gw);
	if (r == KUBE_OK)
		return true;
	return worst == KUBE_NOT_FOUND && lookup_absent(t, err);
}

/*
 * What the cache had no room for comes from the object. The rest stays the
 * cache's: it knows the pod and what the agent says, an object does not.
 */
static void
fill(struct item *it, const struct gw *gw, struct item *fresh)
{
	struct app_text *text = &it->view.text;

	text->error = fresh->view.text.error;
	text->echo = fresh->view.text.echo;
	text->tail = fresh->view.text.tail;
	it->obj = fresh->obj;
	fresh->obj = NULL;
	render(it, gw);
}

/* A view too large for the cache; without it what is known has to do. */
static void
complete(struct gw *gw, const struct request *rq, struct item *it)
{
	AUTO_ITEM struct item fresh = ITEM_INIT;
	struct err ignored = ERR_INIT;

	if (!lookup_calls_begin(gw, &ignored))
		return;
	if (lookup_fetch(gw, rq, it->view.text.ns, it->view.app.kind,
	    it->view.app.id, &fresh, &ignored) == KUBE_OK &&
	    strcmp(fresh.view.app.uid, it->view.app.uid) == 0)
		fill(it, gw, &fresh);
	lookup_calls_end(gw);
}

/* "3rd of 7": it moves with others, so each reader looks for itself. */
static void
tell_place(struct gw *gw, struct item *it)
{
	struct cache_view *v = &it->view;
	struct admit_place p;
	const char *th = "th";

	if (!v->app.waits || app_ended(&v->app))
		return;
	p = admit_place(gw, &v->app);
	if (p.at / 10 % 10 != 1)
		th = p.at % 10 == 1 ? "st" : p.at % 10 == 2 ? "nd" :
		    p.at % 10 == 3 ? "rd" : "th";
	if (p.team_most > 0)
		snprintf(it->place, sizeof it->place, "%lld%s of %lld of team "
		    "%.64s, of which %lld may be under way", (long long)p.at,
		    th, (long long)p.of, v->text.team ? v->text.team : "",
		    (long long)p.team_most);
	else
		snprintf(it->place, sizeof it->place, "%lld%s of %lld",
		    (long long)p.at, th, (long long)p.of);
	v->text.place = it->place;
	buf_clear(&it->part[LOG]);
	livy_render_log(&v->app, &v->text, &it->part[LOG]);
	v->part[LOG] = it->part[LOG].data;
	v->part_len[LOG] = it->part[LOG].len;
}

bool
lookup_app(struct gw *gw, const struct request *rq, const struct target *t,
    struct app *ret, struct err *err)
{
	AUTO_ITEM struct item it = ITEM_INIT;
	bool number;
	int32_t id = 0;

	if (!lookup_id(t, &number, &id, err) || !lookup_ready(gw, err))
		return false;
	if (number && cache_get_app(gw->cache, t->kind, id, ret) ==
	    CACHE_FOUND)
		return !live_heed(gw, rq, ret) || cache_get_app(gw->cache,
		    t->kind, id, ret) == CACHE_FOUND || lookup_absent(t, err);
	if (!lookup_item(gw, rq, t, &it, err))
		return false;
	*ret = it.view.app;
	return true;
}

bool
lookup_item(struct gw *gw, const struct request *rq, const struct target *t,
    struct item *ret, struct err *err)
{
	enum cache_found found;
	bool number;
	int32_t id = 0;

	if (!lookup_id(t, &number, &id, err) || !lookup_ready(gw, err))
		return false;
	found = number ? cache_get(gw->cache, t->kind, id, &ret->view) :
	    cache_find_name(gw->cache, t->kind, t->id, &ret->view);
	if (found == CACHE_FOUND && live_heed(gw, rq, &ret->view.app))
		found = cache_get(gw->cache, t->kind, ret->view.app.id,
		    &ret->view);
	switch (found) {
	case CACHE_FOUND:
		if (!ret->view.whole)
			complete(gw, rq, ret);
		tell_place(gw, ret);
		return true;
	case CACHE_DELETED:
		return lookup_absent(t, err);
	case CACHE_ABSENT:
		break;
	}
	if (!number)
		return lookup_absent(t, err);
	if (!ask(gw, rq, t, id, ret, err))
		return false;
	tell_place(gw, ret);
	return true;
}

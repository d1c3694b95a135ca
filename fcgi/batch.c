#include "config.h"

#include "batch.h"

#include "access.h"
#include "audit.h"
#include "batch_req.h"
#include "conf.h"
#include "create.h"
#include "err.h"
#include "gw.h"
#include "jv.h"
#include "kube.h"
#include "log.h"
#include "lookup.h"
#include "manifest.h"
#include "own.h"
#include "remove.h"
#include "reply.h"
#include "request.h"

#define PAGE_SIZE 100	/* Livy's */

bool
batch_list(struct gw *gw, const struct request *rq,
    const struct target *t, struct reply *rp, struct err *err)
{
	AUTO_BUF struct buf page = BUF_INIT(rp->body.limit);
	int64_t total = 0;
	int32_t from, size;

	if (!request_int(rq, "from", 0, &from, err) ||
	    !request_int(rq, "size", PAGE_SIZE, &size, err) ||
	    !lookup_ready(gw, err))
		return false;
	cache_page(gw->cache, t->kind, from, size, &page, &total);
	if (!buf_ok(&page))
		return err_set(err, 500, "a page of %d is longer than this "
		    "server sends", (int)size);
	buf_addf(&rp->body, "{\"from\":%d,\"total\":%lld,\"sessions\":[",
	    (int)from, (long long)total);
	buf_add(&rp->body, page.data, page.len);
	buf_addstr(&rp->body, "]}");
	return true;
}

bool
batch_view(struct gw *gw, const struct request *rq, const struct target *t,
    struct reply *rp, struct err *err)
{
	AUTO_ITEM struct item it = ITEM_INIT;

	if (!lookup_item(gw, rq, t, &it, err) ||
	    !access_do_as(gw->conf, rq, err))
		return false;
	cache_view_json(&it.view, NULL, &rp->body);
	return true;
}

static void
add_state(struct reply *rp, int32_t id, enum livy_state state)
{
	buf_addf(&rp->body, "{\"id\":%d,\"state\":\"%s\"}", (int)id,
	    livy_state_word(state));
}

/* What clients ask most: for a known id it copies a few bytes. */
bool
batch_state(struct gw *gw, const struct request *rq, const struct target *t,
    struct reply *rp, struct err *err)
{
	AUTO_ITEM struct item it = ITEM_INIT;
	enum livy_state state;
	bool number;
	int32_t id = 0;

	if (!lookup_id(t, &number, &id, err) || !lookup_ready(gw, err))
		return false;
	if (number && cache_get_state(gw->cache, t->kind, id, &state) ==
	    CACHE_FOUND) {
		add_state(rp, id, state);
		return true;
	}
	if (!lookup_item(gw, rq, t, &it, err))
		return false;
	add_state(rp, it.view.app.id, it.view.app.state);
	return true;
}

/* The kind that create.c asks for manifests of. */
static bool
make_manifest(const struct creation *c, int32_t id, json_object **ret_new,
    struct err *err)
{
	return manifest_render(c->gw->conf, &(struct manifest){
	    .kind = c->kind, .id = id, .owner = c->rq->user,
	    .request_id = c->rq->id, .vars = c->vars }, ret_new, err);
}

/*
 * POST /batches. Everything that can be refused is refused before the API
 * server is asked and before an id is taken, so a 4xx leaves nothing behind.
 */
bool
batch_create(struct gw *gw, const struct request *rq, const struct target *t,
    struct reply *rp, struct err *err)
{
	AUTO_JSON json_object *vars = NULL;	/* what the template may use */
	AUTO_JSON json_object *trial = NULL;
	AUTO_ITEM struct item it = ITEM_INIT;	/* what the API server made */
	struct creation c = { .gw = gw, .rq = rq, .kind = t->kind,
		.manifest = make_manifest };
	char as[APP_NAME_MAX + 1];

	if (!batch_req_parse(gw->conf, rq->body.data, rq->body.len, &vars,
	    err) || !access_proxy_user(gw->conf, rq,
	    jv_str(vars, "proxyUser"), as, err))
		return false;
	jv_set_str(vars, "proxyUser", as);
	c.vars = vars;
	if (!make_manifest(&c, ID_MAX, &trial, err))
		return err_wrap(err, "cannot render this batch");
	if (!create_app(&c, &it, err))
		return false;
	rp->status = 201;
	reply_location(rp, "/batches/%d", (int)it.view.app.id);
	cache_view_json(&it.view, NULL, &rp->body);
	return true;
}

bool
batch_delete(struct gw *gw, const struct request *rq, const struct target *t,
    struct reply *rp, struct err *err)
{
	AUTO_ITEM struct item it = ITEM_INIT;
	const struct app *app = &it.view.app;
	bool gone;

	if (!lookup_item(gw, rq, t, &it, err) ||
	    !access_do_as(gw->conf, rq, err))
		return false;
	if (!own_has_room(gw->own, gw->slot))
		return err_retry(err, 503, 1, CREATE_WATCH_BEHIND);
	if (!lookup_calls_begin(gw, err))
		return false;
	gone = remove_app(gw, &it.view, rq->deadline_ms, err);
	lookup_calls_end(gw);
	if (!gone)
		return err_wrap(err, "cannot delete batch %d", (int)app->id);
	if (!own_deleted(gw->own, gw->slot, app->kind, app->id, app->uid))
		log_warn("batch %d is deleted but may be shown for a while",
		    (int)app->id);
	audit_write(&(struct audit){ .step = AUDIT_DELETED,
	    .kind = app->kind, .id = app->id, .user = rq->user,
	    .request_id = rq->id });
	reply_msg(rp, 200, "deleted");
	return true;
}

#include "config.h"

#include "apps.h"

#include "access.h"
#include "applog.h"
#include "audit.h"
#include "conf.h"
#include "create.h"
#include "err.h"
#include "gw.h"
#include "log.h"
#include "lookup.h"
#include "own.h"
#include "remove.h"
#include "reply.h"
#include "request.h"

#define PAGE_SIZE 100	/* Livy's */

struct reader {
	const struct conf *conf;
	const struct request *rq;
};

static bool
may_read(const void *arg, const struct app_text *of)
{
	const struct reader *r = arg;

	return access_may(r->conf, r->rq, of, ACCESS_VIEW);
}

bool
apps_list(struct gw *gw, const struct request *rq,
    const struct target *t, struct reply *rp, struct err *err)
{
	AUTO_BUF struct buf page = BUF_INIT(rp->body.limit);
	const struct reader reader = { gw->conf, rq };
	const struct cache_may may = { may_read, &reader };
	int64_t total = 0;
	int32_t from, size;

	if (!request_int(rq, "from", 0, &from, err) ||
	    !request_int(rq, "size", PAGE_SIZE, &size, err) ||
	    !lookup_ready(gw, err))
		return false;
	cache_page(gw->cache, t->kind, from, size, access_by_owner(gw->conf,
	    rq) ? &may : NULL, &page, &total);
	if (!buf_ok(&page))
		return err_set(err, 500, "a page of %d is longer than this "
		    "server sends", (int)size);
	buf_addf(&rp->body, "{\"from\":%d,\"total\":%lld,\"sessions\":[",
	    (int)from, (long long)total);
	buf_add(&rp->body, page.data, page.len);
	buf_addstr(&rp->body, "]}");
	return true;
}

void
apps_add_view(const struct request *rq, const struct cache_view *v,
    const struct buf *log, struct buf *out)
{
	if (rq->old_client)
		cache_view_old_json(v, log, out);
	else
		cache_view_json(v, log, out);
}

bool
apps_view(struct gw *gw, const struct request *rq, const struct target *t,
    struct reply *rp, struct err *err)
{
	AUTO_ITEM struct item it = ITEM_INIT;
	AUTO_BUF struct buf log = BUF_INIT(ITEM_PART_MAX);
	const struct buf *lines = NULL;

	if (!lookup_item(gw, rq, t, &it, err) ||
	    !access_do_as(gw->conf, rq, err))
		return false;
	if (!access_may(gw->conf, rq, &it.view.text, ACCESS_VIEW))
		lines = &cache_no_lines;
	else if (applog_tail(gw, &it.view, &log))
		lines = &log;
	apps_add_view(rq, &it.view, lines, &rp->body);
	return true;
}

static void
add_state(struct reply *rp, int32_t id, enum livy_state state)
{
	buf_addstr(&rp->body, "{\"id\":");
	buf_addint(&rp->body, id);
	buf_addstr(&rp->body, ",\"state\":\"");
	buf_addstr(&rp->body, livy_state_word(state));
	buf_addstr(&rp->body, "\"}");
}

/* What clients ask most: for a known id it copies a few bytes. */
bool
apps_state(struct gw *gw, const struct request *rq, const struct target *t,
    struct reply *rp, struct err *err)
{
	struct app app;

	if (!lookup_app(gw, rq, t, &app, err))
		return false;
	add_state(rp, app.id, app.state);
	return true;
}

bool
apps_delete(struct gw *gw, const struct request *rq, const struct target *t,
    struct reply *rp, struct err *err)
{
	AUTO_ITEM struct item it = ITEM_INIT;
	const struct app *app = &it.view.app;
	bool gone;

	if (!lookup_item(gw, rq, t, &it, err) ||
	    !access_check(gw->conf, rq, &it.view.text, ACCESS_MODIFY, err))
		return false;
	if (!own_has_room(gw->own, gw->slot))
		return err_retry(err, 503, 1, CREATE_WATCH_BEHIND);
	if (!lookup_calls_begin(gw, err))
		return false;
	gone = remove_app(gw, &it.view, rq->deadline_ms, err);
	lookup_calls_end(gw);
	if (!gone)
		return err_wrap(err, "cannot delete %s %d",
		    app_kind_word(app->kind), (int)app->id);
	if (!own_deleted(gw->own, gw->slot, app->kind, app->id, app->uid))
		log_warn("%s %d is deleted but may be shown for a while",
		    app_kind_word(app->kind), (int)app->id);
	audit_write(&(struct audit){ .step = AUDIT_DELETED,
	    .kind = app->kind, .id = app->id, .user = rq->user,
	    .request_id = rq->id });
	reply_msg(rp, 200, "deleted");
	return true;
}

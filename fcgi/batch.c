#include "config.h"

#include "batch.h"

#include "access.h"
#include "batch_req.h"
#include "conf_choose.h"
#include "create.h"
#include "dryrun.h"
#include "err.h"
#include "gw.h"
#include "jv.h"
#include "lookup.h"
#include "reply.h"
#include "request.h"

/*
 * Everything that can be refused is refused before the API server is asked
 * and before an id is taken, so a 4xx leaves nothing behind.
 */
bool
batch_create(struct gw *gw, const struct request *rq, const struct target *t,
    struct reply *rp, struct err *err)
{
	AUTO_JSON json_object *vars = NULL;	/* what the template may use */
	AUTO_JSON json_object *trial = NULL;
	AUTO_ITEM struct item it = ITEM_INIT;	/* what the API server made */
	struct creation c = { .gw = gw, .rq = rq, .kind = t->kind };
	const struct asker by = { rq->user, rq->groups };
	char as[APP_NAME_MAX + 1];
	bool dry;

	if (!dryrun_wanted(rq, &dry, err) ||
	    !batch_req_parse(gw->conf, &by, rq->body.data, rq->body.len,
	    &vars, err) || !access_proxy_user(gw->conf, rq,
	    jv_str(vars, "proxyUser"), as, err))
		return false;
	jv_set_str(vars, "proxyUser", as);
	c.vars = vars;
	if (dry)
		return dryrun_answer(&c, rp, err);
	if (!create_manifest(&c, ID_MAX, &trial, err))
		return err_wrap(err, "cannot render this batch");
	if (!create_app(&c, &it, err))
		return false;
	rp->status = 201;
	reply_location(rp, "/batches/%d", (int)it.view.app.id);
	cache_view_json(&it.view, NULL, &rp->body);
	return true;
}

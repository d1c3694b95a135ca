#include "config.h"

#include "live.h"

#include "feed.h"
#include "gw.h"
#include "num.h"
#include "request.h"

#define NEWS_MS 300	/* that a first ask after a silence waits for them */

bool
live_has_driver(const struct app *app)
{
	return app->kind == APP_SESSION && app->pod_ip[0] &&
	    app->pod_started && app->phase <= PHASE_RUNNING;
}

bool
live_heed(struct gw *gw, const struct request *rq, const struct app *app)
{
	int64_t now;

	if (app->kind != APP_SESSION || !gw->feed ||
	    (app_ended(app) && !live_has_driver(app)))
		return false;	/* nobody is left to tell any news */
	now = num_mono_ms();
	if (feed_stamp(gw->feed, app->id, rq->observer ? FEED_ASKED :
	    FEED_SEEN | FEED_ASKED) ||
	    !live_has_driver(app))
		return false;
	feed_poke(gw->feed);
	feed_wait(gw->feed, app->id, app->uid, now, NEWS_MS);
	return true;
}

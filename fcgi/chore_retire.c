#include "config.h"

#include "chore.h"
#include "conf.h"
#include "gw.h"
#include "num.h"
#include "remove.h"

static bool
is_done_with(const struct conf *conf, const struct app *app, int64_t now_ms)
{
	int64_t keep = app->kind == APP_SESSION ? conf->session_retention_ms :
	    conf->batch_retention_ms;

	return app_ended(app) && app->ended_ms > 0 &&
	    now_ms - app->ended_ms > keep;
}

static bool
look(struct chores *due, const struct app *app)
{
	if (!is_done_with(chore_gw(due)->conf, app, chore_now(due)))
		return false;
	chore_add(due, &chore_retire, app);
	return true;
}

static enum chore_end
act(struct gw *gw, const struct cache_view *v, struct buf *reason UNUSED,
    struct err *err)
{
	return remove_app(gw, v, num_mono_ms() + CHORE_MS, err) ?
	    CHORE_DONE : CHORE_FAILED;
}

/* Deletes what has been kept long enough after its end. */
const struct chore chore_retire = { .step = AUDIT_RETIRED, .look = look,
	.act = act };

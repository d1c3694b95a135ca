#include "config.h"

#include "buf.h"
#include "chore.h"
#include "conf.h"
#include "gw.h"
#include "jv.h"
#include "livy.h"

#define STORY_MAX 1024

/* Not run yet, and neither is it kept from that nor being run anew. */
static bool
is_on_its_way(const struct app *app)
{
	return app->state == LIVY_STARTING && !app->waits &&
	    app->phase != PHASE_RUNNING && app->phase != PHASE_UNKNOWN &&
	    app->phase != PHASE_PENDING_RERUN &&
	    app->phase != PHASE_INVALIDATING;
}

static bool
look(struct chores *due, const struct app *app)
{
	int64_t bound = chore_gw(due)->conf->start_timeout_ms;
	int64_t since = app->admitted_ms ? app->admitted_ms : app->created_ms;

	if (bound == 0 || since == 0 || !is_on_its_way(app) ||
	    chore_now(due) - since <= bound)
		return false;
	chore_add(due, &chore_fail, app);
	return true;
}

static void
add_line(void *arg, const char *line, size_t len)
{
	struct buf *b = arg;

	if (len > STORY_MAX - b->len - 2)
		len = STORY_MAX - b->len - 2;
	buf_addstr(b, b->len ? "; " : "");
	buf_add(b, line, len);
	/* a whole sentence or the start of a long one is enough */
	b->len = b->len < STORY_MAX - 8 ? b->len : STORY_MAX - 8;
}

static enum chore_end
act(struct gw *gw, const struct cache_view *v, struct buf *reason,
    struct err *err)
{
	json_object *notes, *body;
	AUTO_BUF struct buf story = BUF_INIT(2 * STORY_MAX);

	livy_story(&v->app, &v->text, add_line, &story);
	buf_addf(reason, "not running %lld s after it was admitted, so it was "
	    "stopped: %.*s", (long long)gw->conf->start_timeout_ms / 1000,
	    (int)story.len, story.data);
	body = chore_patch_body(v, /* suspend: */ true, &notes);
	jv_set_str(notes, ANNOTATION_FAILED, reason->data);
	chore_set_now(notes, ANNOTATION_ENDED);
	return chore_patch(gw, v, body, err) ? CHORE_DONE : CHORE_FAILED;
}

/* Stops starts that take too long, and says why in the application. */
const struct chore chore_fail = { .step = AUDIT_FAILED, .look = look,
	.act = act };

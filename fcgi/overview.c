#include "config.h"

#include "overview.h"

#include "access.h"
#include "cache.h"
#include "err.h"
#include "gw.h"
#include "lookup.h"
#include "num.h"
#include "reply.h"

#define SHOWN_MAX 20	/* of those that wait, and of those that failed */

/* The first few of many by their time. */
struct shown {
	size_t count;
	struct one {
		enum app_kind kind;
		int32_t id;
		int64_t since_ms;
	} one[SHOWN_MAX];
};

struct overview {
	struct cache *cache;
	int64_t states[APP_KINDS][LIVY_SUCCESS + 1];
	struct shown waiting;	/* the oldest first */
	struct shown failed;	/* the latest first */
};

/* Puts it where it belongs; what is pushed over the end is forgotten. */
static void
show(struct shown *s, const struct app *app, int64_t since_ms, bool oldest)
{
	size_t at = s->count;

	while (at > 0 && (oldest ? since_ms < s->one[at - 1].since_ms :
	    since_ms >= s->one[at - 1].since_ms))
		at--;
	if (at == SHOWN_MAX)
		return;
	if (s->count < SHOWN_MAX)
		s->count++;
	memmove(&s->one[at + 1], &s->one[at],
	    (s->count - at - 1) * sizeof s->one[0]);
	s->one[at] = (struct one){ app->kind, app->id, since_ms };
}

static bool
add(void *arg, const struct app *app)
{
	struct overview *o = arg;
	enum livy_state state = app->state;

	/* once its driver runs, a session is what its agent says it is */
	if (app->kind == APP_SESSION && state == LIVY_STARTING &&
	    cache_get_state(o->cache, app->kind, app->id, &state) !=
	    CACHE_FOUND)
		return true;
	if ((unsigned)state > LIVY_SUCCESS)
		return true;
	o->states[app->kind][state]++;
	switch (state) {
	case LIVY_NOT_STARTED:
	case LIVY_STARTING:
	case LIVY_RECOVERING:
		show(&o->waiting, app, app->created_ms, /* oldest= */ true);
		break;
	case LIVY_ERROR:
	case LIVY_DEAD:
		show(&o->failed, app, app->ended_ms, /* oldest= */ false);
		break;
	default:
		break;
	}
	return true;
}

static void
add_states(const int64_t *states, const char *kind, struct buf *out)
{
	int64_t total = 0;
	bool first = true;

	for (int i = 0; i <= LIVY_SUCCESS; i++)
		total += states[i];
	buf_addf(out, "\"%s\":{\"total\":%lld,\"states\":{", kind,
	    (long long)total);
	for (int i = 0; i <= LIVY_SUCCESS; i++) {
		if (states[i] == 0)
			continue;
		buf_addf(out, "%s\"%s\":%lld", first ? "" : ",",
		    livy_state_word((enum livy_state)i),
		    (long long)states[i]);
		first = false;
	}
	buf_addstr(out, "}},");
}

static void
add_shown(struct gw *gw, const struct request *rq, const struct shown *s,
    const char *name, struct buf *out)
{
	AUTO_VIEW struct cache_view view = CACHE_VIEW_INIT;
	bool first = true;

	buf_addf(out, "\"%s\":[", name);
	for (size_t i = 0; i < s->count; i++) {
		if (cache_get(gw->cache, s->one[i].kind, s->one[i].id,
		    &view) != CACHE_FOUND)
			continue;	/* it went in this moment */
		buf_addf(out, "%s{\"kind\":\"%s\",\"since\":%lld,\"view\":",
		    first ? "" : ",", app_kind_word(s->one[i].kind),
		    (long long)s->one[i].since_ms);
		cache_view_json(&view, access_may(gw->conf, rq, &view.text,
		    ACCESS_VIEW) ? NULL : &cache_no_lines, out);
		buf_addch(out, '}');
		first = false;
	}
	buf_addch(out, ']');
}

bool
overview_get(struct gw *gw, const struct request *rq,
    const struct target *t UNUSED, struct reply *rp, struct err *err)
{
	struct overview o = { .cache = gw->cache };
	struct cache_health health;
	struct buf *out = &rp->body;

	if (!lookup_ready(gw, err))
		return false;
	cache_health(gw->cache, &health);
	for (int kind = 0; kind < APP_KINDS; kind++)
		if (!cache_each(gw->cache, (enum app_kind)kind, add, &o))
			return err_retry(err, 503, 1, "the applications in "
			    "the cluster cannot be counted at this moment");
	buf_addf(out, "{\"now\":%lld,\"watch\":{\"synced\":true,"
	    "\"ageMs\":%lld,\"objects\":%lld,\"dropped\":%lld},",
	    (long long)num_wall_ms(), (long long)health.age_ms,
	    (long long)health.objects, (long long)health.dropped);
	add_states(o.states[APP_SESSION], "sessions", out);
	add_states(o.states[APP_BATCH], "batches", out);
	add_shown(gw, rq, &o.waiting, "waiting", out);
	buf_addch(out, ',');
	add_shown(gw, rq, &o.failed, "failed", out);
	buf_addch(out, '}');
	return true;
}

#include "config.h"

#include "drivers.h"

#include "cache.h"
#include "err.h"
#include "gw.h"

static size_t
lower_bound(const struct drivers *t, int32_t id)
{
	size_t low = 0, high = t->count, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (t->item[mid]->id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct driver *
find(const struct drivers *t, int32_t id)
{
	size_t i = lower_bound(t, id);

	return i < t->count && t->item[i]->id == id ? t->item[i] : NULL;
}

static struct driver *
add(struct drivers *t, int32_t id)
{
	size_t i = lower_bound(t, id);
	struct driver *d = mem_alloc(sizeof *d);

	if (t->count == t->room) {
		t->room = t->room ? 2 * t->room : 64;
		t->item = mem_realloc(t->item, t->room * sizeof *t->item);
	}
	memmove(&t->item[i + 1], &t->item[i],
	    (t->count - i) * sizeof *t->item);
	t->item[i] = d;
	t->count++;
	return d;
}

static void
leave(struct drivers *t, size_t i, const struct drivers_listener *to,
    bool gone)
{
	struct driver *d = t->item[i];

	memmove(&t->item[i], &t->item[i + 1],
	    (t->count - i - 1) * sizeof *t->item);
	t->count--;
	to->on_leave(to->arg, d, gone);
	free(d);
}

struct sync {
	struct drivers *t;
	struct gw *gw;
};

/* A session that has a driver to ask. */
static bool
is_followed(const struct app *app)
{
	return app->pod_ip[0] && app->pod_started && !app_ended(app);
}

static void
begin(struct driver *d, const struct app *app)
{
	static uint32_t seed;

	d->id = app->id;
	memcpy(d->uid, app->uid, sizeof d->uid);
	d->version = -1;
	d->fetched = -1;
	d->follow.state = LIVY_STARTING;
	seed = seed * 1664525u + 1013904223u;
	d->follow.jitter = seed >> 8;
}

/* Its place may have changed: the pod is asked for where it is now. */
static bool
locate(struct sync *s, struct driver *d)
{
	AUTO_VIEW struct cache_view v = CACHE_VIEW_INIT;
	struct err ignored = ERR_INIT;

	return cache_get(s->gw->cache, APP_SESSION, d->id, &v) ==
	    CACHE_FOUND && strcmp(v.app.uid, d->uid) == 0 &&
	    agent_find(s->gw, &v, &d->at, &ignored);
}

static bool
on_app(void *arg, const struct app *app)
{
	struct sync *s = arg;
	struct driver *d = find(s->t, app->id);

	if (!is_followed(app))
		return true;
	if (d && strcmp(d->uid, app->uid) != 0)
		return true;	/* another of that name: the old one leaves */
	if (!d) {
		d = add(s->t, app->id);
		begin(d, app);
	}
	d->mark = s->t->mark;
	if (strcmp(d->at.ip, app->pod_ip) != 0 && !d->lane &&
	    !locate(s, d))
		d->at.ip[0] = '\0';	/* again in the next round */
	return true;
}

void
drivers_sync(struct drivers *t, struct gw *gw,
    const struct drivers_listener *to)
{
	struct sync s = { t, gw };
	enum livy_state state;

	t->mark++;
	if (!cache_each(gw->cache, APP_SESSION, on_app, &s))
		return;		/* who leaves is seen in the next round */
	for (size_t i = t->count; i-- > 0;) {
		struct driver *d = t->item[i];

		if (d->mark != t->mark)
			leave(t, i, to, cache_get_state(gw->cache, APP_SESSION,
			    d->id, &state) != CACHE_FOUND);
	}
}

void
drivers_release(struct drivers *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->item[i]);
	free(t->item);
}

#include "config.h"

#include "settle.h"

#include "audit.h"
#include "cache.h"
#include "conf.h"
#include "gw.h"
#include "log.h"
#include "num.h"
#include "slots.h"

#define GRACE_MS 30000	/* an event may be late, a create in a queue */

static bool
settle_one(const struct gw *gw, struct cache *cache, const struct intent *in,
    int64_t well_since_ms)
{
	int64_t from = in->since_ms > well_since_ms ? in->since_ms :
	    well_since_ms;
	AUTO_VIEW struct cache_view v = CACHE_VIEW_INIT;
	struct audit a = { .kind = (enum app_kind)in->kind, .id = in->id,
		.user = in->user, .request_id = in->request_id };

	if (cache_get(cache, a.kind, a.id, &v) == CACHE_FOUND &&
	    v.text.request_id &&
	    strcmp(v.text.request_id, in->request_id) == 0)
		a.step = AUDIT_UNANSWERED;
	else if (well_since_ms && num_mono_ms() - from >
	    gw->conf->request_deadline_ms + GRACE_MS)
		a.step = AUDIT_ABSENT;
	else
		return false;
	audit_write(&a);
	log_warn("%s %d of request %s, whose worker died, %s",
	    app_kind_word(a.kind), (int)a.id, a.request_id,
	    a.step == AUDIT_UNANSWERED ? "exists, and its client does not know"
	    : "was not made");
	return true;
}

void
settle_orphans(const struct gw *gw, struct cache *cache,
    int64_t well_since_ms)
{
	struct intent *in;

	for (size_t i = 0; i < SLOTS_ORPHANS; i++) {
		in = &gw->slots->orphan[i];
		if (atomic_load(&in->open) && settle_one(gw, cache, in,
		    well_since_ms))
			atomic_store(&in->open, false);
	}
}

#include "config.h"

#include "admit.h"

#include "cache.h"
#include "conf.h"
#include "gw.h"
#include "jv.h"

struct count {
	uint32_t ns_hash;
	int64_t under_way;
	bool waiting;	/* somebody was there before us */
};

static bool
add(void *arg, const struct app *app)
{
	struct count *n = arg;

	if (app->ns_hash != n->ns_hash || app_ended(app))
		return true;
	if (app->waits)
		n->waiting = true;
	else
		n->under_way++;
	return true;
}

static struct count
count(struct gw *gw, uint32_t ns_hash)
{
	struct count n = { .ns_hash = ns_hash };

	for (int kind = 0; kind < APP_KINDS; kind++)
		cache_each(gw->cache, (enum app_kind)kind, add, &n);
	return n;
}

int64_t
admit_room(struct gw *gw, uint32_t ns_hash)
{
	int64_t limit = gw->conf->admission_limit;

	return limit == 0 ? INT64_MAX :
	    limit - count(gw, ns_hash).under_way;
}

void
admit_or_wait(struct gw *gw, json_object *manifest)
{
	const char *ns = jv_str(manifest, "metadata.namespace");
	int64_t limit = gw->conf->admission_limit;
	struct count n;

	if (limit == 0)
		return;
	n = count(gw, app_hash(ns));
	if (!n.waiting && n.under_way + cache_unseen(gw->cache) < limit)
		return;
	json_object_object_add(jv_get(manifest, "spec"), "suspend",
	    json_object_new_boolean(true));
	jv_set_str(jv_get(manifest, "metadata.annotations"), ANNOTATION_WAITS,
	    "admission");
}

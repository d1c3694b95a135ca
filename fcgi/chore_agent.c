#include "config.h"

#include "app.h"
#include "buf.h"
#include "chore.h"
#include "conf.h"
#include "err.h"
#include "gw.h"
#include "jv.h"
#include "kube.h"
#include "log.h"
#include "num.h"
#include "session_agent.h"

#define AGENTS_MAX 64	/* versions at a time; with more nothing is swept */

struct hashes {
	uint32_t hash[AGENTS_MAX];
	size_t count;
};

/* The leader's. */
static struct {
	struct hashes used;	/* by a session that the cache holds */
	struct hashes unused;	/* seen at the last sweep */
	int64_t swept_ms;	/* monotonic */
	bool overflow;
} sweep;

static bool
has(const struct hashes *h, uint32_t hash)
{
	for (size_t i = 0; i < h->count; i++)
		if (h->hash[i] == hash)
			return true;
	return false;
}

static bool
add(struct hashes *h, uint32_t hash)
{
	if (has(h, hash))
		return true;
	if (h->count == AGENTS_MAX)
		return false;
	h->hash[h->count++] = hash;
	return true;
}

static void
begin(struct chores *due UNUSED)
{
	sweep.used.count = 0;
	sweep.overflow = false;
}

static bool
look(struct chores *due UNUSED, const struct app *app)
{
	if (app->agent && !add(&sweep.used, app->agent))
		sweep.overflow = true;
	return false;
}

/* As long as ended sessions are kept: what none of those names goes. */
static void
end(struct chores *due)
{
	int64_t pace = chore_gw(due)->conf->session_retention_ms;

	if (sweep.swept_ms == 0)
		sweep.swept_ms = num_mono_ms();
	if (sweep.overflow || num_mono_ms() - sweep.swept_ms <= pace)
		return;
	/* if another replica leads, it sweeps by its own clock */
	sweep.swept_ms = num_mono_ms();
	chore_add(due, &chore_agent, NULL);
}

static enum kube_result
list(struct gw *gw, const char *ns, json_object **ret_new, struct err *err)
{
	AUTO_BUF struct buf path = BUF_INIT(1024), select = BUF_INIT(512);
	struct kube_req rq = { .method = "GET",
		.deadline_ms = num_mono_ms() + CHORE_MS };

	buf_addf(&select, LABEL_GATEWAY "=%s," LABEL_AGENT, gw->conf->gateway);
	kube_path_core(&path, ns, "configmaps", NULL);
	kube_path_query(&path, "labelSelector", select.data);
	rq.path = path.data;
	return kube_call(gw->kube, &rq, ret_new, NULL, err);
}

static bool
drop(struct gw *gw, const char *ns, const char *name, struct err *err)
{
	AUTO_BUF struct buf path = BUF_INIT(1024);
	struct kube_req rq = { .method = "DELETE",
		.deadline_ms = num_mono_ms() + CHORE_MS };
	enum kube_result r;

	kube_path_core(&path, ns, "configmaps", name);
	rq.path = path.data;
	r = kube_call(gw->kube, &rq, NULL, NULL, err);
	if (r == KUBE_OK)
		log_info("dropped %s of %s, which no session needs", name, ns);
	return r == KUBE_OK || r == KUBE_NOT_FOUND;
}

/* One that was not needed at the last sweep either goes. */
static bool
look_at(struct gw *gw, const char *ns, json_object *map,
    const struct hashes *before, struct hashes *unused, struct err *err)
{
	const char *name = jv_str(map, "metadata.name");
	const char *text = jv_text(jv_member(jv_get(map, "metadata.labels"),
	    LABEL_AGENT));
	uint32_t hash = app_hash(text ? text : "");

	if (!name || !text || strcmp(text, gw->agent->hash) == 0 ||
	    has(&sweep.used, hash))
		return true;
	(void)!add(unused, hash);
	return !has(before, hash) || drop(gw, ns, name, err);
}

static enum chore_end
act(struct gw *gw, const struct cache_view *v UNUSED,
    struct buf *reason UNUSED, struct err *err)
{
	const struct conf_list *ns = &gw->conf->namespaces;
	struct hashes before = sweep.unused;
	bool good = true;

	sweep.unused.count = 0;
	for (size_t i = 0; i < ns->count && good; i++) {
		AUTO_JSON json_object *maps = NULL;
		json_object *items;

		good = list(gw, ns->items[i], &maps, err) == KUBE_OK;
		items = jv_get(maps, "items");
		for (size_t n = 0; good && json_object_is_type(items,
		    json_type_array) && n < json_object_array_length(items);
		    n++)
			good = look_at(gw, ns->items[i],
			    json_object_array_get_idx(items, n), &before,
			    &sweep.unused, err);
	}
	return good ? CHORE_NOTHING : CHORE_FAILED;
}

/* Sweeps agents of other versions that no session has been started with. */
const struct chore chore_agent = { .begin = begin, .look = look, .end = end,
	.act = act };

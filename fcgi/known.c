#include "config.h"

#include "known.h"

#include <json-c/linkhash.h>

#include "buf.h"
#include "cache.h"
#include "err.h"
#include "jv.h"
#include "livy.h"
#include "pack.h"

#define REASON_MAX 512	/* livy_pod's */

/* One application, by its object's name; either half may be missing. */
struct one {
	char object[KUBE_LABEL_MAX + 1];
	char ns[KUBE_LABEL_MAX + 1];
	bool has_app, has_pod;
	bool had_pod;		/* and what it told of its end is still true */
	uint32_t app_mark, pod_mark;
	struct app app;		/* as livy_app read it */
	struct pack pack;	/* its strings */
	char *run;
	struct app pod;		/* as livy_pod filled a blank one */
	char pod_uid[UID_MAX];
	char pod_name[KUBE_NAME_MAX + 1];
	char *pod_reason;
};

struct known {
	char *gateway;
	size_t max;
	size_t apps;
	uint32_t mark;
	struct known_listener to;
	struct lh_table *table;
};

static void
one_free(struct lh_entry *e)
{
	struct one *o = lh_entry_v(e);

	free(o->run);
	free(o->pod_reason);
	free(o);
}

struct known *
known_new(const char *gateway, size_t max, const struct known_listener *to)
{
	struct known *k = mem_alloc(sizeof *k);

	k->gateway = mem_strdup(gateway);
	k->max = max;
	k->to = *to;
	k->table = lh_kchar_table_new(64, one_free);
	if (!k->table)
		abort();	/* as running out of memory always does */
	return k;
}

void
known_free(struct known *k)
{
	if (!k)
		return;
	lh_table_free(k->table);
	free(k->gateway);
	free(k);
}

size_t
known_count(const struct known *k)
{
	return k->apps;
}

static struct one *
one_find(const struct known *k, const char *object)
{
	struct lh_entry *e = lh_table_lookup_entry(k->table, object);

	return e ? lh_entry_v(e) : NULL;
}

/*
 * The one of that name in ns, made if need be; NULL with the reason. Where an
 * application is decides: in another namespace anybody may have pods with
 * its labels.
 */
static struct one *
one_get(struct known *k, const char *object, const char *ns, bool is_app,
    struct err *err)
{
	struct one *o = one_find(k, object);

	if (o && strcmp(o->ns, ns) != 0 && (o->has_app || !is_app)) {
		err_set(err, 404, "namespace %s has one of that name", o->ns);
		return NULL;
	}
	if (o && strcmp(o->ns, ns) != 0) {
		o->has_pod = o->had_pod = false;
		snprintf(o->ns, sizeof o->ns, "%s", ns);
	}
	if (o)
		return o;
	if ((size_t)lh_table_length(k->table) >= k->max) {
		err_set(err, 503, "there are more than %zu", k->max);
		return NULL;
	}
	o = mem_alloc(sizeof *o);
	snprintf(o->object, sizeof o->object, "%s", object);
	snprintf(o->ns, sizeof o->ns, "%s", ns);
	if (lh_table_insert(k->table, o->object, o) != 0)
		abort();
	return o;
}

static void
one_drop_if_empty(struct known *k, struct one *o)
{
	if (!o->has_app && !o->has_pod)
		lh_table_delete(k->table, o->object);
}

/* Whether what a pod that is gone has told is of the run that app is in. */
static bool
ran_in(const struct app *app)
{
	return app->phase == PHASE_RUNNING || app->phase == PHASE_UNKNOWN ||
	    app->phase == PHASE_SUCCEEDING || app->phase == PHASE_FAILING ||
	    app_ended(app);
}

static void
join_pod(const struct one *o, struct app *app, struct app_text *text)
{
	if (o->pod.exit_code >= 0)
		app->exit_code = o->pod.exit_code;
	if (!app->app_id[0])
		memcpy(app->app_id, o->pod.app_id, sizeof app->app_id);
	app->pod_run = o->pod.pod_run;
	if (o->has_pod || o->pod.exit_code >= 0)
		text->pod_reason = o->pod_reason;
	if (!o->has_pod)
		return;
	app->pod_seen = true;
	app->pod_started = o->pod.pod_started;
	app->pod_deleting = o->pod.pod_deleting;
	memcpy(app->pod_ip, o->pod.pod_ip, sizeof app->pod_ip);
	text->pod = o->pod_name;
}

/* The application joined with its pod, to the listener. */
static void
tell(struct known *k, const struct one *o)
{
	struct cache_view v = { .strings = { .data = o->run,
		.len = o->pack.len, .limit = o->pack.len } };
	struct app app = o->app;

	if (!o->has_app || !pack_read(&o->pack, &v))
		return;
	if (o->has_pod || (o->had_pod && ran_in(&app)))
		join_pod(o, &app, &v.text);
	k->to.on_change(k->to.arg, &app, &v.text);
}

static void
app_leaves(struct known *k, struct one *o)
{
	enum app_kind kind = o->app.kind;
	int32_t id = o->app.id;

	if (!o->has_app)
		return;
	o->has_app = false;
	k->apps--;
	one_drop_if_empty(k, o);
	k->to.on_gone(k->to.arg, kind, id);
}

bool
known_app(struct known *k, json_object *obj, uint32_t mark, struct err *err)
{
	struct app_text text;
	struct app app;
	struct one *o;

	if (!livy_app(obj, k->gateway, &app, &text, err))
		return false;
	if (app.deleting) {
		known_app_gone(k, obj);
		return true;
	}
	o = one_get(k, text.object, text.ns, /* is_app= */ true, err);
	if (!o)
		return false;
	free(o->run);
	o->app = app;
	pack_measure(&o->pack, &text, NULL, /* brief= */ false);
	o->run = mem_alloc(o->pack.len);
	pack_write(&o->pack, o->run, &text, NULL);
	o->app_mark = mark;
	if (!o->has_app)
		k->apps++;
	o->has_app = true;
	tell(k, o);
	return true;
}

void
known_app_gone(struct known *k, json_object *obj)
{
	const char *object = jv_str(obj, "metadata.name");
	const char *ns = jv_str(obj, "metadata.namespace");
	const char *uid = jv_str(obj, "metadata.uid");
	struct one *o = object ? one_find(k, object) : NULL;
	enum app_kind kind;
	int32_t id;

	if (!object || !ns || !uid)
		return;
	if (o && o->has_app) {
		if (strcmp(o->ns, ns) == 0 && strcmp(o->app.uid, uid) == 0)
			app_leaves(k, o);
	} else if (app_object_id(object, k->gateway, &kind, &id)) {
		/* its end is all we saw of it */
		k->to.on_gone(k->to.arg, kind, id);
	}
}

/* The one a pod belongs to, made if need be; NULL with the reason. */
static struct one *
pod_owner(struct known *k, json_object *obj, struct err *err)
{
	json_object *labels = jv_get(obj, "metadata.labels");
	const char *object = jv_text(jv_member(labels, POD_APP_LABEL));
	const char *ns = jv_str(obj, "metadata.namespace");
	const char *name = jv_str(obj, "metadata.name");
	enum app_kind kind;
	int32_t id;

	if (!object || !app_object_id(object, k->gateway, &kind, &id)) {
		err_set(err, 404, "its labels name no application of ours");
		return NULL;
	}
	if (!ns || strlen(ns) > KUBE_LABEL_MAX || !name ||
	    strlen(name) > KUBE_NAME_MAX) {
		err_set(err, 404, "it has no name or namespace");
		return NULL;
	}
	return one_get(k, object, ns, /* is_app= */ false, err);
}

bool
known_pod(struct known *k, json_object *obj, uint32_t mark, struct err *err)
{
	struct one *o = pod_owner(k, obj, err);
	struct app_text text = { 0 };
	const char *uid = jv_str(obj, "metadata.uid");
	char reason[REASON_MAX];

	if (!o)
		return false;
	o->pod = (struct app){ .exit_code = -1 };
	livy_pod(obj, &o->pod, &text, reason);
	snprintf(o->pod_name, sizeof o->pod_name, "%s", text.pod);
	snprintf(o->pod_uid, sizeof o->pod_uid, "%s", uid ? uid : "");
	free(o->pod_reason);
	o->pod_reason = text.pod_reason ? mem_strdup(text.pod_reason) : NULL;
	o->pod_mark = mark;
	o->has_pod = true;
	o->had_pod = false;
	tell(k, o);
	return true;
}

/* What the pod told of its end stays with the application. */
static void
pod_leaves(struct known *k, struct one *o)
{
	o->has_pod = false;
	o->had_pod = true;
	tell(k, o);
	one_drop_if_empty(k, o);
}

void
known_pod_gone(struct known *k, json_object *obj)
{
	const char *object = jv_text(jv_member(
	    jv_get(obj, "metadata.labels"), POD_APP_LABEL));
	const char *uid = jv_str(obj, "metadata.uid");
	struct one *o = object ? one_find(k, object) : NULL;

	if (o && o->has_pod && uid && strcmp(o->pod_uid, uid) == 0)
		pod_leaves(k, o);
}

uint32_t
known_mark(struct known *k)
{
	return ++k->mark;
}

static void
sweep(struct known *k, const char *ns, uint32_t mark, bool pods)
{
	struct lh_entry *e, *next;

	lh_foreach_safe(k->table, e, next)
	{
		struct one *o = lh_entry_v(e);
		uint32_t put = pods ? o->pod_mark : o->app_mark;

		/* marks wrap around, so their distance is what counts */
		if ((pods ? !o->has_pod : !o->has_app) ||
		    (int32_t)(put - mark) >= 0 ||
		    (ns && strcmp(o->ns, ns) != 0))
			continue;
		if (pods)
			pod_leaves(k, o);
		else
			app_leaves(k, o);
	}
}

void
known_sweep_apps(struct known *k, const char *ns, uint32_t mark)
{
	sweep(k, ns, mark, false);
}

void
known_sweep_pods(struct known *k, const char *ns, uint32_t mark)
{
	sweep(k, ns, mark, true);
}

static struct one *
one_of_id(const struct known *k, enum app_kind kind, int32_t id)
{
	char object[KUBE_LABEL_MAX + 1];
	struct one *o = NULL;

	if (app_object_name(object, k->gateway, kind, id))
		o = one_find(k, object);
	return o && o->has_app ? o : NULL;
}

bool
known_has(const struct known *k, enum app_kind kind, int32_t id)
{
	return one_of_id(k, kind, id) != NULL;
}

void
known_repeat(struct known *k, enum app_kind kind, int32_t id)
{
	struct one *o = one_of_id(k, kind, id);

	if (o)
		tell(k, o);
}

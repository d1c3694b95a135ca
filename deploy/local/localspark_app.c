#include "config.h"

#include "localspark_app.h"

#include <search.h>

#include "buf.h"
#include "jv.h"
#include "kube_watch.h"
#include "localspark_pod.h"
#include "localspark_watch.h"
#include "num.h"

static int
compare(const void *a, const void *b)
{
	const struct record *x = a, *y = b;

	return strcmp(x->key, y->key);
}

void
records_init(struct records *rs)
{
	*rs = (struct records){ .last = &rs->first };
}

static struct record *
record_at(struct records *rs, const char *ns, const char *name)
{
	struct record *r = mem_alloc(sizeof *r);
	struct record **found;

	snprintf(r->key, sizeof r->key, "%s/%s", ns, name);
	found = tsearch(r, &rs->index, compare);
	if (!found)
		abort();	/* out of memory */
	if (*found != r) {
		free(r);
		return *found;
	}
	*rs->last = r;
	rs->last = &r->next;
	return r;
}

static int64_t
version(json_object *o)
{
	const char *text = jv_str(o, "metadata.resourceVersion");
	int64_t rv;

	return text && num_int(text, 0, INT64_MAX, &rv) ? rv : 0;
}

/* The part of a spec whose change starts an application again. */
static json_object *
spec_part(json_object *app)
{
	json_object *spec = jv_get(app, "spec"), *part = NULL;

	if (!spec || json_object_deep_copy(spec, &part, NULL) != 0)
		return json_object_new_object();
	json_object_object_del(part, "suspend");
	json_object_object_del(part, "timeToLiveSeconds");
	return part;
}

static bool
same_uid(json_object *a, json_object *b)
{
	const char *x = jv_str(a, "metadata.uid"), *y = jv_str(b,
	    "metadata.uid");

	return x && y && strcmp(x, y) == 0;
}

/* Another object of the same name: nothing of the old one holds. */
static void
reset(struct record *r)
{
	json_object_put(r->spec);
	r->spec = NULL;
	r->stage = STAGE_REST;
	r->due_ms = 0;
	r->backoff_ms = 0;
	r->spec_changed = false;
}

void
record_take_app(struct record *r, json_object *take_app)
{
	int64_t rv = version(take_app);
	json_object *part;

	if (r->app && rv <= r->app_rv) {
		json_object_put(take_app);
		return;
	}
	if (r->app && !same_uid(r->app, take_app))
		reset(r);
	part = spec_part(take_app);
	if (r->spec && !json_object_equal(r->spec, part))
		r->spec_changed = true;
	json_object_put(r->spec);
	r->spec = part;
	json_object_put(r->app);
	r->app = take_app;
	r->app_rv = rv;
	r->dirty = true;
}

void
record_take_pod(struct record *r, json_object *take_pod)
{
	int64_t rv = version(take_pod);

	if (rv <= r->pod_rv) {
		json_object_put(take_pod);
		return;
	}
	json_object_put(r->pod);
	r->pod = take_pod;
	r->pod_gone = false;
	r->pod_rv = rv;
	r->dirty = true;
}

void
record_drop_app(struct record *r)
{
	json_object_put(r->app);
	r->app = NULL;
	reset(r);
}

void
record_drop_pod(struct record *r)
{
	json_object_put(r->pod);
	r->pod = NULL;
	r->pod_gone = false;
	r->dirty = true;
}

static json_object *
pod_of_app(const struct record *r)
{
	json_object *owners = jv_get(r->pod, "metadata.ownerReferences");
	const char *uid = jv_str(r->app, "metadata.uid"), *found;

	if (!uid || !json_object_is_type(owners, json_type_array))
		return NULL;
	for (size_t i = 0; i < json_object_array_length(owners); i++) {
		found = jv_str(json_object_array_get_idx(owners, i), "uid");
		if (found && strcmp(found, uid) == 0)
			return r->pod;
	}
	return NULL;
}

json_object *
record_own_pod(const struct record *r)
{
	return r->pod_gone ? NULL : pod_of_app(r);
}

json_object *
record_lost_pod(const struct record *r)
{
	return r->pod_gone ? pod_of_app(r) : NULL;
}

enum app_phase
record_phase(const struct record *r)
{
	const char *word = jv_str(r->app, "status.applicationState.state");
	enum app_phase phase;

	return word && *word && app_phase_parse(word, &phase) ? phase :
	    PHASE_NEW;
}

static bool
is_in(const struct record *r, const char *ns)
{
	size_t n = strlen(ns);

	return strncmp(r->key, ns, n) == 0 && r->key[n] == '/';
}

/* A list has ended: what it did not name, and is not newer, is gone. */
static void
end_list(struct records *rs, struct source *src)
{
	for (struct record *r = rs->first; r; r = r->next) {
		if (!is_in(r, src->ns))
			continue;
		if (src->kind == SOURCE_APPS && r->app &&
		    r->app_list != src->list && r->app_rv <= src->list_rv)
			record_drop_app(r);
		if (src->kind == SOURCE_PODS && r->pod && !r->pod_gone &&
		    r->pod_list != src->list && r->pod_rv <= src->list_rv)
			record_drop_pod(r);
		r->dirty = true;
	}
	src->listing = false;
	src->synced = true;
}

static void
bookmark(struct records *rs, struct source *src, json_object *object)
{
	json_object *marks = jv_get(object, "metadata.annotations");

	if (jv_member(marks, WATCH_LIST_BEGIN)) {
		src->list++;
		src->list_rv = version(object);
		src->listing = true;
	} else if (src->listing && jv_member(marks, WATCH_LIST_END)) {
		end_list(rs, src);
	}
}

bool
records_event(struct records *rs, struct source *src,
    const struct watch_event *ev)
{
	json_object *labels = jv_get(ev->object, "metadata.labels");
	const char *name = src->kind == SOURCE_APPS ?
	    jv_str(ev->object, "metadata.name") :
	    jv_text(jv_member(labels, LABEL_APP_NAME));
	struct record *r;
	bool gone;

	if (ev->type == WATCH_BOOKMARK) {
		bookmark(rs, src, ev->object);
		return true;
	}
	if (!name || strlen(name) > KUBE_NAME_MAX)
		return src->kind == SOURCE_PODS;	/* somebody else's */
	r = record_at(rs, src->ns, name);
	if (src->kind == SOURCE_APPS) {
		r->app_list = src->list;
		if (ev->type != WATCH_DELETED)
			record_take_app(r, json_object_get(ev->object));
		else if (same_uid(r->app, ev->object))
			record_drop_app(r);
	} else {
		r->pod_list = src->list;
		gone = ev->type == WATCH_DELETED;
		if (!gone || same_uid(r->pod, ev->object)) {
			record_take_pod(r, json_object_get(ev->object));
			r->pod_gone = gone;
		}
	}
	return true;
}

void
records_sweep(struct records *rs)
{
	struct record **p = &rs->first, *r;

	while ((r = *p) != NULL) {
		if (r->app || (r->pod && !r->pod_gone)) {
			p = &r->next;
			continue;
		}
		*p = r->next;
		tdelete(r, &rs->index, compare);
		json_object_put(r->pod);
		json_object_put(r->spec);
		free(r);
	}
	rs->last = p;
}

bool
records_pods_known(const struct records *rs, const struct record *r)
{
	for (size_t i = 0; i < rs->source_count; i++)
		if (rs->sources[i].kind == SOURCE_PODS &&
		    is_in(r, rs->sources[i].ns))
			return rs->sources[i].synced;
	return false;
}

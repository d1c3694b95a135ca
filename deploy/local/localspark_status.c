#include "config.h"

#include "localspark_status.h"

#include "buf.h"
#include "err.h"
#include "jv.h"
#include "kube.h"
#include "log.h"
#include "num.h"

#define CALL_MS 10000
#define BACKOFF_MS 100
#define BACKOFF_MAX_MS 5000
#define PATH_MAX_BYTES 2048

/* The server cannot be asked now: the record is looked at again later. */
static void
later(struct record *r, const char *what, const struct err *err)
{
	log_warn("%s: cannot %s: %s", r->key, what, err->msg);
	r->backoff_ms = r->backoff_ms ? r->backoff_ms * 2 : BACKOFF_MS;
	if (r->backoff_ms > BACKOFF_MAX_MS)
		r->backoff_ms = BACKOFF_MAX_MS;
	r->due_ms = num_mono_ms() + r->backoff_ms;
}

json_object *
status_draft(const struct record *r)
{
	json_object *old = jv_get(r->app, "status"), *draft = NULL;

	if (!json_object_is_type(old, json_type_object) ||
	    json_object_deep_copy(old, &draft, NULL) != 0)
		draft = json_object_new_object();
	if (!jv_get(draft, "driverInfo"))
		json_object_object_add(draft, "driverInfo",
		    json_object_new_object());
	return draft;
}

void
status_phase(json_object *draft, enum app_phase phase, const char *error)
{
	json_object *state = json_object_new_object();

	if (error && *error)
		jv_set_str(state, "errorMessage", error);
	json_object_object_add(state, "state",
	    json_object_new_string(app_phase_word(phase)));
	json_object_object_add(draft, "applicationState", state);
}

void
status_time(json_object *draft, const char *key, int64_t wall_ms)
{
	char text[32];

	num_time_text(wall_ms, text);
	jv_set_str(draft, key, text);
}

void
status_count(json_object *draft, const char *key)
{
	json_object_object_add(draft, key,
	    json_object_new_int64(jv_int(draft, key, 0) + 1));
}

static void
app_path(const struct record *r, struct buf *path)
{
	kube_path_apps(path, jv_str(r->app, "metadata.namespace"),
	    jv_str(r->app, "metadata.name"));
}

/* Reads the application again after a conflict. */
static void
reread(struct kube *k, struct record *r)
{
	AUTO_BUF struct buf path = BUF_INIT(PATH_MAX_BYTES);
	struct kube_req rq = { .method = "GET",
		.deadline_ms = num_mono_ms() + CALL_MS };
	struct err err = ERR_INIT;
	json_object *app = NULL;

	app_path(r, &path);
	rq.path = path.data;
	switch (kube_call(k, &rq, &app, NULL, &err)) {
	case KUBE_OK:
		record_take_app(r, app);
		r->dirty = true;
		break;
	case KUBE_NOT_FOUND:
		record_drop_app(r);
		break;
	case KUBE_EXISTS:
	case KUBE_CONFLICT:
	case KUBE_INVALID:
	case KUBE_FORBIDDEN:
	case KUBE_GONE:
	case KUBE_BUSY:
	case KUBE_AWAY:
	case KUBE_BROKEN:
		later(r, "read it again", &err);
		break;
	}
}

/* The object to put: what we know of it, with the new status. */
static json_object *
with_status(const struct record *r, json_object *take_draft)
{
	json_object *body = json_object_new_object();
	json_object *metadata = json_object_new_object();
	static const char *const kept[] = { "name", "namespace", "uid",
		"resourceVersion", "labels", "annotations" };
	char path[64];
	json_object *value;

	json_object_object_add(body, "apiVersion",
	    json_object_new_string("sparkoperator.k8s.io/v1beta2"));
	json_object_object_add(body, "kind",
	    json_object_new_string("SparkApplication"));
	for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
		snprintf(path, sizeof path, "metadata.%s", kept[i]);
		value = jv_get(r->app, path);
		if (value)
			json_object_object_add(metadata, kept[i],
			    json_object_get(value));
	}
	json_object_object_add(body, "metadata", metadata);
	json_object_object_add(body, "spec",
	    json_object_get(jv_get(r->app, "spec")));
	json_object_object_add(body, "status", take_draft);
	return body;
}

bool
status_write(struct kube *k, struct record *r, json_object *take_draft)
{
	AUTO_JSON json_object *body = with_status(r, take_draft);
	AUTO_BUF struct buf path = BUF_INIT(PATH_MAX_BYTES);
	struct kube_req rq = { .method = "PUT", .body = body,
		.deadline_ms = num_mono_ms() + CALL_MS };
	struct err err = ERR_INIT;
	json_object *app = NULL;

	app_path(r, &path);
	buf_addstr(&path, "/status");
	rq.path = path.data;
	switch (kube_call(k, &rq, &app, NULL, &err)) {
	case KUBE_OK:
		record_take_app(r, app);
		r->backoff_ms = 0;
		log_info("%s: %s %s", r->key,
		    app_phase_word(record_phase(r)),
		    jv_str(r->app, "status.applicationState.errorMessage") ?
		    jv_str(r->app, "status.applicationState.errorMessage") :
		    "");
		return true;
	case KUBE_CONFLICT:
		reread(k, r);
		return false;
	case KUBE_NOT_FOUND:
		record_drop_app(r);
		return false;
	case KUBE_EXISTS:
	case KUBE_INVALID:
	case KUBE_FORBIDDEN:
	case KUBE_GONE:
	case KUBE_BUSY:
	case KUBE_AWAY:
	case KUBE_BROKEN:
		later(r, "write its status", &err);
		return false;
	}
	return false;
}

/* The pod of that name, as it is. */
static enum pod_made
pod_find(struct kube *k, struct record *r, const char *ns, const char *name)
{
	AUTO_BUF struct buf path = BUF_INIT(PATH_MAX_BYTES);
	struct kube_req rq = { .method = "GET",
		.deadline_ms = num_mono_ms() + CALL_MS };
	struct err err = ERR_INIT;
	json_object *pod = NULL;

	kube_path_core(&path, ns, "pods", name);
	rq.path = path.data;
	if (kube_call(k, &rq, &pod, NULL, &err) != KUBE_OK) {
		later(r, "read its driver pod", &err);
		return POD_LATER;
	}
	record_take_pod(r, pod);
	if (!record_own_pod(r))
		return POD_TAKEN;
	if (jv_str(r->pod, "metadata.deletionTimestamp"))
		return POD_LATER;	/* the watch tells when it is gone */
	return POD_MADE;
}

enum pod_made
pod_make(struct kube *k, struct record *r, json_object *pod,
    struct err *reason)
{
	AUTO_BUF struct buf path = BUF_INIT(PATH_MAX_BYTES);
	const char *ns = jv_str(r->app, "metadata.namespace");
	struct kube_req rq = { .method = "POST", .body = pod,
		.deadline_ms = num_mono_ms() + CALL_MS };
	json_object *made = NULL;
	enum kube_result result;

	kube_path_core(&path, ns, "pods", NULL);
	rq.path = path.data;
	result = kube_call(k, &rq, &made, NULL, reason);
	switch (result) {
	case KUBE_OK:
		record_take_pod(r, made);
		return POD_MADE;
	case KUBE_EXISTS:
		return pod_find(k, r, ns, jv_str(pod, "metadata.name"));
	case KUBE_NOT_FOUND:
	case KUBE_CONFLICT:
	case KUBE_INVALID:
	case KUBE_FORBIDDEN:
		return POD_REFUSED;
	case KUBE_GONE:
	case KUBE_BUSY:
	case KUBE_AWAY:
	case KUBE_BROKEN:
		later(r, "create its driver pod", reason);
		return POD_LATER;
	}
	return POD_LATER;
}

static void
delete_by_uid(struct kube *k, struct record *r, const char *path,
    const char *uid, const char *what)
{
	AUTO_JSON json_object *body = json_object_new_object();
	json_object *only = json_object_new_object();
	struct kube_req rq = { .method = "DELETE", .path = path, .body = body,
		.deadline_ms = num_mono_ms() + CALL_MS };
	struct err err = ERR_INIT;
	enum kube_result result;

	jv_set_str(body, "kind", "DeleteOptions");
	jv_set_str(body, "apiVersion", "v1");
	jv_set_str(body, "propagationPolicy", "Background");
	jv_set_str(only, "uid", uid);
	json_object_object_add(body, "preconditions", only);
	result = kube_call(k, &rq, NULL, NULL, &err);
	if (result != KUBE_OK && result != KUBE_NOT_FOUND)
		later(r, what, &err);
}

void
pod_delete(struct kube *k, struct record *r, json_object *pod)
{
	AUTO_BUF struct buf path = BUF_INIT(PATH_MAX_BYTES);

	if (jv_str(pod, "metadata.deletionTimestamp"))
		return;
	kube_path_core(&path, jv_str(pod, "metadata.namespace"), "pods",
	    jv_str(pod, "metadata.name"));
	delete_by_uid(k, r, path.data, jv_str(pod, "metadata.uid"),
	    "delete its driver pod");
}

void
app_delete(struct kube *k, struct record *r)
{
	AUTO_BUF struct buf path = BUF_INIT(PATH_MAX_BYTES);

	app_path(r, &path);
	delete_by_uid(k, r, path.data, jv_str(r->app, "metadata.uid"),
	    "delete it");
}

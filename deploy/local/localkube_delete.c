#include "config.h"

#include "localkube_delete.h"

#include "err.h"
#include "jv.h"
#include "localkube_meta.h"
#include "log.h"

#define FOREGROUND "foregroundDeletion"

/* Seconds that a deletion of this object takes; 0: it is gone at once. */
static int64_t
grace_of(const struct kres *res, json_object *o, int64_t asked)
{
	const char *phase = jv_str(o, "status.phase");
	int64_t own = jv_int(o, "spec.terminationGracePeriodSeconds", 30);

	if (res->id != KRES_POD || !jv_str(o, "spec.nodeName") ||
	    (phase && (strcmp(phase, "Succeeded") == 0 ||
	    strcmp(phase, "Failed") == 0)))
		return 0;
	return asked >= 0 ? asked : own;
}

static enum kstore_result
delete_once(struct kstore *s, struct kver *v, int64_t grace_s,
    bool foreground, struct err *err)
{
	AUTO_JSON json_object *o = kver_json(v);
	AUTO_KVER struct kver *now = NULL;
	bool marked = jv_get(o, "metadata.deletionTimestamp") != NULL;

	grace_s = grace_of(v->res, o, grace_s);
	if (foreground)
		kmeta_add_finalizer(o, FOREGROUND);
	if (grace_s == 0 && !kmeta_has_finalizer(o, NULL))
		return kstore_remove(s, v, o, err);
	if (marked && grace_s >= jv_int(o,
	    "metadata.deletionGracePeriodSeconds", 0) && !foreground)
		return KSTORE_OK;
	kmeta_deleting(v->res, o, grace_s);
	return kstore_write(s, v->res, v, o, &now, err);
}

enum kstore_result
kdelete_object(struct kstore *s, const struct kver *v, int64_t grace_s,
    bool foreground, struct err *err)
{
	enum kstore_result result = KSTORE_CHANGED;

	while (result == KSTORE_CHANGED) {
		AUTO_KVER struct kver *now = kstore_get(s, v->res, v->ns,
		    v->name);

		if (!now || strcmp(now->uid, v->uid) != 0)
			return KSTORE_OK;
		result = delete_once(s, now, grace_s, foreground, err);
	}
	return result;
}

enum kstore_result
kdelete_or_write(struct kstore *s, struct kver *was, json_object *o,
    struct kver **ret_new, struct err *err)
{
	if (jv_get(o, "metadata.deletionTimestamp") &&
	    !kmeta_has_finalizer(o, NULL) &&
	    jv_int(o, "metadata.deletionGracePeriodSeconds", 0) == 0)
		return kstore_remove(s, was, o, err);
	return kstore_write(s, was->res, was, o, ret_new, err);
}

/* Applies an edit to the current version until it takes. */
static void
edit(struct kstore *s, const struct kver *v,
    void (*change)(json_object *o, const char *arg), const char *arg)
{
	enum kstore_result result = KSTORE_CHANGED;
	struct err err = ERR_INIT;

	while (result == KSTORE_CHANGED) {
		AUTO_KVER struct kver *now = kstore_get(s, v->res, v->ns,
		    v->name);
		AUTO_KVER struct kver *after = NULL;
		AUTO_JSON json_object *o = NULL;

		if (!now || strcmp(now->uid, v->uid) != 0)
			return;
		o = kver_json(now);
		change(o, arg);
		result = kdelete_or_write(s, now, o, &after, &err);
	}
	if (result == KSTORE_FAILED)
		log_error("cannot change %s '%s': %s", v->res->plural,
		    v->name, err.msg);
}

static void
free_list(struct kver **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		kver_put(list[i]);
	free(list);
}

void
kdelete_orphan(struct kstore *s, const char *uid)
{
	size_t n;
	struct kver **list = kstore_owned(s, uid, &n);

	for (size_t i = 0; i < n; i++)
		edit(s, list[i], kmeta_drop_owner, uid);
	free_list(list, n);
}

void
kdelete_fill_namespace(json_object *o)
{
	json_object *meta = jv_member(o, "metadata");
	const char *name = jv_str(meta, "name");

	json_object_object_add(meta, "labels", json_object_new_object());
	json_object_object_add(jv_member(meta, "labels"),
	    "kubernetes.io/metadata.name",
	    json_object_new_string(name ? name : ""));
	json_object_object_add(o, "status", json_object_new_object());
	json_object_object_add(jv_member(o, "status"), "phase",
	    json_object_new_string("Active"));
}

bool
kdelete_need_namespace(struct kstore *s, const char *ns, struct err *err)
{
	const struct kres *res = &kres_table[KRES_NAMESPACE];
	AUTO_KVER struct kver *v = kstore_get(s, res, "", ns);
	AUTO_JSON json_object *o = NULL;
	json_object *meta;

	if (v)
		return true;
	o = json_object_new_object();
	meta = json_object_new_object();
	json_object_object_add(o, "kind", json_object_new_string("Namespace"));
	json_object_object_add(o, "apiVersion", json_object_new_string("v1"));
	json_object_object_add(o, "metadata", meta);
	json_object_object_add(meta, "name", json_object_new_string(ns));
	kmeta_new(res, o, "");
	kdelete_fill_namespace(o);
	return kstore_write(s, res, NULL, o, &v, err) != KSTORE_FAILED;
}

static bool
all(void *cls UNUSED, const struct kver *v UNUSED)
{
	return true;
}

void
kdelete_contents(struct kstore *s, const char *ns)
{
	struct err err = ERR_INIT;

	for (size_t i = 0; i < KRES_COUNT; i++) {
		struct kstore_page page;

		if (kres_table[i].cluster)
			continue;
		kstore_list(s, &kres_table[i], ns, NULL, NULL, 0, all, NULL,
		    &page);
		for (size_t j = 0; j < page.n; j++)
			if (kdelete_object(s, page.v[j], -1, false, &err) ==
			    KSTORE_FAILED)
				log_error("cannot delete '%s': %s",
				    page.v[j]->name, err.msg);
		kstore_page_release(&page);
	}
}

#include "config.h"

#include "localkube_ver.h"

#include <assert.h>

#include "buf.h"
#include "err.h"
#include "jv.h"

struct kver *
kver_get(struct kver *v)
{
	if (v)
		__atomic_add_fetch(&v->refs, 1, __ATOMIC_RELAXED);
	return v;
}

void
kver_put(struct kver *v)
{
	if (!v || __atomic_sub_fetch(&v->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	for (size_t i = 0; i < 2 * v->n_labels; i++)
		free(v->labels[i]);
	for (size_t i = 0; i < v->n_owners; i++)
		free(v->owners[i]);
	free(v->labels);
	free(v->owners);
	free(v->text);
	free(v->ns);
	free(v->name);
	free(v->uid);
	free(v);
}

void
auto_kver(struct kver **v)
{
	kver_put(*v);
}

json_object *
kver_json(const struct kver *v)
{
	struct err err = ERR_INIT;
	json_object *o = NULL;
	/* our own text: it was printed from a tree of this depth */
	bool ok = jv_parse(v->text, v->len, JV_DEPTH_KUBE + 1, &o, &err);

	assert(ok);
	return o;
}

static char *
dup_str(json_object *o, const char *path)
{
	const char *text = jv_str(o, path);

	return mem_strdup(text ? text : "");
}

struct kver *
kver_new(const struct kres *res, json_object *o, int64_t rv)
{
	struct kver *v = mem_alloc(sizeof *v);
	json_object *labels = jv_get(o, "metadata.labels");
	json_object *owners = jv_get(o, "metadata.ownerReferences");
	size_t n;

	v->refs = 1;
	v->res = res;
	v->rv = rv;
	v->text = mem_strdup(jv_print(o));
	v->len = strlen(v->text);
	v->ns = dup_str(o, "metadata.namespace");
	v->name = dup_str(o, "metadata.name");
	v->uid = dup_str(o, "metadata.uid");
	if (json_object_is_type(labels, json_type_object)) {
		n = (size_t)json_object_object_length(labels);
		v->labels = mem_alloc(2 * n * sizeof *v->labels);
		json_object_object_foreach(labels, key, value) {
			const char *text = jv_text(value);

			v->labels[2 * v->n_labels] = mem_strdup(key);
			v->labels[2 * v->n_labels++ + 1] =
			    mem_strdup(text ? text : "");
		}
	}
	if (json_object_is_type(owners, json_type_array)) {
		n = json_object_array_length(owners);
		v->owners = mem_alloc(n * sizeof *v->owners);
		for (; v->n_owners < n; v->n_owners++)
			v->owners[v->n_owners] = dup_str(
			    json_object_array_get_idx(owners, v->n_owners),
			    "uid");
	}
	return v;
}

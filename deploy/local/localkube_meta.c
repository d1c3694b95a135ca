#include "config.h"

#include "localkube_meta.h"

#include <assert.h>

#include <sys/random.h>

#include "jv.h"
#include "num.h"

static void
random_bytes(unsigned char *ret, size_t n)
{
	ssize_t got = getrandom(ret, n, 0);

	assert(got == (ssize_t)n);
}

static void
set(json_object *o, const char *key, const char *text)
{
	json_object_object_add(o, key, json_object_new_string(text));
}

static void
set_uid(json_object *meta)
{
	unsigned char b[16];
	char text[40], *p = text;

	random_bytes(b, sizeof b);
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	for (size_t i = 0; i < sizeof b; i++)
		p += snprintf(p, 4, "%s%02x", i == 4 || i == 6 || i == 8 ||
		    i == 10 ? "-" : "", b[i]);
	set(meta, "uid", text);
}

static void
set_generated_name(json_object *meta, const char *prefix)
{
	static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
	unsigned char b[5];
	char name[KUBE_NAME_MAX + 8];
	size_t n = strlen(prefix) > KUBE_NAME_MAX - 5 ? KUBE_NAME_MAX - 5 :
	    strlen(prefix);

	random_bytes(b, sizeof b);
	memcpy(name, prefix, n);
	for (size_t i = 0; i < sizeof b; i++)
		name[n++] = letters[b[i] % (sizeof letters - 1)];
	name[n] = '\0';
	set(meta, "name", name);
}

void
kmeta_new(const struct kres *res, json_object *o, const char *ns)
{
	static const char *const ours[] = { "selfLink", "deletionTimestamp",
	    "deletionGracePeriodSeconds", "managedFields", "generation" };
	json_object *meta = jv_member(o, "metadata");
	const char *name = jv_str(meta, "name");
	const char *prefix = jv_str(meta, "generateName");
	char now[32];

	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		json_object_object_del(meta, ours[i]);
	if ((!name || !*name) && prefix && *prefix)
		set_generated_name(meta, prefix);
	if (!res->cluster)
		set(meta, "namespace", ns);
	set_uid(meta);
	num_time_text(num_wall_ms(), now);
	set(meta, "creationTimestamp", now);
	if (res->generation)
		json_object_object_add(meta, "generation",
		    json_object_new_int(1));
	if (res->status)
		json_object_object_del(o, "status");
}

/* Whether anything but metadata and status differs. */
static bool
spec_changed(json_object *before, json_object *after)
{
	json_object_object_foreach(after, key, value)
		if (strcmp(key, "metadata") != 0 &&
		    strcmp(key, "status") != 0 &&
		    !json_object_equal(value, jv_member(before, key)))
			return true;
	json_object_object_foreach(before, old_key, old_value) {
		(void)old_value;
		if (!json_object_object_get_ex(after, old_key, NULL))
			return true;
	}
	return false;
}

void
kmeta_keep(const struct kres *res, json_object *before, json_object *after)
{
	static const char *const kept[] = { "namespace", "name", "uid",
	    "creationTimestamp", "generation", "deletionTimestamp",
	    "deletionGracePeriodSeconds", "resourceVersion" };
	json_object *from = jv_member(before, "metadata");
	json_object *to = jv_member(after, "metadata");
	json_object *value;

	json_object_object_del(to, "managedFields");
	for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
		value = jv_member(from, kept[i]);
		if (value)
			json_object_object_add(to, kept[i],
			    json_object_get(value));
		else
			json_object_object_del(to, kept[i]);
	}
	if (res->generation && spec_changed(before, after))
		json_object_object_add(to, "generation",
		    json_object_new_int64(jv_int(from, "generation", 0) + 1));
}

void
kmeta_deleting(const struct kres *res, json_object *o, int64_t grace_s)
{
	json_object *meta = jv_member(o, "metadata");
	char when[32];

	num_time_text(num_wall_ms() + grace_s * 1000, when);
	set(meta, "deletionTimestamp", when);
	json_object_object_add(meta, "deletionGracePeriodSeconds",
	    json_object_new_int64(grace_s));
	if (res->generation)
		json_object_object_add(meta, "generation",
		    json_object_new_int64(jv_int(meta, "generation", 0) + 1));
}

/* Index of a string in a list of strings, or of the member; -1: none. */
static int
index_of(json_object *list, const char *key, const char *text)
{
	for (size_t i = 0; json_object_is_type(list, json_type_array) &&
	    i < json_object_array_length(list); i++) {
		json_object *item = json_object_array_get_idx(list, i);
		const char *value = key ? jv_str(item, key) : jv_text(item);

		if (value && (!text || strcmp(value, text) == 0))
			return (int)i;
	}
	return -1;
}

bool
kmeta_has_finalizer(json_object *o, const char *name)
{
	return index_of(jv_get(o, "metadata.finalizers"), NULL, name) >= 0;
}

void
kmeta_add_finalizer(json_object *o, const char *name)
{
	json_object *list = jv_get(o, "metadata.finalizers");

	if (!list) {
		list = json_object_new_array();
		json_object_object_add(jv_member(o, "metadata"),
		    "finalizers", list);
	}
	if (index_of(list, NULL, name) < 0)
		json_object_array_add(list, json_object_new_string(name));
}

static void
drop(json_object *o, const char *member, const char *key, const char *text)
{
	json_object *list = jv_member(jv_member(o, "metadata"), member);
	int i;

	while ((i = index_of(list, key, text)) >= 0)
		json_object_array_del_idx(list, (size_t)i, 1);
	if (list && json_object_array_length(list) == 0)
		json_object_object_del(jv_member(o, "metadata"), member);
}

void
kmeta_drop_finalizer(json_object *o, const char *name)
{
	drop(o, "finalizers", NULL, name);
}

void
kmeta_drop_owner(json_object *o, const char *uid)
{
	drop(o, "ownerReferences", "uid", uid);
}

json_object *
kmeta_copy(json_object *o)
{
	json_object *copy = NULL;
	int rc = o ? json_object_deep_copy(o, &copy, NULL) : 0;

	assert(rc == 0);
	return copy;
}

json_object *
kmeta_merge(json_object *take_target, json_object *patch)
{
	if (!json_object_is_type(patch, json_type_object)) {
		json_object_put(take_target);
		return kmeta_copy(patch);
	}
	if (!json_object_is_type(take_target, json_type_object)) {
		json_object_put(take_target);
		take_target = json_object_new_object();
	}
	json_object_object_foreach(patch, key, value) {
		if (!value)
			json_object_object_del(take_target, key);
		else
			json_object_object_add(take_target, key, kmeta_merge(
			    json_object_get(jv_member(take_target, key)),
			    value));
	}
	return take_target;
}

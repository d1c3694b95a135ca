#include "config.h"

#include "localkube_volume.h"

#include <unistd.h>

#include "err.h"
#include "jv.h"
#include "localkube_files.h"
#include "localkube_image.h"

#define FILE_MODE 0644
#define PATH_LIMIT 4096

/* One volume on its way: where it is put, and how. */
struct making {
	struct kstore *store;
	json_object *pod;
	const char *name;
	const char *dir;
	mode_t mode;
};

static bool
put(const struct making *m, const char *path, const char *data, size_t len,
    int64_t mode, struct err *err)
{
	AUTO_BUF struct buf at = BUF_INIT(PATH_LIMIT);
	char *slash;

	if (!kfiles_is_below(path))
		return err_set(err, 500, "'%s' is no path inside a volume",
		    path);
	buf_addf(&at, "%s/%s", m->dir, path);
	slash = strrchr(at.data, '/');
	*slash = '\0';
	if (!kfiles_mkdirs(at.data, 0755, err))
		return false;
	*slash = '/';
	return kfiles_write(at.data, data, len,
	    mode >= 0 ? (mode_t)mode & 0777 : m->mode, err);
}

static bool
put_key(const struct making *m, json_object *object, bool secret,
    const char *key, json_object *item, struct err *err)
{
	const char *path = item ? jv_str(item, "path") : key;
	AUTO_FREE char *data = NULL;
	size_t len;

	if (!key || !path || !kimage_value(object, secret, key, &data, &len))
		return err_set(err, 404, "MountVolume.SetUp failed for volume "
		    "\"%s\" : references non-existent %s key: %s", m->name,
		    secret ? "secret" : "config", key ? key : "");
	return put(m, path, data, len, jv_int(item, "mode", -1), err);
}

static bool
put_map(const struct making *m, json_object *object, bool secret,
    json_object *map, struct err *err)
{
	if (!map)
		return true;
	json_object_object_foreach(map, key, value) {
		(void)value;
		if (!put_key(m, object, secret, key, NULL, err))
			return false;
	}
	return true;
}

static bool
put_object(const struct making *m, json_object *source, const char *name,
    bool secret, struct err *err)
{
	const struct kres *res =
	    &kres_table[secret ? KRES_SECRET : KRES_CONFIGMAP];
	AUTO_KVER struct kver *v = kstore_get(m->store, res,
	    jv_str(m->pod, "metadata.namespace"), name ? name : "");
	AUTO_JSON json_object *object = NULL;
	json_object *items = jv_member(source, "items");
	bool optional = jv_bool(source, "optional", false);

	if (!v)
		return optional || err_set(err, 404, "MountVolume.SetUp "
		    "failed for volume \"%s\" : %s \"%s\" not found", m->name,
		    secret ? "secret" : "configmap", name ? name : "");
	object = kver_json(v);
	if (!items)
		return put_map(m, object, secret, jv_member(object, "data"),
		    err) && put_map(m, object, true,
		    jv_member(object, "binaryData"), err);
	for (size_t i = 0; i < json_object_array_length(items); i++) {
		json_object *item = json_object_array_get_idx(items, i);

		if (!put_key(m, object, secret, jv_str(item, "key"), item,
		    err) && !optional)
			return false;
	}
	return true;
}

static bool
put_fields(const struct making *m, json_object *source, struct err *err)
{
	json_object *items = jv_member(source, "items");

	for (size_t i = 0; items && i < json_object_array_length(items); i++) {
		json_object *item = json_object_array_get_idx(items, i);
		const char *path = jv_str(item, "path");
		const char *value = kimage_field(m->pod,
		    jv_str(item, "fieldRef.fieldPath"));

		if (!put(m, path ? path : "", value ? value : "",
		    value ? strlen(value) : 0, jv_int(item, "mode", -1), err))
			return false;
	}
	return true;
}

/* A source of a volume, projected or of its own; tokens there are none. */
static bool
put_source(const struct making *m, json_object *v, bool projected,
    struct err *err)
{
	json_object *source;

	if ((source = jv_member(v, "configMap")))
		return put_object(m, source, jv_str(source, "name"), false,
		    err);
	if ((source = jv_member(v, "secret")))
		return put_object(m, source, jv_str(source,
		    projected ? "name" : "secretName"), true, err);
	if ((source = jv_member(v, "downwardAPI")))
		return put_fields(m, source, err);
	if (jv_member(v, "emptyDir") ||
	    (projected && jv_member(v, "serviceAccountToken")))
		return true;
	return err_set(err, 500, "localkube has no volume of the kind that "
	    "volume \"%s\" is", m->name);
}

static bool
make(struct kstore *s, json_object *pod, json_object *v, const char *dir,
    struct err *err)
{
	AUTO_BUF struct buf at = BUF_INIT(PATH_LIMIT);
	static const char *const kinds[] =
	    { "configMap", "secret", "projected", "downwardAPI" };
	json_object *list = jv_get(v, "projected.sources");
	struct making m = { .store = s, .pod = pod, .mode = FILE_MODE };

	m.name = jv_str(v, "name");
	if (!m.name || strchr(m.name, '/') || *m.name == '.')
		return err_set(err, 500, "a volume without a proper name");
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		m.mode = (mode_t)jv_int(jv_member(v, kinds[i]),
		    "defaultMode", m.mode) & 0777;
	buf_addf(&at, "%s/volumes/%s", dir, m.name);
	m.dir = at.data;
	if (!kfiles_mkdirs(m.dir, 0755, err) ||
	    !kfiles_mkdir(m.dir, jv_member(v, "emptyDir") ? 0777 : 0755,
	    err))
		return false;
	if (!list)
		return put_source(&m, v, false, err);
	for (size_t i = 0; i < json_object_array_length(list); i++)
		if (!put_source(&m, json_object_array_get_idx(list, i), true,
		    err))
			return false;
	return true;
}

bool
kvolume_make(struct kstore *s, json_object *pod, const char *dir,
    struct err *err)
{
	json_object *list = jv_get(pod, "spec.volumes");

	for (size_t i = 0; list && i < json_object_array_length(list); i++)
		if (!make(s, pod, json_object_array_get_idx(list, i), dir,
		    err))
			return false;
	return true;
}

static json_object *
find_volume(json_object *pod, const char *name)
{
	json_object *list = jv_get(pod, "spec.volumes");

	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		json_object *v = json_object_array_get_idx(list, i);
		const char *own = jv_str(v, "name");

		if (own && strcmp(own, name) == 0)
			return v;
	}
	return NULL;
}

static bool
mount_one(json_object *pod, json_object *m, const char *dir,
    struct kroot *root, struct err *err)
{
	AUTO_BUF struct buf from = BUF_INIT(PATH_LIMIT);
	const char *name = jv_str(m, "name"), *sub = jv_str(m, "subPath");
	const char *to = jv_str(m, "mountPath");
	json_object *v = name ? find_volume(pod, name) : NULL;
	bool empty = jv_member(v, "emptyDir") != NULL;

	if (!v || !to)
		return err_set(err, 500, "a volume mount names no volume");
	buf_addf(&from, "%s/volumes/%s", dir, name);
	if (sub && *sub) {
		if (!kfiles_is_below(sub))
			return err_set(err, 500, "subPath '%s' is no path "
			    "inside a volume", sub);
		buf_addf(&from, "/%s", sub);
		if (empty && !kfiles_mkdirs(from.data, 0777, err))
			return false;
	}
	return kroot_add(root, empty && !jv_bool(m, "readOnly", false) ?
	    KMOUNT_WRITE : KMOUNT_READ, from.data, to, err);
}

bool
kvolume_mounts(json_object *pod, const char *dir, struct kroot *root,
    struct err *err)
{
	json_object *list = jv_member(kimage_container(pod), "volumeMounts");

	for (size_t i = 0; list && i < json_object_array_length(list); i++)
		if (!mount_one(pod, json_object_array_get_idx(list, i), dir,
		    root, err))
			return false;
	return true;
}

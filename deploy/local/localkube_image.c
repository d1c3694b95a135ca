#include "config.h"

#include "localkube_image.h"

#include "buf.h"
#include "err.h"
#include "jv.h"
#include "localkube_core.h"
#include "localkube_files.h"

#define IMAGES_MAX (1024 * 1024)
#define TEXT_MAX (4 * 1024 * 1024)

bool
kimage_find(const char *file, const char *name, json_object **ret_new,
    struct err *err)
{
	AUTO_BUF struct buf text = BUF_INIT(IMAGES_MAX);
	AUTO_JSON json_object *all = NULL;

	if (!kfiles_read(file, &text, err) ||
	    !jv_parse(text.data, text.len, JV_DEPTH_CLIENT, &all, err))
		return err_wrap(err, "images file '%s'", file);
	*ret_new = json_object_get(jv_member(all, name));
	return true;
}

json_object *
kimage_container(json_object *pod)
{
	return json_object_array_get_idx(jv_get(pod, "spec.containers"), 0);
}

const char *
kimage_field(json_object *pod, const char *path)
{
	static const char *const maps[] =
	    { "metadata.labels['", "metadata.annotations['" };
	size_t n;

	for (size_t i = 0; path && i < ARRAY_LEN(maps); i++) {
		AUTO_FREE char *key = NULL;

		n = strlen(maps[i]);
		if (strncmp(path, maps[i], n) != 0 || strlen(path) < n + 2)
			continue;
		key = mem_strndup(path + n, strlen(path) - n - 2);
		return jv_text(jv_member(jv_get(pod, i ?
		    "metadata.annotations" : "metadata.labels"), key));
	}
	return path && strlen(path) < 64 ? jv_str(pod, path) : NULL;
}

bool
kimage_value(json_object *object, bool secret, const char *key, char **ret,
    size_t *ret_len)
{
	const char *text = jv_text(jv_member(jv_member(object, "data"), key));
	bool base64 = secret;
	unsigned char *bytes;
	char *copy;

	if (!text) {
		text = jv_text(jv_member(jv_member(object, "binaryData"),
		    key));
		base64 = true;
	}
	if (!text)
		return false;
	if (!base64) {
		*ret = mem_strdup(text);
		*ret_len = strlen(text);
		return true;
	}
	if (!kcore_base64(text, &bytes, ret_len))
		return false;
	copy = mem_strndup((char *)bytes, *ret_len);
	free(bytes);
	*ret = copy;
	return true;
}

/* $(NAME) becomes the variable's value, $$ one dollar, as in Kubernetes. */
static json_object *
expand(const char *text, json_object *env)
{
	AUTO_BUF struct buf out = BUF_INIT(TEXT_MAX);
	const char *end, *value;

	for (; *text; text++) {
		if (text[0] == '$' && text[1] == '$') {
			buf_addch(&out, '$');
			text++;
			continue;
		}
		end = text[0] == '$' && text[1] == '(' ?
		    strchr(text, ')') : NULL;
		if (end) {
			AUTO_FREE char *name = mem_strndup(text + 2,
			    (size_t)(end - text) - 2);

			value = jv_text(jv_member(env, name));
			if (value) {
				buf_addstr(&out, value);
				text = end;
				continue;
			}
		}
		buf_addch(&out, *text);
	}
	return json_object_new_string_len(out.data, (int)out.len);
}

/* The named object; false with 404 and the kubelet's words. */
static bool
fetch(struct kstore *s, json_object *pod, const struct kres *res,
    const char *name, json_object **ret_new, struct err *err)
{
	AUTO_KVER struct kver *v = kstore_get(s, res,
	    jv_str(pod, "metadata.namespace"), name ? name : "");

	if (!v)
		return err_set(err, 404, "%s \"%s\" not found",
		    res->id == KRES_SECRET ? "secret" : "configmap",
		    name ? name : "");
	*ret_new = kver_json(v);
	return true;
}

static bool
from_key(struct kstore *s, json_object *pod, json_object *ref, bool secret,
    json_object *env, const char *name, struct err *err)
{
	const struct kres *res =
	    &kres_table[secret ? KRES_SECRET : KRES_CONFIGMAP];
	AUTO_JSON json_object *object = NULL;
	AUTO_FREE char *value = NULL;
	const char *key = jv_str(ref, "key");
	size_t len;

	if (!fetch(s, pod, res, jv_str(ref, "name"), &object, err) ||
	    (!kimage_value(object, secret, key ? key : "", &value, &len) &&
	    !err_set(err, 404, "couldn't find key %s in %s %s/%s",
	    key ? key : "", res->kind, jv_str(pod, "metadata.namespace"),
	    jv_str(ref, "name"))))
		return jv_bool(ref, "optional", false);
	json_object_object_add(env, name, json_object_new_string(value));
	return true;
}

static bool
add_variable(struct kstore *s, json_object *pod, json_object *item,
    json_object *env, struct err *err)
{
	const char *name = jv_str(item, "name");
	const char *value = jv_str(item, "value");
	json_object *from = jv_member(item, "valueFrom");

	if (!name || !*name || strchr(name, '='))
		return err_set(err, 500, "a variable without a proper name");
	if (jv_member(from, "secretKeyRef"))
		return from_key(s, pod, jv_member(from, "secretKeyRef"),
		    true, env, name, err);
	if (jv_member(from, "configMapKeyRef"))
		return from_key(s, pod, jv_member(from, "configMapKeyRef"),
		    false, env, name, err);
	if (jv_member(from, "fieldRef"))
		value = kimage_field(pod, jv_str(from, "fieldRef.fieldPath"));
	else if (from)
		return err_set(err, 500, "the source of variable '%s' is not "
		    "one that localkube has", name);
	json_object_object_add(env, name, expand(value ? value : "", env));
	return true;
}

static bool
add_all_of(struct kstore *s, json_object *pod, json_object *item,
    json_object *env, struct err *err)
{
	json_object *ref = jv_member(item, "secretRef");
	const char *prefix = jv_str(item, "prefix");
	bool secret = ref != NULL;
	AUTO_JSON json_object *object = NULL;

	if (!ref)
		ref = jv_member(item, "configMapRef");
	if (!fetch(s, pod, &kres_table[secret ? KRES_SECRET :
	    KRES_CONFIGMAP], jv_str(ref, "name"), &object, err))
		return jv_bool(ref, "optional", false);
	if (!jv_member(object, "data"))
		return true;
	json_object_object_foreach(jv_member(object, "data"), key, unused) {
		AUTO_BUF struct buf name = BUF_INIT(1024);
		AUTO_FREE char *value = NULL;
		size_t len;

		(void)unused;
		buf_addf(&name, "%s%s", prefix ? prefix : "", key);
		if (kimage_value(object, secret, key, &value, &len))
			json_object_object_add(env, name.data,
			    json_object_new_string(value));
	}
	return true;
}

static void
base_env(json_object *image, json_object *pod, json_object *env)
{
	const char *ip = jv_str(pod, "status.podIP");
	json_object *own = jv_member(image, "env");

	json_object_object_add(env, "PATH", json_object_new_string(
	    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
	json_object_object_add(env, "HOME", json_object_new_string("/tmp"));
	json_object_object_add(env, "HOSTNAME", json_object_new_string(
	    jv_str(pod, "metadata.name")));
	if (own) {
		json_object_object_foreach(own, key, value)
			json_object_object_add(env, key,
			    json_object_get(value));
	}
	/* Spark binds here, on this pod's own address */
	json_object_object_add(env, "SPARK_LOCAL_IP",
	    json_object_new_string(ip ? ip : "127.0.0.1"));
}

static void
add_words(json_object *argv, json_object *list, json_object *env)
{
	for (size_t i = 0; json_object_is_type(list, json_type_array) &&
	    i < json_object_array_length(list); i++) {
		const char *word = jv_text(json_object_array_get_idx(list,
		    i));

		json_object_array_add(argv, expand(word ? word : "", env));
	}
}

static bool
add_env(struct kstore *s, json_object *pod, json_object *env,
    struct err *err)
{
	json_object *c = kimage_container(pod);
	json_object *from = jv_member(c, "envFrom");
	json_object *list = jv_member(c, "env");

	for (size_t i = 0; from && i < json_object_array_length(from); i++)
		if (!add_all_of(s, pod, json_object_array_get_idx(from, i),
		    env, err))
			return false;
	for (size_t i = 0; list && i < json_object_array_length(list); i++)
		if (!add_variable(s, pod, json_object_array_get_idx(list, i),
		    env, err))
			return false;
	return true;
}

bool
kimage_command(struct kstore *s, json_object *image, json_object *pod,
    json_object **ret_env, json_object **ret_argv, struct err *err)
{
	json_object *c = kimage_container(pod);
	json_object *command = jv_member(c, "command");
	/* only what the pod declares is put for $(NAME) */
	AUTO_JSON json_object *declared = json_object_new_object();
	json_object *env, *argv;

	if (!add_env(s, pod, declared, err))
		return false;
	argv = json_object_new_array();
	add_words(argv, command ? command : jv_member(image, "entrypoint"),
	    declared);
	add_words(argv, jv_member(c, "args"), declared);
	env = json_object_new_object();
	base_env(image, pod, env);
	json_object_object_foreach(declared, key, value)
		json_object_object_add(env, key, json_object_get(value));
	*ret_argv = argv;
	*ret_env = env;
	return true;
}

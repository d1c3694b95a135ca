#include "config.h"

#include "localkube_core.h"

#include <ctype.h>

#include <openssl/evp.h>

#include "buf.h"
#include "jv.h"
#include "num.h"

#define CONFIG_KEY "a valid config key must consist of alphanumeric " \
	"characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or " \
	"'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
#define POD_IMMUTABLE "Forbidden: pod updates may not change fields other " \
	"than `spec.containers[*].image`,`spec.initContainers[*].image`," \
	"`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to " \
	"existing tolerations),`spec.terminationGracePeriodSeconds` (allow " \
	"it to be set to 1 if it was previously negative)"
#define DATA_MAX (1024 * 1024)

void
kcore_prune(const struct kres *res, json_object *o, json_object *unknown)
{
	static const char *const known[KRES_COUNT] = {
		[KRES_POD] = " spec status ",
		[KRES_CONFIGMAP] = " data binaryData immutable ",
		[KRES_SECRET] = " data stringData immutable type ",
		[KRES_LEASE] = " spec ",
		[KRES_EVENT] = " involvedObject reason message source "
		    "firstTimestamp lastTimestamp count type eventTime series "
		    "action related reportingComponent reportingInstance ",
		[KRES_NAMESPACE] = " spec status ",
	};
	char word[128];

	json_object_object_foreach(o, key, value) {
		(void)value;
		snprintf(word, sizeof word, " %.100s ", key);
		if (strstr(" kind apiVersion metadata ", word) ||
		    strstr(known[res->id], word))
			continue;
		json_object_array_add(unknown, json_object_new_string(key));
		json_object_object_del(o, key);
	}
}

bool
kcore_base64(const char *text, unsigned char **ret, size_t *ret_len)
{
	size_t len = strlen(text);
	unsigned char *out;
	int n;

	if (len % 4 != 0 || strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghij"
	    "klmnopqrstuvwxyz0123456789+/=") != len)
		return false;
	out = mem_alloc(len + 4);
	n = EVP_DecodeBlock(out, (const unsigned char *)text, (int)len);
	if (n < 0) {
		free(out);
		return false;
	}
	for (size_t i = len; i > 0 && i + 2 > len && text[i - 1] == '='; i--)
		n--;
	*ret = out;
	*ret_len = (size_t)n;
	return true;
}

static bool
undecodable(const struct kres *res, json_object *o, struct kst *st,
    const char *what)
{
	const char *kind = jv_str(o, "kind");

	return kst_set(st, 400, "BadRequest",
	    "%s in version \"%s\" cannot be handled as a %s: %s",
	    kind ? kind : res->kind, res->version, res->kind, what);
}

static const char *
json_word(json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_boolean:
		return "bool";
	case json_type_object:
		return "object";
	case json_type_array:
		return "array";
	case json_type_string:
		return "string";
	case json_type_null:
	case json_type_double:
	case json_type_int:
		return "number";
	}
	return "number";
}

/* A map of strings, each base64 if it holds bytes. */
static bool
decode_data(const struct kres *res, json_object *o, const char *field,
    bool base64, struct kst *st)
{
	json_object *map = jv_member(o, field);
	char what[256];

	if (!map)
		return true;
	if (!json_object_is_type(map, json_type_object)) {
		snprintf(what, sizeof what, "json: cannot unmarshal %s into "
		    "Go struct field %s.%s of type map[string]%s",
		    json_word(map), res->kind, field,
		    base64 ? "[]uint8" : "string");
		return undecodable(res, o, st, what);
	}
	json_object_object_foreach(map, key, value) {
		unsigned char *bytes;
		size_t n;

		(void)key;
		if (!jv_text(value)) {
			snprintf(what, sizeof what, "json: cannot unmarshal "
			    "%s into Go struct field %s.%s of type %s",
			    json_word(value), res->kind, field,
			    base64 ? "[]uint8" : "string");
			return undecodable(res, o, st, what);
		}
		if (!base64)
			continue;
		if (!kcore_base64(jv_text(value), &bytes, &n))
			return undecodable(res, o, st,
			    "illegal base64 data at input byte 0");
		free(bytes);
	}
	return true;
}

/* stringData is only written: its values become base64 in data. */
static void
fold_string_data(json_object *o)
{
	json_object *from = jv_member(o, "stringData");
	json_object *data = jv_member(o, "data");

	if (!from)
		return;
	if (!data) {
		data = json_object_new_object();
		json_object_object_add(o, "data", data);
	}
	json_object_object_foreach(from, key, value) {
		const char *text = jv_text(value);
		size_t len = strlen(text);
		unsigned char *out = mem_alloc(4 * (len / 3 + 1) + 1);

		EVP_EncodeBlock(out, (const unsigned char *)text, (int)len);
		json_object_object_add(data, key,
		    json_object_new_string((char *)out));
		free(out);
	}
	json_object_object_del(o, "stringData");
}

static bool
decode_time(const struct kres *res, json_object *o, const char *path,
    struct kst *st)
{
	const char *text = jv_str(o, path);
	char what[512];
	int64_t ms;

	if (!jv_get(o, path) || (text && num_time_ms(text, &ms)))
		return true;
	snprintf(what, sizeof what, "parsing time \"%.100s\" as \"2006-01-02T"
	    "15:04:05.000000Z07:00\": cannot parse \"%.100s\" as \"2006\"",
	    text ? text : "", text ? text : "");
	return undecodable(res, o, st, what);
}

static void
set_default(json_object *o, const char *key, json_object *take_value)
{
	if (!jv_member(o, key))
		json_object_object_add(o, key, take_value);
	else
		json_object_put(take_value);
}

static void
pod_defaults(json_object *o)
{
	json_object *spec = jv_member(o, "spec");
	json_object *list = jv_member(spec, "containers");

	if (!json_object_is_type(spec, json_type_object))
		return;
	set_default(spec, "restartPolicy", json_object_new_string("Always"));
	set_default(spec, "terminationGracePeriodSeconds",
	    json_object_new_int(30));
	set_default(spec, "dnsPolicy",
	    json_object_new_string("ClusterFirst"));
	set_default(spec, "serviceAccountName",
	    json_object_new_string("default"));
	set_default(spec, "schedulerName",
	    json_object_new_string("default-scheduler"));
	set_default(spec, "securityContext", json_object_new_object());
	set_default(spec, "enableServiceLinks", json_object_new_boolean(1));
	for (size_t i = 0; json_object_is_type(list, json_type_array) &&
	    i < json_object_array_length(list); i++) {
		json_object *c = json_object_array_get_idx(list, i);

		if (!json_object_is_type(c, json_type_object))
			continue;
		set_default(c, "resources", json_object_new_object());
		set_default(c, "terminationMessagePath",
		    json_object_new_string("/dev/termination-log"));
		set_default(c, "terminationMessagePolicy",
		    json_object_new_string("File"));
		set_default(c, "imagePullPolicy",
		    json_object_new_string("IfNotPresent"));
	}
}

bool
kcore_decode(const struct kres *res, json_object *o, struct kst *st)
{
	switch (res->id) {
	case KRES_CONFIGMAP:
		return decode_data(res, o, "data", false, st) &&
		    decode_data(res, o, "binaryData", true, st);
	case KRES_SECRET:
		if (!decode_data(res, o, "data", true, st) ||
		    !decode_data(res, o, "stringData", false, st))
			return false;
		fold_string_data(o);
		set_default(o, "type", json_object_new_string("Opaque"));
		return true;
	case KRES_POD:
		pod_defaults(o);
		return true;
	case KRES_LEASE:
		return decode_time(res, o, "spec.renewTime", st) &&
		    decode_time(res, o, "spec.acquireTime", st);
	case KRES_APP:
	case KRES_EVENT:
	case KRES_NAMESPACE:
		return true;
	}
	return true;
}

static void
check_keys(json_object *o, const char *field, json_object *causes)
{
	json_object *map = jv_member(o, field);
	size_t size = 0;
	char at[320];

	if (!json_object_is_type(map, json_type_object))
		return;
	json_object_object_foreach(map, key, value) {
		size_t ok = 0;

		while (isalnum((unsigned char)key[ok]) ||
		    (key[ok] && strchr("-_.", key[ok])))
			ok++;
		snprintf(at, sizeof at, "%s[%s]", field, key);
		if (key[ok] || ok == 0)
			kst_cause(causes, "FieldValueInvalid", at,
			    "Invalid value: \"%s\": " CONFIG_KEY, key);
		size += (size_t)json_object_get_string_len(value);
	}
	if (size > DATA_MAX)
		kst_cause(causes, "FieldValueTooLong", field,
		    "Too long: may not be more than %d bytes", DATA_MAX);
}

static void
check_pod(json_object *o, json_object *causes)
{
	json_object *list = jv_get(o, "spec.containers");
	const char *policy = jv_str(o, "spec.restartPolicy");
	size_t n = json_object_is_type(list, json_type_array) ?
	    json_object_array_length(list) : 0;
	char at[64];

	if (n == 0)
		kst_cause(causes, "FieldValueRequired", "spec.containers",
		    "Required value");
	for (size_t i = 0; i < n; i++) {
		json_object *c = json_object_array_get_idx(list, i);

		snprintf(at, sizeof at, "spec.containers[%zu].name", i);
		if (!jv_str(c, "name"))
			kst_cause(causes, "FieldValueRequired", at,
			    "Required value");
		snprintf(at, sizeof at, "spec.containers[%zu].image", i);
		if (!jv_str(c, "image"))
			kst_cause(causes, "FieldValueRequired", at,
			    "Required value");
	}
	if (n && (!policy || !strstr("|Always|OnFailure|Never|", policy)))
		kst_cause(causes, "FieldValueNotSupported",
		    "spec.restartPolicy", "Unsupported value: \"%s\": "
		    "supported values: \"Always\", \"OnFailure\", \"Never\"",
		    policy ? policy : "");
}

void
kcore_check(const struct kres *res, json_object *o, json_object *causes)
{
	switch (res->id) {
	case KRES_CONFIGMAP:
		check_keys(o, "data", causes);
		check_keys(o, "binaryData", causes);
		return;
	case KRES_SECRET:
		check_keys(o, "data", causes);
		return;
	case KRES_POD:
		check_pod(o, causes);
		return;
	case KRES_LEASE:
		if (jv_int(o, "spec.leaseDurationSeconds", 1) <= 0)
			kst_cause(causes, "FieldValueInvalid",
			    "spec.leaseDurationSeconds", "Invalid value: %lld:"
			    " must be greater than 0", (long long)
			    jv_int(o, "spec.leaseDurationSeconds", 1));
		return;
	case KRES_APP:
	case KRES_EVENT:
	case KRES_NAMESPACE:
		return;
	}
}

void
kcore_check_change(const struct kres *res, json_object *before,
    json_object *after, json_object *causes)
{
	static const char *const data[] = { "data", "binaryData", "immutable" };

	if ((res->id == KRES_CONFIGMAP || res->id == KRES_SECRET) &&
	    jv_bool(before, "immutable", false)) {
		for (size_t i = 0; i < ARRAY_LEN(data); i++)
			if (!json_object_equal(jv_member(before, data[i]),
			    jv_member(after, data[i])))
				kst_cause(causes, "FieldValueForbidden",
				    data[i], "Forbidden: field is immutable "
				    "when `immutable` is set");
	}
	if (res->id == KRES_POD && !json_object_equal(
	    jv_member(before, "spec"), jv_member(after, "spec")))
		kst_cause(causes, "FieldValueForbidden", "spec",
		    POD_IMMUTABLE);
}

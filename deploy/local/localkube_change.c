#include "config.h"

#include "localkube_api.h"

#include "err.h"
#include "jv.h"
#include "localkube_delete.h"
#include "localkube_meta.h"
#include "localkube_valid.h"

#define TRIES 20	/* of a patch that meets other writers */

#define ACCEPTED "the body of the request was in an unknown format - " \
	"accepted media types include: "

static bool
is_type(const struct kreq *rq, const char *want)
{
	size_t n = strlen(want);

	return rq->type && strncasecmp(rq->type, want, n) == 0 &&
	    (rq->type[n] == '\0' || rq->type[n] == ';' || rq->type[n] == ' ');
}

/* The body as an object of the path's kind. */
static bool
read_object(const struct kreq *rq, json_object **ret_new, struct kst *st)
{
	const struct kres *res = rq->path.res;
	struct err err = ERR_INIT;
	json_object *o = NULL;
	const char *kind, *version;
	char want[96];

	if (rq->type && !is_type(rq, "application/json"))
		return kst_set(st, 415, "UnsupportedMediaType", ACCEPTED
		    "application/json, application/yaml, "
		    "application/vnd.kubernetes.protobuf");
	if (!jv_parse(rq->body, rq->len, JV_DEPTH_KUBE, &o, &err) ||
	    !json_object_is_type(o, json_type_object)) {
		json_object_put(o);
		return kst_set(st, 400, "BadRequest", "the object provided is "
		    "unrecognized (must be of type %s): couldn't get "
		    "version/kind; json parse error: %s", res->kind,
		    err.status ? err.msg : "not an object");
	}
	*ret_new = o;
	kres_api_version(res, want);
	kind = jv_str(o, "kind");
	version = jv_str(o, "apiVersion");
	if (!kind && res->custom)
		return kst_set(st, 400, "BadRequest", "the object provided is "
		    "unrecognized (must be of type %s): Object 'Kind' is "
		    "missing", res->kind);
	if ((version || res->custom) &&
	    strcmp(version ? version : "", want) != 0)
		return kst_set(st, 400, "BadRequest", "the API version in "
		    "the data (%s) does not match the expected API version "
		    "(%s)", version ? version : "", want);
	if (kind && strcmp(kind, res->kind) != 0) {
		AUTO_JSON json_object *causes = json_object_new_array();
		const char *name = jv_str(o, "metadata.name");

		if (!res->custom)
			return kst_set(st, 400, "BadRequest", "%s in version "
			    "\"%s\" cannot be handled as a %s", kind,
			    res->version, res->kind);
		kst_cause(causes, "FieldValueInvalid", "kind",
		    "Invalid value: \"%s\": must be %s", kind, res->kind);
		return kst_invalid(st, kind, res->group, name ? name : "",
		    causes);
	}
	json_object_object_add(o, "kind", json_object_new_string(res->kind));
	json_object_object_add(o, "apiVersion", json_object_new_string(want));
	if (!json_object_is_type(jv_member(o, "metadata"), json_type_object))
		json_object_object_add(o, "metadata",
		    json_object_new_object());
	return true;
}

struct options {
	bool dry;
	enum kvalid_unknown unknown;
};

static bool
read_options(const struct kreq *rq, const char *kind, struct options *ret,
    struct kst *st)
{
	AUTO_JSON json_object *causes = json_object_new_array();
	const char *dry = kquery_get(&rq->query, "dryRun");
	const char *how = kquery_get(&rq->query, "fieldValidation");

	ret->dry = dry && *dry;
	ret->unknown = KVALID_WARN;
	if (ret->dry && strcmp(dry, "All") != 0)
		kst_cause(causes, "FieldValueNotSupported", "dryRun",
		    "Unsupported value: [\"%s\"]: supported values: \"All\"",
		    dry);
	if (how && strcmp(how, "Strict") == 0)
		ret->unknown = KVALID_STRICT;
	else if (how && strcmp(how, "Ignore") == 0)
		ret->unknown = KVALID_IGNORE;
	else if (how && *how && strcmp(how, "Warn") != 0)
		kst_cause(causes, "FieldValueNotSupported", "fieldValidation",
		    "Unsupported value: \"%s\": supported values: \"\", "
		    "\"Ignore\", \"Strict\", \"Warn\"", how);
	return json_object_array_length(causes) == 0 ||
	    kst_invalid(st, kind, "meta.k8s.io", "", causes);
}

static bool
check_place(const struct kreq *rq, json_object *o, struct kst *st)
{
	const char *ns = jv_str(o, "metadata.namespace");
	const char *name = jv_str(o, "metadata.name");

	if (ns && *ns && !rq->path.res->cluster &&
	    strcmp(ns, rq->path.ns) != 0)
		return kst_set(st, 400, "BadRequest", "the namespace of the "
		    "provided object does not match the namespace sent on "
		    "the request");
	if (*rq->path.name && name && *name &&
	    strcmp(name, rq->path.name) != 0)
		return kst_set(st, 400, "BadRequest", "the name of the object "
		    "(%s) does not match the name on the URL (%s)", name,
		    rq->path.name);
	return true;
}

static bool
store_failed(struct kst *st, const struct err *err)
{
	return kst_set(st, 500, "InternalError",
	    "Internal error occurred: %s", err->msg);
}

static void
answer(struct kreply *rp, int status, json_object *o)
{
	rp->status = status;
	buf_addstr(&rp->body, jv_print(o));
	buf_addch(&rp->body, '\n');
}

static void
start_pod(json_object *o)
{
	json_object *status = json_object_new_object();

	json_object_object_add(status, "phase",
	    json_object_new_string("Pending"));
	json_object_object_add(status, "qosClass",
	    json_object_new_string("Burstable"));
	json_object_object_add(o, "status", status);
}

static bool
create(struct kstore *s, const struct kreq *rq, json_object *o, bool dry,
    struct kreply *rp, struct kst *st)
{
	const struct kres *res = rq->path.res;
	AUTO_KVER struct kver *v = NULL;
	struct err err = ERR_INIT;
	const char *name;

	kmeta_new(res, o, rq->path.ns);
	if (res->id == KRES_NAMESPACE)
		kdelete_fill_namespace(o);
	if (!kvalid_object(res, o, st))
		return false;
	if (res->id == KRES_POD)
		start_pod(o);
	name = jv_str(o, "metadata.name");
	if (dry) {
		v = kstore_get(s, res, rq->path.ns, name);
		if (v)
			return kst_exists(st, res, name);
		answer(rp, 201, o);
		return true;
	}
	if (!res->cluster && !kdelete_need_namespace(s, rq->path.ns, &err))
		return store_failed(st, &err);
	switch (kstore_write(s, res, NULL, o, &v, &err)) {
	case KSTORE_EXISTS:
	case KSTORE_CHANGED:
		return kst_exists(st, res, name);
	case KSTORE_FAILED:
		return store_failed(st, &err);
	case KSTORE_OK:
		break;
	}
	answer(rp, 201, o);
	return true;
}

bool
kapi_create(struct kstore *s, const struct kreq *rq, struct kreply *rp,
    struct kst *st)
{
	AUTO_JSON json_object *o = NULL;
	struct options opt;
	const char *rv;

	if (!read_options(rq, "CreateOptions", &opt, st) ||
	    !read_object(rq, &o, st) || !check_place(rq, o, st))
		return false;
	rv = jv_str(o, "metadata.resourceVersion");
	if (rv && *rv)
		return kst_set(st, 500, "", "resourceVersion should not be "
		    "set on objects to be created");
	rp->warnings = json_object_new_array();
	return kvalid_prune(rq->path.res, o, /* patched= */ false, opt.unknown,
	    rp->warnings, st) && create(s, rq, o, opt.dry, rp, st);
}

/* What a PATCH is: a merge of objects; lists are replaced. */
static bool
read_patch(const struct kreq *rq, json_object **ret_new, struct kst *st)
{
	struct err err = ERR_INIT;

	if (!is_type(rq, "application/merge-patch+json") &&
	    (rq->path.res->custom ||
	    !is_type(rq, "application/strategic-merge-patch+json"))) {
		if (rq->path.res->custom)
			return kst_set(st, 415, "UnsupportedMediaType",
			    ACCEPTED "application/json-patch+json, "
			    "application/merge-patch+json, "
			    "application/apply-patch+yaml");
		kst_set(st, 415, "UnsupportedMediaType",
		    "415: Unsupported Media Type");
		return kst_add_details(st, NULL, NULL);
	}
	if (!jv_parse(rq->body, rq->len, JV_DEPTH_KUBE, ret_new, &err) ||
	    !json_object_is_type(*ret_new, json_type_object))
		return kst_set(st, 400, "BadRequest",
		    "error decoding patch: %s",
		    err.status ? err.msg : "not an object");
	return true;
}

/* The wanted object's own version and uid must be those that are there. */
static bool
check_version(const struct kreq *rq, const struct kver *v, json_object *want,
    struct kst *st)
{
	const struct kres *res = rq->path.res;
	AUTO_JSON json_object *causes = NULL;
	const char *rv = jv_str(want, "metadata.resourceVersion");
	const char *uid = jv_str(want, "metadata.uid");
	char now[24], plural[160];

	snprintf(now, sizeof now, "%lld", (long long)v->rv);
	if (rv && *rv && strcmp(rv, now) != 0)
		return kst_modified(st, res, v->name);
	if (res->custom && (!rv || !*rv)) {
		causes = json_object_new_array();
		kres_plural(res, plural);
		kst_cause(causes, "FieldValueInvalid",
		    "metadata.resourceVersion",
		    "Invalid value: 0: must be specified for an update");
		return kst_invalid(st, res->plural, res->group, v->name,
		    causes);
	}
	if (uid && *uid && strcmp(uid, v->uid) != 0) {
		if (strcmp(rq->method, "PATCH") != 0)
			return kst_precondition(st, res, v->name,
			    ": StorageError: invalid object, Code: 4, "
			    "AdditionalErrorMsg: Precondition failed: UID in "
			    "precondition does not match UID in object meta");
		causes = json_object_new_array();
		kst_cause(causes, "FieldValueInvalid", "metadata.uid",
		    "Invalid value: \"%s\": field is immutable", uid);
		return kst_invalid(st, res->kind, res->group, v->name,
		    causes);
	}
	return true;
}

/* The main resource keeps its status, the status resource all but it. */
static json_object *
combine(const struct kres *res, bool status, json_object *before,
    json_object *want)
{
	json_object *base = status ? kmeta_copy(before) : kmeta_copy(want);
	json_object *from = status ? want : before;

	if (!res->status)
		return base;
	if (jv_member(from, "status"))
		json_object_object_add(base, "status",
		    kmeta_copy(jv_member(from, "status")));
	else
		json_object_object_del(base, "status");
	return base;
}

/* One try; *ret_again: someone else wrote in between. */
static bool
change(struct kstore *s, const struct kreq *rq, json_object *given,
    const struct options *opt, bool *ret_again, struct kreply *rp,
    struct kst *st)
{
	const struct kres *res = rq->path.res;
	bool patch = strcmp(rq->method, "PATCH") == 0;
	AUTO_KVER struct kver *v = kstore_get(s, res, rq->path.ns,
	    rq->path.name);
	AUTO_KVER struct kver *now = NULL;
	AUTO_JSON json_object *before = NULL, *want = NULL, *after = NULL;
	struct err err = ERR_INIT;
	const char *rv;

	*ret_again = false;
	if (!v)
		return kst_not_found(st, res, rq->path.name);
	before = kver_json(v);
	want = patch ? kmeta_merge(kmeta_copy(before), given) :
	    kmeta_copy(given);
	if (!check_place(rq, want, st) || !check_version(rq, v, want, st) ||
	    !kvalid_prune(res, want, patch, opt->unknown, rp->warnings, st))
		return false;
	after = combine(res, *rq->path.sub, before, want);
	kmeta_keep(res, before, after);
	if (!kvalid_object(res, after, st) ||
	    !kvalid_change(res, before, after, st))
		return false;
	if (opt->dry || json_object_equal(before, after)) {
		answer(rp, 200, after);
		return true;
	}
	switch (kdelete_or_write(s, v, after, &now, &err)) {
	case KSTORE_CHANGED:
	case KSTORE_EXISTS:
		rv = jv_str(given, "metadata.resourceVersion");
		*ret_again = !rv || !*rv;
		return kst_modified(st, res, rq->path.name);
	case KSTORE_FAILED:
		return store_failed(st, &err);
	case KSTORE_OK:
		break;
	}
	answer(rp, 200, after);
	return true;
}

bool
kapi_change(struct kstore *s, const struct kreq *rq, struct kreply *rp,
    struct kst *st)
{
	bool patch = strcmp(rq->method, "PATCH") == 0;
	AUTO_JSON json_object *given = NULL;
	struct options opt;
	bool again = true, ok = false;

	if (!read_options(rq, patch ? "PatchOptions" : "UpdateOptions", &opt,
	    st))
		return false;
	if (patch ? !read_patch(rq, &given, st) :
	    !read_object(rq, &given, st))
		return false;
	rp->warnings = json_object_new_array();
	for (int i = 0; again && i < TRIES; i++)
		ok = change(s, rq, given, &opt, &again, rp, st);
	if (ok)
		kst_release(st);
	return ok;
}

#include "config.h"

#include "localkube_api.h"

#include "err.h"
#include "jv.h"
#include "localkube_delete.h"
#include "num.h"

struct options {
	int64_t grace_s;	/* -1: the object's own */
	const char *policy;
	const char *uid, *rv;	/* preconditions, or NULL */
	bool dry;
};

static bool
check_policy(const char *policy, struct kst *st)
{
	AUTO_JSON json_object *causes = NULL;

	if (!policy || strcmp(policy, "Background") == 0 ||
	    strcmp(policy, "Foreground") == 0 ||
	    strcmp(policy, "Orphan") == 0)
		return true;
	causes = json_object_new_array();
	kst_cause(causes, "FieldValueNotSupported", "propagationPolicy",
	    "Unsupported value: \"%s\": supported values: \"Foreground\", "
	    "\"Background\", \"Orphan\", \"nil\"", policy);
	return kst_invalid(st, "DeleteOptions", "meta.k8s.io", "", causes);
}

/* From the body, else from the query; strings are lent by both. */
static bool
read_options(const struct kreq *rq, json_object **ret_body,
    struct options *ret, struct kst *st)
{
	struct err err = ERR_INIT;
	const char *dry = kquery_get(&rq->query, "dryRun");

	if (rq->len > 0 && !jv_parse(rq->body, rq->len, JV_DEPTH_CLIENT,
	    ret_body, &err))
		return kst_set(st, 500, "", "couldn't get version/kind; json "
		    "parse error: %s", err.msg);
	if (!kapi_int(rq, "gracePeriodSeconds", -1, &ret->grace_s, st))
		return false;
	ret->grace_s = jv_int(*ret_body, "gracePeriodSeconds", ret->grace_s);
	ret->policy = jv_str(*ret_body, "propagationPolicy");
	if (!ret->policy)
		ret->policy = kquery_get(&rq->query, "propagationPolicy");
	ret->uid = jv_str(*ret_body, "preconditions.uid");
	ret->rv = jv_str(*ret_body, "preconditions.resourceVersion");
	ret->dry = (dry && *dry) || jv_get(*ret_body, "dryRun");
	return check_policy(ret->policy, st);
}

static bool
check_preconditions(const struct options *opt, const struct kver *v,
    struct kst *st)
{
	char now[24], text[512];

	snprintf(now, sizeof now, "%lld", (long long)v->rv);
	if (opt->uid && strcmp(opt->uid, v->uid) != 0) {
		snprintf(text, sizeof text, ": the UID in the precondition "
		    "(%.100s) does not match the UID in record (%s). The "
		    "object might have been deleted and then recreated",
		    opt->uid, v->uid);
		return kst_precondition(st, v->res, v->name, text);
	}
	if (opt->rv && strcmp(opt->rv, now) != 0) {
		snprintf(text, sizeof text, ": the ResourceVersion in the "
		    "precondition (%.100s) does not match the ResourceVersion"
		    " in record (%s). The object might have been modified",
		    opt->rv, now);
		return kst_precondition(st, v->res, v->name, text);
	}
	return true;
}

static bool
delete_one(struct kstore *s, struct kver *v, const struct options *opt,
    struct kst *st)
{
	bool foreground = opt->policy && strcmp(opt->policy,
	    "Foreground") == 0;
	struct err err = ERR_INIT;

	if (opt->dry)
		return true;
	if (opt->policy && strcmp(opt->policy, "Orphan") == 0)
		kdelete_orphan(s, v->uid);
	if (v->res->id == KRES_NAMESPACE)
		kdelete_contents(s, v->name);
	if (kdelete_object(s, v, opt->grace_s, foreground, &err) ==
	    KSTORE_FAILED)
		return kst_set(st, 500, "InternalError",
		    "Internal error occurred: %s", err.msg);
	return true;
}

bool
kapi_delete(struct kstore *s, const struct kreq *rq, struct kreply *rp,
    struct kst *st)
{
	const struct kpath *path = &rq->path;
	AUTO_JSON json_object *body = NULL, *done = NULL;
	AUTO_KVER struct kver *v = NULL;
	AUTO_KVER struct kver *left = NULL;
	struct options opt;

	if (!read_options(rq, &body, &opt, st))
		return false;
	v = kstore_get(s, path->res, path->ns, path->name);
	if (!v)
		return kst_not_found(st, path->res, path->name);
	if (!check_preconditions(&opt, v, st) || !delete_one(s, v, &opt, st))
		return false;
	left = kstore_get(s, path->res, path->ns, path->name);
	rp->status = 200;
	if (left && strcmp(left->uid, v->uid) == 0) {
		buf_add(&rp->body, left->text, left->len);
	} else if (path->res->id == KRES_POD) {
		buf_add(&rp->body, v->text, v->len);
	} else {
		done = kst_deleted(path->res, v->name, v->uid);
		buf_addstr(&rp->body, jv_print(done));
	}
	buf_addch(&rp->body, '\n');
	return true;
}

static bool
delete_all(struct kstore *s, const struct kreq *rq, struct kpick *pick,
    const struct options *opt, struct kst *st)
{
	struct kstore_page page;
	bool ok = true;

	kstore_list(s, rq->path.res, *rq->path.ns ? rq->path.ns : NULL, NULL,
	    NULL, 0, kpick_match, pick, &page);
	for (size_t i = 0; ok && i < page.n; i++)
		ok = delete_one(s, page.v[i], opt, st);
	kstore_page_release(&page);
	return ok;
}

bool
kapi_delete_all(struct kstore *s, const struct kreq *rq, struct kreply *rp,
    struct kst *st)
{
	AUTO_JSON json_object *body = NULL;
	struct kpick pick = { 0 };
	struct options opt;
	bool ok;

	if (!read_options(rq, &body, &opt, st))
		return false;
	/* the answer is the list as it was before */
	ok = kapi_list(s, rq, rp, st) && kpick_parse(rq, &pick, st) &&
	    delete_all(s, rq, &pick, &opt, st);
	kpick_release(&pick);
	return ok;
}

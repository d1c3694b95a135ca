#include "config.h"

#include "localkube_route.h"

#include "err.h"
#include "jv.h"
#include "localkube_delete.h"
#include "localkube_logs.h"
#include "localkube_watch.h"

static const char version[] =
    "{\n  \"major\": \"1\",\n  \"minor\": \"34\",\n"
    "  \"gitVersion\": \"v1.34.0-localkube\",\n"
    "  \"gitCommit\": \"\",\n  \"gitTreeState\": \"\",\n"
    "  \"buildDate\": \"1970-01-01T00:00:00Z\",\n"
    "  \"goVersion\": \"\",\n  \"compiler\": \"gcc\",\n"
    "  \"platform\": \"linux/amd64\"\n}";

const char *
kroute_open_page(const char *uri, const char **ret_type)
{
	static const char *const probes[] =
	    { "/livez", "/readyz", "/healthz" };
	size_t n = strcspn(uri, "?");

	if (n == strlen("/version") && strncmp(uri, "/version", n) == 0) {
		*ret_type = "application/json";
		return version;
	}
	for (size_t i = 0; i < ARRAY_LEN(probes); i++)
		if (n == strlen(probes[i]) &&
		    strncmp(uri, probes[i], n) == 0) {
			*ret_type = "text/plain; charset=utf-8";
			return "ok";
		}
	return NULL;
}

static bool
no_resource(struct kst *st)
{
	kst_set(st, 404, "NotFound",
	    "the server could not find the requested resource");
	return kst_add_details(st, NULL, NULL);
}

static const char *
verb(const char *method)
{
	static const char *const table[][2] = {
		{ "POST", "create" }, { "PUT", "update" },
		{ "PATCH", "patch" }, { "DELETE", "delete" },
		{ "GET", "get" }, { "HEAD", "get" },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (strcmp(table[i][0], method) == 0)
			return table[i][1];
	return method;
}

static bool
on_collection(struct kstore *s, struct kreq *rq, const char *uri,
    const struct kfault *fault, struct kreply *rp,
    struct kstream **ret_stream, struct kst *st)
{
	const struct kpath *path = &rq->path;

	if (strcmp(rq->method, "GET") == 0)
		return kquery_true(&rq->query, "watch") ?
		    kwatch_open(s, rq, uri, fault, ret_stream, st) :
		    kapi_list(s, rq, rp, st);
	if (strcmp(rq->method, "PUT") == 0 && path->res->custom)
		return kst_set(st, 400, "BadRequest", "name must be provided");
	if (!*path->ns && !path->res->cluster)
		return kst_method(st, path->res, verb(rq->method));
	if (strcmp(rq->method, "POST") == 0)
		return kapi_create(s, rq, rp, st);
	if (strcmp(rq->method, "DELETE") == 0)
		return kapi_delete_all(s, rq, rp, st);
	return kst_method(st, path->res, verb(rq->method));
}

static bool
on_object(struct kstore *s, struct kreq *rq, struct kreply *rp,
    struct kst *st)
{
	struct err err = ERR_INIT;

	if (rq->path.res->id == KRES_NAMESPACE &&
	    strcmp(rq->method, "GET") == 0 &&
	    !kdelete_need_namespace(s, rq->path.name, &err))
		return no_resource(st);
	if (strcmp(rq->method, "GET") == 0)
		return kapi_get(s, rq, rp, st);
	if (strcmp(rq->method, "PUT") == 0 ||
	    strcmp(rq->method, "PATCH") == 0)
		return kapi_change(s, rq, rp, st);
	if (strcmp(rq->method, "DELETE") == 0)
		return kapi_delete(s, rq, rp, st);
	if (strcmp(rq->method, "POST") == 0 && rq->path.res->custom)
		return kapi_create(s, rq, rp, st);
	return kst_method(st, rq->path.res, verb(rq->method));
}

bool
kroute(struct kstore *s, struct kreq *rq, const char *uri,
    const struct kfault *fault, struct kreply *rp,
    struct kstream **ret_stream, struct kst *st)
{
	const struct kpath *path = &rq->path;

	if (!*path->name)
		return on_collection(s, rq, uri, fault, rp, ret_stream, st);
	if (!*path->ns && !path->res->cluster)
		return no_resource(st);
	if (!*path->sub)
		return on_object(s, rq, rp, st);
	if (path->res->id == KRES_POD && strcmp(path->sub, "log") == 0 &&
	    strcmp(rq->method, "GET") == 0)
		return klogs_open(s, rq, rp, ret_stream, st);
	if (path->res->status && strcmp(path->sub, "status") == 0) {
		if (strcmp(rq->method, "POST") == 0 ||
		    strcmp(rq->method, "DELETE") == 0)
			return kst_method(st, path->res, verb(rq->method));
		return on_object(s, rq, rp, st);
	}
	if (path->res->custom)
		return kst_not_found(st, path->res, path->name);
	return no_resource(st);
}

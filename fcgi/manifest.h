/*
 * What a request becomes: the SparkApplication that its kind's template makes
 * of it, with the gateway's own metadata put over that. Pure.
 */
#ifndef MANIFEST_H
#define MANIFEST_H

#include <json-c/json.h>

#include "app.h"

struct conf;
struct err;

struct manifest {
	enum app_kind kind;
	int32_t id;
	const char *owner;	/* "" = nobody signed in */
	const char *request_id;
	json_object *vars;	/* the request's, of batch_req.h or
				 * session_req.h; its proxyUser is the one
				 * that access_proxy_user has decided on */
	json_object *labels;	/* more than the common ones, or NULL */
	json_object *notes;	/* the same for annotations */
};

/*
 * Renders the template for the request's variables, this application's own
 * (id, appName, user, gateway, namespace) and the site's, and sets name,
 * namespace, labels and annotations.
 */
bool manifest_render(const struct conf *conf, const struct manifest *of,
    json_object **ret_new, struct err *err) MUST_CHECK;
/*
 * The same with what decided each field (see tmpl_explain): *ret_fields_new
 * has, by the field's path, a sentence.
 */
bool manifest_explain(const struct conf *conf, const struct manifest *of,
    json_object **ret_new, json_object **ret_fields_new, struct err *err)
    MUST_CHECK;

/* An object with each variable that a kind's template may name (for -t). */
json_object *manifest_known(const struct conf *conf, enum app_kind kind);
/* The same with a value for each. */
json_object *manifest_sample(json_object *known);

#endif

#include "config.h"

#include "session_secret.h"

#include "app.h"
#include "buf.h"
#include "err.h"
#include "gw.h"
#include "jv.h"
#include "kube.h"
#include "session_token.h"

#define KEY_NAME "token"	/* in the Secret, for the template */

static json_object *
object(const struct gw *gw, const struct app *app, const struct app_text *text,
    const char *token)
{
	char name[KUBE_LABEL_MAX + 1];
	json_object *o, *data = json_object_new_object();

	snprintf(name, sizeof name, "%s" SESSION_SECRET_SUFFIX, text->object);
	o = gw_object(gw->conf, "v1", "Secret", name, "");
	gw_set_owner(o, text->object, app->uid);
	json_object_object_add(o, "immutable", json_object_new_boolean(true));
	jv_set_str(data, KEY_NAME, token);
	json_object_object_add(o, "stringData", data);
	return o;
}

bool
session_secret_offer(struct gw *gw, const struct app *app,
    const struct app_text *text, int64_t deadline_ms, bool *ret_made,
    struct err *err)
{
	AUTO_BUF struct buf path = BUF_INIT(1024);
	AUTO_JSON json_object *body = NULL;
	struct kube_req rq = { .method = "POST", .deadline_ms = deadline_ms };
	char token[SESSION_TOKEN_HEX + 1];
	enum kube_result r;

	if (!session_token(gw, app, text, token, err))
		return false;
	body = object(gw, app, text, token);
	explicit_bzero(token, sizeof token);
	kube_path_core(&path, text->ns, "secrets", NULL);
	rq.path = path.data;
	rq.body = body;
	r = kube_call(gw->kube, &rq, NULL, NULL, err);
	if (ret_made)
		*ret_made = r == KUBE_OK;
	return r == KUBE_OK || r == KUBE_EXISTS || err_wrap(err,
	    "cannot make the token's Secret of session %d", (int)app->id);
}

/*
 * Making an application: takes an id, creates the object, and settles what
 * has become of it when the API server's answer does not say. Used by the
 * creating handlers of batches and sessions; it holds no state.
 */
#ifndef CREATE_H
#define CREATE_H

#include <json-c/json.h>

#include "app.h"
#include "defs.h"

struct err;
struct gw;
struct item;
struct request;

#define CREATE_WATCH_BEHIND \
	"the watch of the cluster lags behind this server's own writes"

struct creation {
	struct gw *gw;
	const struct request *rq;
	enum app_kind kind;
	json_object *vars;	/* the request's; "name" is looked at here */
	json_object *labels;	/* as in manifest.h, or NULL */
	json_object *notes;
};

/* What would be created with this id; a trial refuses what cannot be. */
bool create_manifest(const struct creation *c, int32_t id,
    json_object **ret_new, struct err *err) MUST_CHECK;

/*
 * True: it exists, readers of this replica see it, and ret is its view. On
 * failure either nothing is left, or the sentence says that this is unknown.
 */
bool create_app(const struct creation *c, struct item *ret, struct err *err)
    MUST_CHECK;

#endif

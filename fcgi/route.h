/*
 * Paths to handlers: one table of path, method and handler. 404 for a path
 * that is in no row, 405 with Allow for a method that is not.
 */
#ifndef ROUTE_H
#define ROUTE_H

#include "app.h"
#include "defs.h"

struct err;
struct gw;
struct reply;
struct request;

/* What the path named; handlers of items get the decoded {id}. */
struct target {
	enum app_kind kind;
	char id[APP_NAME_MAX + 1];	/* decoded text of {id}; "" = none */
	char sub[APP_NAME_MAX + 1];	/* decoded text of {sid}; "" = none */
};

/*
 * Answers one request: fills rp, or fails with err. Never both.
 */
bool route_request(struct gw *gw, const struct request *rq, struct reply *rp,
    struct err *err) MUST_CHECK;

#endif

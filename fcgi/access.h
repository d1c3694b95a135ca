/*
 * Who may do what: Livy's rules (contract, section 5). With access control
 * off, everyone who signed in may view and modify everything.
 */
#ifndef ACCESS_H
#define ACCESS_H

#include <json-c/json.h>

#include "defs.h"

struct conf;
struct err;
struct request;

/*
 * The proxyUser that a create runs as: the request's when impersonation is
 * on and it may, NULL otherwise. 403 with Livy's words when it may not.
 */
bool access_proxy_user(const struct conf *conf, const struct request *rq,
    const char *wanted, const char **ret, struct err *err) MUST_CHECK;

#endif

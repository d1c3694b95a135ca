/*
 * Who may do what: Livy's rules (contract, section 5). With access control
 * off, everyone who signed in may view and modify everything. Pure.
 */
#ifndef ACCESS_H
#define ACCESS_H

#include "app.h"
#include "defs.h"

struct conf;
struct err;
struct request;

/*
 * The proxyUser that a create runs as: doAs, or else the body's wish, or
 * else the caller, where impersonation is on; "" where it is off. 403 with
 * Livy's words when the caller may not be that user.
 */
bool access_proxy_user(const struct conf *conf, const struct request *rq,
    const char *wanted, char ret[APP_NAME_MAX + 1], struct err *err)
    MUST_CHECK;
/* A read or a delete: doAs, where it counts, must be allowed. */
bool access_do_as(const struct conf *conf, const struct request *rq,
    struct err *err) MUST_CHECK;

#endif

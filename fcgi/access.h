/*
 * Who may do what: Livy's rules (contract, section 5). With access control
 * off, everyone who signed in may view and modify everything. Nobody in
 * particular (no sign-in at all) may do everything. Pure.
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
/* Whether who asks is let in at all; 403 as Livy's filter answers. */
bool access_enter(const struct conf *conf, const struct request *rq,
    struct err *err) MUST_CHECK;

enum access_right {
	ACCESS_MODIFY,
	ACCESS_VIEW,		/* its log and its statements */
};
/*
 * Whether the caller, or who doAs says, has a right to an application. 403
 * in Livy's words when the caller may not be that user, else {}.
 */
bool access_check(const struct conf *conf, const struct request *rq,
    const struct app_text *of, enum access_right right, struct err *err)
    MUST_CHECK;
/* The first half of that: doAs, where it counts, must be allowed. */
bool access_do_as(const struct conf *conf, const struct request *rq,
    struct err *err) MUST_CHECK;
/* The second: false instead of an error. */
bool access_may(const struct conf *conf, const struct request *rq,
    const struct app_text *of, enum access_right right);
/* Whether that depends on whose it is: if not, all logs may be seen. */
bool access_by_owner(const struct conf *conf, const struct request *rq);

#endif

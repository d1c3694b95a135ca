#include "config.h"

#include "access.h"

#include "conf.h"
#include "err.h"
#include "request.h"

/* Nobody in particular (no sign-in at all) may be anybody, as in Livy. */
static bool
may_be(const struct request *rq, const char *target, struct err *err)
{
	if (!rq->user[0] || strcmp(rq->user, target) == 0)
		return true;
	return err_set(err, 403, "User '%s' not allowed to impersonate "
	    "'Some(%s)'.", rq->user, target);
}

bool
access_proxy_user(const struct conf *conf, const struct request *rq,
    const char *wanted, char ret[APP_NAME_MAX + 1], struct err *err)
{
	char as[APP_NAME_MAX + 1];
	const char *target;

	*ret = '\0';
	if (!conf->impersonation)
		return true;
	target = request_param(rq, "doAs", as, sizeof as);
	if (!target)
		target = wanted ? wanted : rq->user;
	if (strlen(target) > APP_NAME_MAX)
		return err_set(err, 400, "Rejected, Reason: a proxyUser of "
		    "%zu bytes is longer than %d", strlen(target),
		    APP_NAME_MAX);
	if (!may_be(rq, target, err))
		return false;
	memcpy(ret, target, strlen(target) + 1);
	return true;
}

bool
access_do_as(const struct conf *conf, const struct request *rq,
    struct err *err)
{
	char as[APP_NAME_MAX + 1];

	return !conf->impersonation ||
	    !request_param(rq, "doAs", as, sizeof as) || may_be(rq, as, err);
}

#include "config.h"

#include "access.h"

#include "conf.h"
#include "err.h"
#include "request.h"

static bool
listed(const struct conf_list *list, const char *user)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i], "*") == 0 ||
		    strcmp(list->items[i], user) == 0)
			return true;
	return false;
}

/* Superusers count with access control off, too, as in Livy. */
static bool
may_be(const struct conf *conf, const struct request *rq, const char *target,
    struct err *err)
{
	if (!rq->user[0] || strcmp(rq->user, target) == 0 ||
	    listed(&conf->superusers, rq->user))
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
	if (!may_be(conf, rq, target, err))
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
	    !request_param(rq, "doAs", as, sizeof as) ||
	    may_be(conf, rq, as, err);
}

/* A right to whatever is there. */
static bool
may_all(const struct conf *conf, const char *user, enum access_right right)
{
	return !*user || listed(&conf->superusers, user) ||
	    listed(&conf->modify_users, user) ||
	    (right == ACCESS_VIEW && listed(&conf->view_users, user));
}

bool
access_enter(const struct conf *conf, const struct request *rq,
    struct err *err)
{
	if (!conf->access_control || listed(&conf->allowed_users, rq->user) ||
	    may_all(conf, rq->user, ACCESS_VIEW))
		return true;
	err_set(err, 403, "User not authorised to use Livy.");
	err->shape = ERR_PAGE;
	return false;
}

/* Whose rights count: those of doAs, where it is allowed, or the caller's. */
static const char *
asker(const struct conf *conf, const struct request *rq,
    char as[APP_NAME_MAX + 1])
{
	const char *name = conf->impersonation ?
	    request_param(rq, "doAs", as, APP_NAME_MAX + 1) : NULL;
	struct err err = ERR_INIT;

	return name && may_be(conf, rq, name, &err) ? name : rq->user;
}

bool
access_by_owner(const struct conf *conf, const struct request *rq)
{
	char as[APP_NAME_MAX + 1];

	return conf->access_control &&
	    !may_all(conf, asker(conf, rq, as), ACCESS_VIEW);
}

bool
access_may(const struct conf *conf, const struct request *rq,
    const struct app_text *of, enum access_right right)
{
	char as[APP_NAME_MAX + 1];
	const char *user;

	if (!conf->access_control)
		return true;
	user = asker(conf, rq, as);
	return may_all(conf, user, right) ||
	    (of->owner && strcmp(of->owner, user) == 0) ||
	    (of->proxy_user && strcmp(of->proxy_user, user) == 0);
}

bool
access_check(const struct conf *conf, const struct request *rq,
    const struct app_text *of, enum access_right right, struct err *err)
{
	return access_do_as(conf, rq, err) && (access_may(conf, rq, of,
	    right) || err_shaped(err, 403, ERR_OBJECT));
}

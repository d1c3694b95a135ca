#include "config.h"

#include "server.h"

#include "cache.h"
#include "cred.h"
#include "gw.h"
#include "reply.h"
#include "request.h"

#define TYPE_TEXT "text/plain;charset=utf-8"
/* As Livy's metrics servlet says them. */
#define TYPE_PONG "text/plain;charset=iso-8859-1"
#define TYPE_METRICS "application/json"

/* Clients parse "version" and choose Livy's protocol of that release. */
bool
server_version(struct gw *gw UNUSED, const struct request *rq UNUSED,
    const struct target *t UNUSED, struct reply *rp, struct err *err UNUSED)
{
	buf_addstr(&rp->body, "{\"url\":\"" PACKAGE_NAME "\","
	    "\"branch\":\"v" PACKAGE_VERSION "\",\"revision\":\"\","
	    "\"version\":\"0.9.0-incubating\",\"date\":\"\","
	    "\"user\":\"\"}");
	return true;
}

/* A Host header comes from the client: only what looks like one is sent. */
static bool
is_host(const char *s)
{
	return *s && strspn(s, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]") == strlen(s);
}

bool
server_root(struct gw *gw UNUSED, const struct request *rq,
    const struct target *t UNUSED, struct reply *rp, struct err *err UNUSED)
{
	rp->status = 302;
	if (is_host(rq->host))
		reply_location(rp, "%s://%s%s/ui",
		    strcmp(rq->scheme, "https") == 0 ? "https" : "http",
		    rq->host, rq->prefix);
	else
		reply_location(rp, "/ui");
	return true;
}

/* What Livy's metrics servlet says to those who ask whether it is there. */
bool
server_ping(struct gw *gw UNUSED, const struct request *rq UNUSED,
    const struct target *t UNUSED, struct reply *rp, struct err *err UNUSED)
{
	rp->type = TYPE_PONG;
	buf_addstr(&rp->body, "pong\n");
	return true;
}

/* Livy's registry, in which nothing registers. */
bool
server_no_metrics(struct gw *gw UNUSED, const struct request *rq UNUSED,
    const struct target *t UNUSED, struct reply *rp, struct err *err UNUSED)
{
	rp->type = TYPE_METRICS;
	buf_addstr(&rp->body, "{\"version\":\"3.1.3\",\"gauges\":{},"
	    "\"counters\":{},\"histograms\":{},\"meters\":{},"
	    "\"timers\":{}}");
	return true;
}

/* Livy has no checks, and says so; ours is /readyz. */
bool
server_no_checks(struct gw *gw UNUSED, const struct request *rq UNUSED,
    const struct target *t UNUSED, struct reply *rp, struct err *err UNUSED)
{
	rp->status = 501;
	rp->type = TYPE_METRICS;
	buf_addstr(&rp->body, "{}");
	return true;
}

bool
server_ready(struct gw *gw, const struct request *rq UNUSED,
    const struct target *t UNUSED, struct reply *rp, struct err *err UNUSED)
{
	struct cache_health health;
	const char *why = NULL;

	cache_health(gw->cache, &health);
	if (atomic_load(&gw->cred->generation) == 0)
		why = "there is no cluster credential yet";
	else if (!health.synced)
		why = "the applications are being listed";
	rp->type = TYPE_TEXT;
	rp->status = why ? 503 : 200;
	rp->retry_after_s = why ? 1 : 0;
	buf_addf(&rp->body, "%s\n", why ? why : "ok");
	return true;
}

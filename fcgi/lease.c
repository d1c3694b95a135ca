#include "config.h"

#include "lease.h"

#include <sys/random.h>
#include <unistd.h>

#include "app.h"
#include "buf.h"
#include "conf.h"
#include "err.h"
#include "gw.h"
#include "ids.h"
#include "jv.h"
#include "kube.h"
#include "num.h"

#define CALL_MS 5000	/* bound of one call; well below LEASE_S */

void
lease_replica(char *ret, size_t size)
{
	char host[64] = "";
	uint64_t chance = 0;

	gethostname(host, sizeof host - 1);
	/* in containers of one host both of the others may be the same */
	if (getrandom(&chance, sizeof chance, 0) != sizeof chance)
		chance = (uint64_t)num_mono_ms();
	snprintf(ret, size, "%s_%d_%lld_%016llx", host, (int)getpid(),
	    (long long)num_wall_ms(), (unsigned long long)chance);
}

void
lease_init(struct lease *l, const char *replica)
{
	*l = (struct lease){ 0 };
	snprintf(l->me, sizeof l->me, "%s", replica);
}

bool
lease_is_ours(const struct lease *l)
{
	return l->held_ms &&
	    num_mono_ms() - l->held_ms < LEASE_S * 1000 - CALL_MS;
}

static void
path_of(const struct conf *conf, bool item, struct buf *path)
{
	buf_addf(path, "/apis/coordination.k8s.io/v1/namespaces/%s/leases%s",
	    ids_home(conf), item ? "/" : "");
	if (item)
		buf_addf(path, "livy-%s-leader", conf->gateway);
}

static json_object *
object(const struct conf *conf, const struct lease *l, const char *holder)
{
	json_object *spec = json_object_new_object();
	char name[KUBE_LABEL_MAX + 1];
	char now[40];
	json_object *o;

	snprintf(name, sizeof name, "livy-%s-leader", conf->gateway);
	num_microtime_text(num_wall_ms(), now);
	o = gw_object(conf, "coordination.k8s.io/v1", "Lease", name, l->rv);
	if (*holder)
		jv_set_str(spec, "holderIdentity", holder);
	json_object_object_add(spec, "leaseDurationSeconds",
	    json_object_new_int(*holder ? LEASE_S : 1));
	jv_set_str(spec, "acquireTime", now);
	jv_set_str(spec, "renewTime", now);
	json_object_object_add(spec, "leaseTransitions",
	    json_object_new_int64(l->transitions));
	json_object_object_add(o, "spec", spec);
	return o;
}

static void
copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from ? from : "");
}

/* Notes what the API server holds, and when we saw it change. */
static void
note(struct lease *l, json_object *o)
{
	const char *renewed = jv_str(o, "spec.renewTime");
	const char *holder = jv_str(o, "spec.holderIdentity");

	if (strcmp(l->renewed, renewed ? renewed : "") != 0 ||
	    strcmp(l->holder, holder ? holder : "") != 0)
		l->changed_ms = num_mono_ms();
	copy(l->renewed, sizeof l->renewed, renewed);
	copy(l->holder, sizeof l->holder, holder);
	copy(l->rv, sizeof l->rv, jv_str(o, "metadata.resourceVersion"));
	l->transitions = jv_int(o, "spec.leaseTransitions", 0);
}

static enum kube_result
call(struct gw *gw, struct lease *l, const char *method, const char *holder,
    struct err *err)
{
	AUTO_BUF struct buf path = BUF_INIT(1024);
	AUTO_JSON json_object *body = NULL;
	AUTO_JSON json_object *answer = NULL;
	struct kube_req rq = { .method = method,
		.deadline_ms = num_mono_ms() + CALL_MS };
	enum kube_result result;

	path_of(gw->conf, strcmp(method, "POST") != 0, &path);
	if (holder)
		body = object(gw->conf, l, holder);
	rq.path = path.data;
	rq.body = body;
	result = kube_call(gw->kube, &rq, &answer, NULL, err);
	if (result == KUBE_OK)
		note(l, answer);
	return result;
}

static bool
write_ours(struct gw *gw, struct lease *l, bool *ret_held, struct err *err)
{
	int64_t asked = num_mono_ms();
	enum kube_result result;

	if (!l->held_ms)
		l->transitions++;
	result = call(gw, l, *l->rv ? "PUT" : "POST", l->me, err);
	*ret_held = result == KUBE_OK;
	l->held_ms = *ret_held ? asked : 0;
	if (*ret_held)
		l->asked_ms = 0;
	if (result == KUBE_OK || result == KUBE_CONFLICT ||
	    result == KUBE_EXISTS || result == KUBE_NOT_FOUND)
		return true;
	return err_wrap(err, "cannot write the lease");
}

bool
lease_hold(struct gw *gw, struct lease *l, bool *ret_held, struct err *err)
{
	enum kube_result result;

	if (lease_is_ours(l)) {
		*ret_held = true;
		if (num_mono_ms() - l->held_ms < LEASE_RENEW_MS)
			return true;
		return write_ours(gw, l, ret_held, err);
	}
	*ret_held = false;
	if (l->asked_ms && num_mono_ms() - l->asked_ms < LEASE_LOOK_MS)
		return true;	/* it was another's */
	l->asked_ms = num_mono_ms();
	result = call(gw, l, "GET", NULL, err);
	if (result == KUBE_NOT_FOUND)
		l->rv[0] = l->holder[0] = '\0';
	else if (result != KUBE_OK)
		return err_wrap(err, "cannot read the lease");
	if (*l->holder && strcmp(l->holder, l->me) != 0 &&
	    num_mono_ms() - l->changed_ms < LEASE_S * 1000)
		return true;
	return write_ours(gw, l, ret_held, err);
}

void
lease_release(struct gw *gw, struct lease *l)
{
	struct err ignored = ERR_INIT;

	if (!lease_is_ours(l))
		return;
	/* kept by mistake, it ends by itself after LEASE_S */
	if (call(gw, l, "PUT", "", &ignored) != KUBE_OK)
		l->rv[0] = '\0';
	l->held_ms = 0;
}

#include "config.h"

#include "auth.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "buf.h"
#include "conf.h"
#include "cred.h"
#include "err.h"
#include "gw.h"
#include "kubeconf.h"
#include "log.h"
#include "num.h"

#define REREAD_MS 5000		/* while the source is well */
#define RETRY_MS 200		/* first try after a failure; then doubled */
#define RETRY_MAX_MS 10000
#define LOOK_MS 100		/* how soon a refused credential is noticed */
#define REFUSED_MS 500		/* reads that 401s may cause: one in these */

static bool
load_kubeconfig(const struct conf *conf, struct cred *ret, char source[256],
    char *ret_namespace, struct err *err)
{
	AUTO_FREE char *found = NULL;
	const char *path = conf->kubeconfig;

	if (!path || !*path)
		path = found = kubeconf_default_path();
	if (!path)
		return err_set(err, 500, "there is no service account, no "
		    "kubeconfig setting, and no file at $KUBECONFIG or "
		    "~/.kube/config");
	if (source)
		snprintf(source, 256, "kubeconfig %s", path);
	return kubeconf_load(path, conf->context ? conf->context : "", ret,
	    ret_namespace, err);
}

bool
auth_load(const struct conf *conf, struct cred *ret, char source[256],
    char ret_namespace[KUBE_LABEL_MAX + 1], struct err *err)
{
	bool in_cluster = false;

	switch (conf->credential) {
	case CREDENTIAL_AUTO:
		in_cluster = (!conf->kubeconfig || !*conf->kubeconfig) &&
		    kubeconf_is_in_cluster(KUBECONF_SERVICE_ACCOUNT);
		break;
	case CREDENTIAL_IN_CLUSTER:
		in_cluster = true;
		break;
	case CREDENTIAL_KUBECONFIG:
		break;
	}
	if (!in_cluster)
		return load_kubeconfig(conf, ret, source, ret_namespace, err);
	if (source)
		snprintf(source, 256, "%s",
		    "the pod's service account");
	return kubeconf_in_cluster(KUBECONF_SERVICE_ACCOUNT, ret,
	    ret_namespace, err);
}

/* What the loop remembers from read to read. */
struct keeper {
	const struct gw *gw;
	struct cred *cred;	/* being read; kept out of core dumps */
	char complaint[ERR_MSG_MAX]; /* logged last; "" = all is well */
	int64_t retry_ms;	/* 0 = all is well */
};

static void
refresh(struct keeper *k)
{
	struct cred_shm *shm = k->gw->cred;
	uint32_t before = atomic_load(&shm->generation);
	struct err err = ERR_INIT;
	char source[256] = "";

	if (!auth_load(k->gw->conf, k->cred, source, NULL, &err)) {
		if (strcmp(k->complaint, err.msg) != 0)
			log_warn("cannot read the cluster's credential, %s: %s",
			    before ? "the last one stays in use" :
			    "there is none yet", err.msg);
		memcpy(k->complaint, err.msg, sizeof k->complaint);
		k->retry_ms = k->retry_ms ? k->retry_ms * 2 : RETRY_MS;
		if (k->retry_ms > RETRY_MAX_MS)
			k->retry_ms = RETRY_MAX_MS;
		return;
	}
	cred_publish(shm, k->cred);
	if (atomic_load(&shm->generation) != before || *k->complaint)
		log_info("credential %u for %s from %s",
		    (unsigned)atomic_load(&shm->generation), k->cred->server,
		    source);
	k->complaint[0] = '\0';
	k->retry_ms = 0;
	explicit_bzero(k->cred, sizeof *k->cred);
}

/*
 * Whether users met a 401 with the credential of now; a warning once for
 * each, since the next read may well bring the same.
 */
static bool
was_refused(struct cred_shm *shm, uint32_t *warned)
{
	uint32_t refused = atomic_exchange(&shm->refused, 0);

	if (refused == 0 || refused != atomic_load(&shm->generation))
		return false;
	if (*warned != refused)
		log_warn("the Kubernetes API server refuses credential %u; "
		    "reading it again", (unsigned)refused);
	*warned = refused;
	return true;
}

static void
set_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	signal(SIGTERM, SIG_DFL);	/* nothing to tidy up */
	signal(SIGQUIT, SIG_DFL);
	signal(SIGINT, SIG_IGN);	/* the master's to act on */
	signal(SIGHUP, SIG_IGN);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
}

void
auth_main(const struct gw *gw)
{
	struct keeper k = { .gw = gw,
		.cred = shm_map(sizeof *k.cred, /* secret= */ true) };
	struct timespec look = { .tv_nsec = LOOK_MS * 1000000L };
	pid_t parent = getppid();
	uint32_t warned = 0;
	int64_t last_ms = 0, age_ms;
	bool refused = false;

	log_role("auth");
	set_signals();
	while (getppid() == parent) {
		age_ms = num_mono_ms() - last_ms;
		refused = was_refused(gw->cred, &warned) || refused;
		if (last_ms == 0 || (refused && age_ms >= REFUSED_MS) ||
		    age_ms >= (k.retry_ms ? k.retry_ms : REREAD_MS)) {
			refresh(&k);
			last_ms = num_mono_ms();
			refused = false;
		}
		nanosleep(&look, NULL);
	}
	exit(0);
}

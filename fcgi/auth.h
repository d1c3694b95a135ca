/*
 * The auth process: obtains the cluster credential, refreshes it, and
 * publishes it in shared memory. The source is read again each few seconds,
 * so a token that rotates is in use well before the old one ends, and at
 * once when a user met a 401. A source that cannot be read keeps the last
 * credential, with one warning a reason and back-off.
 */
#ifndef AUTH_H
#define AUTH_H

#include "defs.h"

struct conf;
struct cred;
struct err;
struct gw;

/* Runs until SIGTERM, or until the process that forked it is gone. */
void auth_main(const struct gw *gw) NORETURN;

/*
 * Reads the credential from where the configuration says: the process above,
 * -t. "auto" is a kubeconfig that is named, else the pod's service account,
 * else the default kubeconfig. source (may be NULL) gets its name, for a log
 * line; ret_namespace (may be NULL) that source's own namespace.
 */
bool auth_load(const struct conf *conf, struct cred *ret, char source[256],
    char ret_namespace[KUBE_LABEL_MAX + 1], struct err *err) MUST_CHECK;

#endif

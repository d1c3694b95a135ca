/*
 * Reads a credential from its source: the in-cluster service account's files
 * or a kubeconfig (YAML by libyaml, of which JSON is a part): server with a
 * base path, certificate-authority(-data), token, tokenFile,
 * client-certificate(-data), client-key(-data), tls-server-name, proxy-url,
 * insecure-skip-tls-verify. Relative paths are relative to the kubeconfig.
 * What would sign in as somebody else if it were passed over (exec,
 * auth-provider, username, impersonation) is refused. Plain http is taken
 * for a server on this machine only.
 * Run by the auth process, -t and localspark. Errors name file and field and
 * never hold a secret.
 */
#ifndef KUBECONF_H
#define KUBECONF_H

#include "defs.h"

struct buf;
struct cred;
struct err;

#define KUBECONF_SERVICE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"

/* context "" = current-context; namespace (may be NULL) gets the context's. */
bool kubeconf_load(const char *path, const char *context, struct cred *ret,
    char ret_namespace[KUBE_LABEL_MAX + 1], struct err *err) MUST_CHECK;
/*
 * dir: KUBECONF_SERVICE_ACCOUNT, but for tests. The server comes from
 * $KUBERNETES_SERVICE_HOST and _PORT.
 */
bool kubeconf_in_cluster(const char *dir, struct cred *ret,
    char ret_namespace[KUBE_LABEL_MAX + 1], struct err *err) MUST_CHECK;
/* Whether this process seems to run in a pod with a service account. */
bool kubeconf_is_in_cluster(const char *dir);
/*
 * The first file of $KUBECONFIG's list that exists, ~/.kube/config; NULL if
 * there is none. Caller frees.
 */
char *kubeconf_default_path(void);

/*
 * For kubeconf*.c: a whole file that must fit the buffer, and the checks on
 * a credential wherever it comes from. what names file and field.
 */
bool kubeconf_read(const char *path, const char *what, struct buf *ret,
    struct err *err) MUST_CHECK;
bool kubeconf_check_pem(const char *pem, const char *what, struct err *err)
    MUST_CHECK;
bool kubeconf_take_token(const char *text, size_t len, const char *what,
    struct cred *ret, struct err *err) MUST_CHECK;

#endif

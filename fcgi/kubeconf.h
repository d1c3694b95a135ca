/*
 * Reads a credential from its source: the in-cluster service account's files
 * or a kubeconfig (YAML by libyaml, of which JSON is a part): server with a
 * base path, certificate-authority(-data), token, tokenFile,
 * client-certificate(-data), client-key(-data), tls-server-name,
 * insecure-skip-tls-verify. Relative paths are relative to the kubeconfig.
 * Run by the auth process, -t and localspark. Errors name file and field and
 * never hold a secret.
 */
#ifndef KUBECONF_H
#define KUBECONF_H

#include "defs.h"

struct cred;
struct err;

/* context "" = current-context; namespace (may be NULL) gets the context's. */
bool kubeconf_load(const char *path, const char *context, struct cred *ret,
    char ret_namespace[KUBE_LABEL_MAX + 1], struct err *err) MUST_CHECK;
/* dir: /var/run/secrets/kubernetes.io/serviceaccount, but for tests. */
bool kubeconf_in_cluster(const char *dir, struct cred *ret,
    char ret_namespace[KUBE_LABEL_MAX + 1], struct err *err) MUST_CHECK;
/* $KUBECONFIG, ~/.kube/config; NULL if neither is there. Caller frees. */
char *kubeconf_default_path(void);

#endif

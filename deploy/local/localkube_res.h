/*
 * The resources that localkube serves, and the paths of requests taken apart.
 * One row a resource: adding a kind is adding a row. Pure.
 */
#ifndef LOCALKUBE_RES_H
#define LOCALKUBE_RES_H

#include "defs.h"

enum kres_id {
	KRES_APP, KRES_POD, KRES_CONFIGMAP, KRES_SECRET, KRES_LEASE,
	KRES_EVENT, KRES_NAMESPACE,
};
#define KRES_COUNT 7

struct kres {
	enum kres_id id;
	const char *group;	/* "" = core */
	const char *version;
	const char *plural;
	const char *kind;
	bool custom;		/* of a CRD: stricter and other words */
	bool generation;	/* metadata.generation counts spec changes */
	bool status;		/* has a status subresource */
	bool cluster;		/* not namespaced */
};

extern const struct kres kres_table[KRES_COUNT];

/* "sparkapplications.sparkoperator.k8s.io", "pods": as messages name it. */
void kres_plural(const struct kres *res, char ret[160]);
void kres_kind(const struct kres *res, char ret[160]);	/* likewise the kind */
void kres_api_version(const struct kres *res, char ret[96]);

/* A request's path. Strings are decoded, "" where the path has no such part. */
struct kpath {
	const struct kres *res;
	char ns[KUBE_LABEL_MAX + 1];
	char name[KUBE_NAME_MAX + 16];	/* with scheme and port for a proxy */
	char sub[32];
	const char *rest;	/* raw text after the subresource, or NULL */
};

enum kpath_result {
	KPATH_OK,
	KPATH_NO_PAGE,		/* no such group: a plain 404 */
	KPATH_NO_RESOURCE,	/* known group, unknown resource: a Status */
};
/* raw: the path without the query, as the client sent it. */
enum kpath_result kpath_parse(const char *raw, struct kpath *ret);

#define KQUERY_MAX 24
struct kquery {
	size_t n;
	char *key[KQUERY_MAX];
	char *value[KQUERY_MAX];
};
void kquery_parse(const char *raw, struct kquery *ret);	/* NULL: none */
void kquery_release(struct kquery *q);
const char *kquery_get(const struct kquery *q, const char *key);
bool kquery_true(const struct kquery *q, const char *key);

/* Decodes %XX (and + in a query); NULL if malformed or holding a NUL. */
char *kpath_decode(const char *raw, size_t len, bool plus);

#endif

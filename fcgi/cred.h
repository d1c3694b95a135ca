/*
 * The cluster credential: where the API server is and how to sign in there.
 * The auth process is the only writer; workers and the watcher copy it out
 * when its generation changes. It lives in memory that is kept out of core
 * dumps (and in libcurl's buffers while a request is sent); no log, argv or
 * reply ever holds it.
 */
#ifndef CRED_H
#define CRED_H

#include "defs.h"
#include "shm.h"

#define CRED_URL_MAX 1024
#define CRED_PEM_MAX 65536
#define CRED_TOKEN_MAX 16384

struct cred {
	char server[CRED_URL_MAX];	/* base URL, maybe with a path; no / */
	char tls_name[KUBE_NAME_MAX + 1]; /* tls-server-name; "" = the host */
	char ca[CRED_PEM_MAX];		/* PEM; "" = the system's */
	char cert[CRED_PEM_MAX];	/* client certificate PEM; "" = none */
	char key[CRED_PEM_MAX];
	char token[CRED_TOKEN_MAX];	/* bearer token; "" = none */
	char proxy[CRED_URL_MAX];	/* proxy-url; "" = none, whatever the
					 * environment says */
	bool insecure;			/* insecure-skip-tls-verify */
};

struct cred_shm {
	struct seq seq;
	_Atomic uint32_t generation;	/* 0 until the first one is there */
	_Atomic uint32_t refused;	/* generation that met a 401; 0 */
	_Atomic int64_t refreshed_ms;	/* monotonic, of the last good read */
	struct cred cred;
};

/* The auth process publishes; same contents keep the generation. */
void cred_publish(struct cred_shm *shm, const struct cred *cred);
/* Copies the current credential; generation 0 and false while there is none. */
bool cred_copy(const struct cred_shm *shm, struct cred *ret,
    uint32_t *ret_generation) MUST_CHECK;
/* A user met a 401 with this generation: auth reads the source again. */
void cred_refused(struct cred_shm *shm, uint32_t generation);

#endif

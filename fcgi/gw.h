/*
 * What a handler may use: the process's view of the whole gateway. Filled by
 * the master before it forks; kube and cache are opened by each process for
 * itself afterwards.
 */
#ifndef GW_H
#define GW_H

#include "defs.h"

struct cache;
struct conf;
struct cred_shm;
struct feed;
struct json_object;
struct kube;
struct own;
struct session_agent;
struct session_keys;
struct slots;
struct tail;

struct gw {
	const struct conf *conf;
	char *secret;			/* of the installation */
	char replica[128];		/* who we are to other replicas */
	const struct session_keys *session_keys;
	const struct session_agent *agent;
	int listen_fd;			/* non-blocking */
	int64_t peer_uid;		/* of nginx; -1 = any may connect */
	/* shared memory, mapped once by the master */
	struct cred_shm *cred;
	struct slots *slots;
	void *cache_mem;
	void *own_mem;
	void *ids_mem;
	void *feed_mem;
	int feed_poke;			/* an eventfd: wakes the feeder */
	void *tail_mem;
	int tail_fd;			/* wakes the tailer */
	/* this process's own */
	int slot;			/* a worker's; -1 elsewhere */
	struct cache *cache;
	struct own *own;
	struct feed *feed;
	struct kube *kube;
	struct kube *agents;		/* for calls to drivers */
	struct tail *tail;
};

/*
 * A new object of the gateway's own (counter, reservation, lease), with its
 * label. rv "" = one that is not there yet.
 */
struct json_object *gw_object(const struct conf *conf, const char *version,
    const char *kind, const char *name, const char *rv);
/* Makes it one that goes when the application of that name and uid does. */
void gw_set_owner(struct json_object *o, const char *name, const char *uid);
/* A client of the API server with the configured bounds, for one process. */
struct kube *gw_client(const struct gw *gw);

#endif

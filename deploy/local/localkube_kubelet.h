/*
 * The kubelet: follows the pods in the store, runs each by a shim, writes
 * their status. One thread; pods outlive it, and it takes up again those
 * that it finds.
 */
#ifndef LOCALKUBE_KUBELET_H
#define LOCALKUBE_KUBELET_H

#include "localkube_store.h"

struct err;

struct kkubelet_conf {
	struct kstore *store;
	const char *dir;	/* localkube's own folder, hidden from pods */
	const char *pods;	/* in it: one folder a pod */
	const char *images;
	uint32_t net;		/* pods' addresses: these bits */
	int net_bits;
};

void kkubelet_start(const struct kkubelet_conf *conf);
void kkubelet_stop(void);	/* the thread; pods run on */

/* Ends every pod whose folder is there, without a kubelet: for "down". */
bool kkubelet_end_all(const char *pods, struct err *err) MUST_CHECK;

#endif

/*
 * Starting one pod: folder, address, root, shim. For the kubelet.
 */
#ifndef LOCALKUBE_POD_H
#define LOCALKUBE_POD_H

#include <json-c/json.h>

#include "localkube_kubelet.h"

struct buf;

/*
 * An address for a pod: no two on this machine get the same one, whichever
 * localkube gave it, because a socket's name is held with it. -1: none left.
 */
int kpod_take_address(const struct kkubelet_conf *conf, char ret_ip[16]);
/* Takes a certain one again, after a restart; -1: it is taken. */
int kpod_hold_address(const char *ip);

/*
 * Makes volumes and environment and starts the shim. False with 404 while
 * something referred to is missing (ret_reason: what the pod then waits in).
 */
bool kpod_start(const struct kkubelet_conf *conf, json_object *pod,
    json_object *image, int lock_fd, pid_t *ret_shim,
    const char **ret_reason, struct err *err) MUST_CHECK;

/* The pod's folder under conf->pods. */
void kpod_dir(const struct kkubelet_conf *conf, const char *uid,
    struct buf *ret);

#endif

/*
 * What the master sets up before it forks: the lock against a second
 * gateway on the same socket, the FastCGI socket, its pid file, the
 * installation's secret, and the user that everything runs as.
 */
#ifndef LISTEN_H
#define LISTEN_H

#include "defs.h"

struct conf;
struct err;

/*
 * A listening unix socket at conf->socket (its folder is made where it is
 * missing, mode 0750), owned and moded as configured, non-blocking. A
 * leftover of a dead gateway is replaced; a living one is an error.
 */
bool listen_open(const struct conf *conf, int *ret_fd, struct err *err)
    MUST_CHECK;
void listen_close(const struct conf *conf, int fd);
/* Reads the secret; refuses one that others may read, or that is short. */
bool listen_secret(const struct conf *conf, char **ret_new, struct err *err)
    MUST_CHECK;
/* The uid of conf->nginx_user, -1 for any. */
int64_t listen_peer(const struct conf *conf);
/* Leaves root for conf->user and group, if there is root to leave. */
bool listen_drop(const struct conf *conf, struct err *err) MUST_CHECK;

#endif

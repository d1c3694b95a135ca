/*
 * The HTTP side of localkube: TLS, bearer tokens, routes, answers. One thread
 * a connection, so that a watch may simply wait.
 */
#ifndef LOCALKUBE_HTTP_H
#define LOCALKUBE_HTTP_H

#include "localkube_store.h"

struct err;
struct khttp;

struct khttp_conf {
	const char *address;	/* of the loopback network */
	uint16_t port;		/* 0: any */
	const char *cert, *key;	/* PEM text */
	const char *tokens;	/* lines of token,user,... */
	bool control;		/* serve /localkube/faults */
	struct kstore *store;
};

/* conf and what it points at must live as long as the server. */
struct khttp *khttp_start(const struct khttp_conf *conf, uint16_t *ret_port,
    struct err *err) MUST_CHECK;
void khttp_stop(struct khttp *h);	/* ends streams, waits for them */

#endif

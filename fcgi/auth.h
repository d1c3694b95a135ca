/*
 * The auth process: obtains the cluster credential, refreshes it (each
 * minute, when its files change, when a user met a 401), and publishes it in
 * shared memory. A source that cannot be read keeps the last credential,
 * with a warning and back-off.
 */
#ifndef AUTH_H
#define AUTH_H

#include "defs.h"

struct gw;

void auth_main(const struct gw *gw) NORETURN;

#endif

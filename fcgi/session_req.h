/*
 * The body of POST /sessions, read as Livy reads it (contract 1.5, 2.1), and
 * what its views show of it later. Pure.
 */
#ifndef SESSION_REQ_H
#define SESSION_REQ_H

#include <json-c/json.h>

#include "defs.h"

struct buf;
struct asker;
struct conf;
struct err;

/*
 * Reads and checks a body of len bytes, as by asks (see conf_policy, which
 * adds its variables). *ret_vars is an object with a member
 * for each of Livy's fields: kind (its canonical word), jars, pyFiles, files,
 * archives, driverMemory, driverCores, executorMemory, executorCores,
 * numExecutors, queue, name, proxyUser, conf, heartbeatTimeoutInSecond, ttl,
 * idleTimeout (null = unset or empty), and what the last three mean here, in
 * ms, 0 = never: heartbeatMs, ttlMs, idleMs. *ret_echo is an object of what
 * was asked for, as it was asked for.
 */
bool session_req_parse(const struct conf *conf, const struct asker *by,
    const char *body, size_t len, json_object **ret_vars,
    json_object **ret_echo, struct err *err)
    MUST_CHECK;

/* Each variable that comes of a request, with a value where one is sure. */
json_object *session_req_known(void);

/*
 * Appends the view's members from ttl on, for the text of an echo (NULL, or
 * one that is no echo: nothing was asked for): "ttl":null,…,"queue":null
 */
void session_req_echo(const char *echo, struct buf *out);

#endif

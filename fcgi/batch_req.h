/*
 * The body of POST /batches, read as Livy reads it: its coercions, its
 * refusals and their words (contract 1.4, 2.1), and the variables that a
 * template may use; and the manifest that comes of them. Pure.
 */
#ifndef BATCH_REQ_H
#define BATCH_REQ_H

#include <json-c/json.h>

#include "defs.h"

struct conf;
struct err;

/*
 * Reads and checks a body of len bytes. *ret_vars is an object with a member
 * for each known field: file, className, args, jars, pyFiles, files,
 * archives, driverMemory, driverCores, executorMemory, executorCores,
 * numExecutors, queue, name, proxyUser, conf (null = unset or empty), and
 * type (Python, Java, R), which the file's suffix decides.
 */
bool batch_req_parse(const struct conf *conf, const char *body, size_t len,
    json_object **ret_vars, struct err *err) MUST_CHECK;

/*
 * Renders the manifest for vars, this batch's own (id, appName, user,
 * gateway, namespace) and the site's, and puts the gateway's metadata over
 * it: name, labels, annotations. proxyUser in vars is the one that
 * access_proxy_user has decided on.
 */
bool batch_manifest(const struct conf *conf, json_object *vars, int32_t id,
    const char *owner, const char *request_id, json_object **ret_new,
    struct err *err) MUST_CHECK;

/* An object with each variable a batch template may name (for -t). */
json_object *batch_req_known(const struct conf *conf);

#endif

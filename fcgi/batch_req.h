/*
 * The body of POST /batches, read as Livy reads it: its coercions, its
 * refusals and their words (contract 1.4, 2.1), and the variables that a
 * template may use. Pure.
 */
#ifndef BATCH_REQ_H
#define BATCH_REQ_H

#include <json-c/json.h>

#include "defs.h"

struct asker;
struct conf;
struct err;

/*
 * Reads and checks a body of len bytes, as by asks (see conf_policy, which
 * adds its variables). *ret_vars is an object with a member
 * for each known field: file, className, args, jars, pyFiles, files,
 * archives, driverMemory, driverCores, executorMemory, executorCores,
 * numExecutors, queue, name, proxyUser, conf (null = unset or empty), and
 * type (Python, Java, R), which the file's suffix decides.
 */
bool batch_req_parse(const struct conf *conf, const struct asker *by,
    const char *body, size_t len, json_object **ret_vars, struct err *err)
    MUST_CHECK;

/* Each variable that comes of a request, with a value where one is sure. */
json_object *batch_req_known(void);

#endif

/*
 * The body of a request: read whole within its path's limit and decoded, or,
 * of an upload, left with nginx for request_take(). Part of request.c's job.
 */
#ifndef BODY_H
#define BODY_H

#include "defs.h"

struct conf;
struct err;
struct request;
struct FCGX_Request;

/*
 * False with err: as it came with good = false, where the body is only taken
 * out of the way; else for one that is cut off, too long or badly coded.
 */
bool body_read(struct request *rq, struct FCGX_Request *fcgi,
    const struct conf *conf, bool good, struct err *err) MUST_CHECK;

#endif

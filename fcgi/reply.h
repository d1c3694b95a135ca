/*
 * The answer: status, headers and body collected, written once as CGI.
 * Livy's header set is added to each. Owned by the worker, reused.
 */
#ifndef REPLY_H
#define REPLY_H

#include "buf.h"
#include "defs.h"

struct err;
struct request;
struct FCGX_Request;

struct reply {
	int status;
	const char *type;	/* static; JSON by default */
	const char *allow;	/* static; or NULL */
	int retry_after_s;	/* 0 = none */
	char location[512];	/* "" = none */
	struct buf head;	/* made by reply_send() */
	struct buf body;
};

void reply_init(struct reply *rp, size_t limit);
void reply_release(struct reply *rp);
void reply_clear(struct reply *rp);	/* 200, no body, JSON */
void reply_location(struct reply *rp, const char *fmt, ...) PRINTF(2, 3);
/* {"msg":"text"} with this status. */
void reply_msg(struct reply *rp, int status, const char *text);
/* Replaces whatever was there by the error of rq in Livy's shape. */
void reply_err(struct reply *rp, const struct request *rq,
    const struct err *err);
/* Sends it; false if the peer went away. */
bool reply_send(struct reply *rp, const struct request *rq,
    struct FCGX_Request *fcgi) MUST_CHECK;

#endif

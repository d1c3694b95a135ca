/*
 * One FastCGI request, read whole and checked at the edge: parameters that
 * nginx sets, the identity it vouches for, path and query, and the body.
 * Owned by the worker, reused from request to request.
 */
#ifndef REQUEST_H
#define REQUEST_H

#include "buf.h"
#include "defs.h"
#include "params.h"

struct conf;
struct err;
struct FCGX_Request;
struct FCGX_Stream;

#define REQUEST_PATH_MAX 4096	/* bytes of a path, still encoded */
#define REQUEST_QUERY_MAX 16384

/* What is left with nginx of an upload's body. */
struct request_rest {
	struct FCGX_Stream *in;
	int64_t left;
};

struct request {
	struct params params;	/* lent from libfcgi until the answer is out */
	char id[40];		/* X-Request-ID, nginx's $request_id */
	char method[16];	/* after overrides; HEAD is GET here */
	char sent_method[16];	/* as sent */
	char path[REQUEST_PATH_MAX]; /* raw path, no query, encoded */
	char query[REQUEST_QUERY_MAX];
	char user[256];		/* LIVY_USER; "" = nobody */
	char groups[512];
	char auth[32];		/* LIVY_AUTH: "bearer", "basic", "none" … */
	char remote[64];
	char host[256];		/* Host header, for absolute redirects */
	char scheme[8];
	char content_type[128];
	char accept[256];
	char idempotency_key[256];
	char prefix[128];	/* path under which nginx serves us, or "" */
	struct buf body;	/* an upload's is empty */
	struct request_rest rest;
	struct request_rest *upload; /* its body, to be taken; else NULL */
	int64_t start_ms;	/* monotonic */
	int64_t deadline_ms;	/* monotonic: calls of this request end */
	bool head;		/* HEAD: as GET, without the body */
	bool old_client;	/* it fails on fields that Livy 0.7 had not */
	bool observer;		/* it only looks: no sign of a client's life */
};

void request_init(struct request *rq);
void request_release(struct request *rq);
/*
 * Reads a request. False with a reply to send (400, 401, 403, 413 …); a
 * broken record stream is 400 as well, whoever is still there to read it.
 */
bool request_read(struct request *rq, struct FCGX_Request *fcgi,
    const struct conf *conf, const char *secret, struct err *err) MUST_CHECK;

/*
 * The next bytes of an upload, at most size; *ret_len is 0 at its end. It is
 * as long as was announced, or this fails (400).
 */
bool request_take(const struct request *rq, char *ret, size_t size,
    size_t *ret_len, struct err *err) MUST_CHECK;
/* Drops what no handler took: left unread it would break the answer's way. */
void request_drain(const struct request *rq);

/*
 * A query parameter, decoded into ret; NULL if it is not there or longer
 * than ret, "" if it has no value. The first of several counts, as in Livy.
 */
const char *request_param(const struct request *rq, const char *name,
    char *ret, size_t size);
/*
 * An integer parameter as Livy reads it (Java's Integer.parseInt);
 * 400 For input string: "x" otherwise.
 */
bool request_int(const struct request *rq, const char *name, int32_t fallback,
    int32_t *ret, struct err *err) MUST_CHECK;

/* Takes name for the method: upper case, HEAD as GET. */
void request_method(struct request *rq, const char *name);

/* Percent-decodes in to out; false for bad escapes, NUL, or no room. */
bool request_decode(const char *in, size_t len, char *out, size_t size)
    MUST_CHECK;

#endif

/*
 * The wire below kube.h: one attempt at one request by libcurl, with the
 * credential of the moment. Only kube*.c and those that reach drivers
 * (agent.c, feeder.c) use it.
 */
#ifndef KUBE_HTTP_H
#define KUBE_HTTP_H

#include <curl/curl.h>
#include <sys/types.h>

#include "cred.h"
#include "kube.h"
#include "kube_status.h"

/* What comes from the credential; kept out of core dumps. */
struct kube_secret {
	struct cred cred;
	char authorization[CRED_TOKEN_MAX + 32]; /* header line; "" = none */
};

struct kube {
	struct kube_opts opts;
	CURL *easy;
	CURLM *multi;			/* holds the kept connection */
	struct curl_slist *connect_to;	/* for tls-server-name; or NULL */
	struct kube_secret *secret;
	uint32_t generation;		/* of the secret; 0 = none yet */
	char base[CRED_URL_MAX + 300];	/* URL that paths are put behind */
	char host[CRED_URL_MAX];	/* "host:port", for messages */
	char host_header[CRED_URL_MAX + 8]; /* "Host: …"; "" = curl's own */
	char errbuf[CURL_ERROR_SIZE];
};

/* Takes over a newer credential; false and AWAY's error if there is none. */
bool kube_credential(struct kube *k, struct err *err) MUST_CHECK;

/* A body that is read as it is sent, in chunks: its length may be unknown. */
struct kube_upload {
	/* Fills data with at most len bytes; 0 at the end, -1 to give up. */
	ssize_t (*read)(void *arg, char *data, size_t len);
	void *arg;
};

struct kube_http {
	const char *origin;		/* instead of the API server, without
					 * its credential; NULL = the server */
	const char *header;		/* one more header line; or NULL */
	const char *mark;		/* a header to look for; or NULL */
	const struct kube_upload *upload; /* instead of body; or NULL */
	bool close;			/* the connection is not kept */
	bool share;			/* it may carry others at once: HTTP/2 */
	const char *method;
	const char *path;
	const char *body;		/* NULL = none */
	const char *content_type;
	const char *accept;
	int64_t timeout_ms;		/* of it all; 0 = the stream's own */
	size_t limit;			/* bytes of an answer kept */
	const struct kube_stream *stream; /* or NULL: collect the answer */
};

/* An attempt under way. Stays where it is from start to end. */
struct kube_transfer {
	struct kube *k;
	const struct kube_http *rq;	/* lives as long, as its strings do */
	struct kube_answer *answer;
	int64_t last_ms;	/* when a byte came */
	bool open;		/* a stream's 200 is there */
	bool stopped;		/* by a callback: the stream ended well */
	bool full;		/* the answer is past its limit */
	char accept[80], type[80];	/* header lines */
	struct curl_slist headers[7];
};

/*
 * One attempt; ret is filled in any case, body released by the caller.
 * True if it is a whole 2xx answer (or a stream that ended well).
 */
bool kube_http(struct kube *k, const struct kube_http *rq,
    struct kube_answer *ret);

/*
 * The same in steps, for who drives several in one multi handle: start (no
 * end is needed after a false), look up now and then (false: end it now),
 * end with libcurl's result.
 */
bool kube_http_start(struct kube *k, const struct kube_http *rq,
    struct kube_answer *ret, struct kube_transfer *t) MUST_CHECK;
bool kube_http_look_up(struct kube_transfer *t) MUST_CHECK;
bool kube_http_end(struct kube_transfer *t, CURLcode rc);

/*
 * A lane of k for requests beside one another: an easy handle of its own in
 * the multi handle of k, whose credential it shares. Sync it before each
 * start, after kube_credential(k).
 */
struct kube *kube_lane_new(struct kube *k);
void kube_lane_free(struct kube *lane);
void kube_lane_sync(struct kube *lane, const struct kube *k);

#endif

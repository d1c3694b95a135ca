/*
 * Calls to a session's agent in its driver, by the pod's address or through
 * the API server's pod proxy, as a worker makes them: one at a time, each
 * bounded. The feeder makes its requests by the same agent_http. What a
 * driver answers is untrusted: read it with agent_say.h.
 */
#ifndef AGENT_H
#define AGENT_H

#include "buf.h"
#include "defs.h"
#include "kube_http.h"
#include "session_token.h"

struct app;
struct cache_view;
struct conf;
struct err;
struct gw;
struct request;

/* The port of a session's agent, which the setting may no longer name. */
int agent_port(const struct gw *gw, const struct app *app);

/* Where a session's agent is. */
struct agent_at {
	char ns[KUBE_LABEL_MAX + 1];
	char pod[KUBE_NAME_MAX + 1];
	char ip[46];
	char token[SESSION_TOKEN_HEX + 1];
	int port;
	bool direct;
};

/* Of an application; 503 while its driver pod has no address. */
bool agent_find(const struct gw *gw, const struct cache_view *v,
    struct agent_at *ret, struct err *err) MUST_CHECK;

struct agent_req {
	const char *method;
	const char *path;	/* "/v1/state?…", encoded */
	const char *body;	/* JSON; NULL = none */
	const struct kube_upload *upload;
	size_t limit;		/* bytes of the answer */
	int64_t timeout_ms;
	bool close;		/* do not keep the connection */
	bool share;		/* one to the API server for many */
};

/* A request as kube_http wants it; stays where it is while it is used. */
struct agent_http {
	struct kube_http http;
	struct buf path;
	char origin[80];
	char header[SESSION_TOKEN_HEX + 32];
};
#define AGENT_HTTP_INIT { .path = BUF_INIT(8192) }
void agent_http_set(struct agent_http *h, const struct agent_at *at,
    const struct agent_req *rq);
void agent_http_release(struct agent_http *h);

/* What came back. */
enum agent_result {
	AGENT_OK,	/* a 2xx of the agent's */
	AGENT_SAID,	/* another answer of the agent's: status and text */
	AGENT_AWAY,	/* none that is whole, and its own */
};
enum agent_result agent_judge(const struct kube_answer *a);

struct agent_answer {
	long status;
	bool unsure;		/* AWAY: it may have been taken all the same */
	char text[512];		/* of AGENT_SAID: its "error" */
	struct buf body;	/* of AGENT_OK */
};
void agent_answer_release(struct agent_answer *a);
#define AGENT_ANSWER_INIT { .body = BUF_INIT(0) }
#define AUTO_ANSWER __attribute__((cleanup(agent_answer_release)))

/*
 * The right to call this session's agent: a share of the pool's outbound
 * calls, of which one driver and one user may hold a few only. 503 at once
 * beyond. Ends with lookup_calls_end.
 */
bool agent_calls_begin(struct gw *gw, const struct request *rq, int32_t id,
    struct err *err) MUST_CHECK;
/*
 * One call; it is made again once if no answer came, so a body must name its
 * request. On AGENT_AWAY err is a 503 that says why.
 */
enum agent_result agent_call(struct gw *gw, const struct agent_at *at,
    const struct agent_req *rq, int64_t deadline_ms, struct agent_answer *ret,
    struct err *err) MUST_CHECK;

#endif

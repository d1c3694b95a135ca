/*
 * One application as the gateway knows it: what livy.c reads out of a
 * SparkApplication and its driver pod, what the cache stores, what views are
 * made of. The labels and annotations that carry Livy's side of it in the
 * cluster are named here, with the version of that schema. Pure.
 */
#ifndef APP_H
#define APP_H

#include <json-c/json.h>

#include "defs.h"

/* Labels: on the application, copied by the operator to its pods. */
#define LABEL_GATEWAY "livy-fcgi/gateway"
#define LABEL_KIND "livy-fcgi/kind"	/* "batch" or "session" */
#define LABEL_ID "livy-fcgi/id"
#define LABEL_AGENT "livy-fcgi/agent"	/* of sessions: hash of the agent */
#define LABEL_SESSION_KIND "livy-fcgi/session-kind"	/* "pyspark" */
#define LABEL_STATIC "livy-fcgi/static"	/* hash of what cannot change later */
/* Of reservations: the kind that they are for. */
#define LABEL_RESERVATION "livy-fcgi/reservation"
/* Annotations, on the application only. */
#define ANNOTATION_SCHEMA "livy-fcgi/schema"	/* APP_SCHEMA */
#define ANNOTATION_OWNER "livy-fcgi/owner"
#define ANNOTATION_TEAM "livy-fcgi/team"	/* of the owner, as it asked */
#define ANNOTATION_TEMPLATE "livy-fcgi/template" /* of a session, its file */
#define ANNOTATION_PROXY_USER "livy-fcgi/proxy-user"
#define ANNOTATION_NAME "livy-fcgi/name"
#define ANNOTATION_REQUEST "livy-fcgi/request-id"
#define ANNOTATION_KEY "livy-fcgi/key"	/* the reservation of its key */
#define ANNOTATION_BODY "livy-fcgi/body"	/* hash of the request, with a key */
#define ANNOTATION_WAITS "livy-fcgi/waits"	/* to be admitted */
#define ANNOTATION_ADMITTED "livy-fcgi/admitted" /* epoch ms */
#define ANNOTATION_FAILED "livy-fcgi/failed"	/* why the leader stopped it */
#define ANNOTATION_ENDED "livy-fcgi/ended"	/* epoch ms, of that */
#define ANNOTATION_READY "livy-fcgi/ready" /* epoch ms, of a session's agent */
#define ANNOTATION_PORT "livy-fcgi/agent-port"	/* where its agent listens */
#define ANNOTATION_TOKEN_KEY "livy-fcgi/token-key" /* version of that key */
#define ANNOTATION_ECHO "livy-fcgi/echo"	/* session_req.h's, JSON */
/* Of a driver's kept log: its run, first line and total; its last lines. */
#define ANNOTATION_LOG "livy-fcgi/log"
#define ANNOTATION_TAIL "livy-fcgi/log-tail"	/* a JSON array */
#define ANNOTATION_DRIVER "livy-fcgi/driver"	/* how it ended, one line */
/* Of a log that is rotated: run, a place in it, and that line's number. */
#define ANNOTATION_MARK "livy-fcgi/log-mark"
#define APP_SCHEMA "1"

/* What an application is to the API server. */
#define APP_API_VERSION "sparkoperator.k8s.io/v1beta2"
#define APP_API_KIND "SparkApplication"

#define APP_NAME_MAX 1024	/* bytes of a Livy name, owner or proxyUser */

enum app_kind { APP_BATCH, APP_SESSION };
#define APP_KINDS 2

/* Livy's states (its contract, section 3), as GET …/state writes them. */
enum livy_state {
	LIVY_NOT_STARTED, LIVY_STARTING, LIVY_RECOVERING, LIVY_IDLE,
	LIVY_RUNNING, LIVY_BUSY, LIVY_SHUTTING_DOWN, LIVY_ERROR, LIVY_DEAD,
	LIVY_KILLED, LIVY_SUCCESS,
};

/* The operator's states (operator-gke 1.6); NEW is the empty one. */
enum app_phase {
	PHASE_NEW, PHASE_SUBMITTED, PHASE_RUNNING, PHASE_SUCCEEDING,
	PHASE_COMPLETED, PHASE_FAILING, PHASE_FAILED, PHASE_SUBMISSION_FAILED,
	PHASE_PENDING_RERUN, PHASE_INVALIDATING, PHASE_SUSPENDING,
	PHASE_SUSPENDED, PHASE_RESUMING, PHASE_UNKNOWN,
};

const char *app_kind_word(enum app_kind kind);		/* "batch" */
const char *livy_state_word(enum livy_state state);	/* "starting" */
const char *app_phase_word(enum app_phase phase);	/* "SUBMITTED" */
bool app_phase_parse(const char *word, enum app_phase *ret) MUST_CHECK;

/* A hash of a name: for looking it up, for counting without strings. */
uint32_t app_hash(const char *name);

/* "livy-<gateway>-b-<id>"; false if it would not fit a DNS label of 35. */
bool app_object_name(char ret[KUBE_LABEL_MAX + 1], const char *gateway,
    enum app_kind kind, int32_t id) MUST_CHECK;
/* The id of a name that app_object_name made; false for any other name. */
bool app_object_id(const char *name, const char *gateway, enum app_kind *ret,
    int32_t *ret_id) MUST_CHECK;

/* Fixed facts; strings that vary in length are in struct app_text. */
struct app {
	enum app_kind kind;
	enum app_phase phase;
	enum livy_state state;
	int32_t id;
	int32_t exit_code;	/* of the driver; -1 = not known */
	uint32_t agent;		/* app_hash of a session's agent; 0 = none */
	int32_t key_version;	/* of a session's token; 0 = it has none */
	int32_t agent_port;	/* of a session's agent; 0 = the setting's */
	int64_t created_ms;	/* epoch; 0 = not known, as all below */
	int64_t admitted_ms;	/* by the leader, if it had to wait */
	int64_t submitted_ms;
	int64_t ended_ms;
	int64_t ready_ms;	/* a session's agent was first known to be */
	bool pod_seen;		/* a driver pod exists */
	bool pod_started;	/* its container runs or has run */
	bool pod_deleting;	/* it is being ended */
	bool kept;		/* the log of run kept_run lasts without a pod */
	uint32_t pod_run;	/* which pod; 0 = not known */
	uint32_t kept_run;
	uint32_t mark_run;	/* whose log has the mark below; 0 = none */
	uint32_t mark_same;	/* as in struct tail_place */
	bool mark_asked;	/* somebody needs a later one */
	int64_t mark_ns;
	int64_t mark_line;	/* number of the line after it */
	bool deleting;		/* deletionTimestamp is set */
	bool waits;		/* made suspended, until there is room */
	uint32_t ns_hash;	/* app_hash of its namespace, */
	uint32_t team_hash;	/* and of its owner's team; 0 = none */
	char uid[UID_MAX];
	char app_id[80];	/* spark-…; "" = not known */
	char pod_ip[46];
};

/* Whether it is over, so that only its retention is left. */
bool app_ended(const struct app *app) MUST_CHECK;

/* Lent strings, NULL = none. The cache keeps them, packed, beside the app. */
struct app_text {
	const char *object;	/* metadata.name */
	const char *ns;
	const char *pod;	/* the driver pod's name */
	const char *name;	/* Livy's name */
	const char *owner;
	const char *team;	/* of the owner */
	const char *proxy_user;
	const char *request_id;
	const char *key;	/* the reservation of its Idempotency-Key */
	const char *failed;	/* why the leader stopped it */
	const char *error;	/* status errorMessage */
	const char *pod_reason;	/* why the pod waits or ended, one line */
	const char *session_kind; /* "pyspark" */
	const char *template;	/* a session's, and its driver's image */
	const char *image;
	const char *echo;	/* what a session's view shows of its request;
				 * not kept beside a view that has it */
	const char *tail;	/* the kept log's last lines, a JSON array */
	/* not kept: */
	const char *place;	/* in the queue, as a reader sees it */
};

#endif

#include "config.h"

#include "livy.h"

#include "err.h"
#include "jv.h"
#include "num.h"

#define DRIVER_CONTAINER "spark-kubernetes-driver"
#define REASON_MAX 512		/* livy_pod's buffer */

/*
 * What a client sees in each of the operator's phases. SUBMISSION_FAILED is
 * not the end: the operator goes on to FAILED, or submits again when its
 * retry policy says so. A session runs for its clients only once its agent
 * says so. None is Livy's "killed": on Kubernetes that is what Livy has ended
 * itself. A driver that was deleted from outside has FAILED to the operator
 * as to Livy, and is dead, the one word for a bad end that all clients know;
 * an application that was deleted is gone.
 */
static const enum livy_state states[][APP_KINDS] = {
	/* a batch, a session */
	[PHASE_NEW] = { LIVY_STARTING, LIVY_STARTING },
	[PHASE_SUBMITTED] = { LIVY_STARTING, LIVY_STARTING },
	[PHASE_RUNNING] = { LIVY_RUNNING, LIVY_STARTING },
	[PHASE_SUCCEEDING] = { LIVY_RUNNING, LIVY_SHUTTING_DOWN },
	[PHASE_COMPLETED] = { LIVY_SUCCESS, LIVY_DEAD },
	[PHASE_FAILING] = { LIVY_RUNNING, LIVY_SHUTTING_DOWN },
	[PHASE_FAILED] = { LIVY_DEAD, LIVY_DEAD },
	[PHASE_SUBMISSION_FAILED] = { LIVY_STARTING, LIVY_STARTING },
	[PHASE_PENDING_RERUN] = { LIVY_STARTING, LIVY_STARTING },
	[PHASE_INVALIDATING] = { LIVY_STARTING, LIVY_STARTING },
	[PHASE_SUSPENDING] = { LIVY_STARTING, LIVY_STARTING },
	[PHASE_SUSPENDED] = { LIVY_STARTING, LIVY_STARTING },
	[PHASE_RESUMING] = { LIVY_STARTING, LIVY_STARTING },
	[PHASE_UNKNOWN] = { LIVY_RUNNING, LIVY_STARTING },
};

enum livy_state
livy_state_of(enum app_kind kind, enum app_phase phase)
{
	return states[phase][kind];
}

/* A string that is there and not empty, else NULL. */
static const char *
some(const char *s)
{
	return s && *s ? s : NULL;
}

/* Copies s if it is there and fits, else leaves "". */
static void
copy(char *ret, size_t size, const char *s)
{
	size_t n = s ? strlen(s) : size;

	ret[0] = '\0';
	if (n < size)
		memcpy(ret, s, n + 1);
}

static int64_t
time_of(json_object *o, const char *path)
{
	const char *s = jv_str(o, path);
	int64_t ms;

	return s && num_time_ms(s, &ms) ? ms : 0;
}

/* "… ExitCode: 137, …", the operator's words: the pod may be gone by then. */
static int32_t
exit_code_in(const char *error)
{
	static const char mark[] = "ExitCode: ";
	const char *at = error ? strstr(error, mark) : NULL;
	char digits[8];
	size_t n;
	int64_t code;

	if (!at)
		return -1;
	at += sizeof mark - 1;
	n = strspn(at, "0123456789");
	if (n >= sizeof digits)
		return -1;
	memcpy(digits, at, n);
	digits[n] = '\0';
	return num_int(digits, 0, INT32_MAX, &code) ? (int32_t)code : -1;
}

/* A time that the gateway noted on an application; 0 = none. */
static int64_t
note_ms(json_object *notes, const char *key)
{
	const char *text = jv_text(jv_member(notes, key));
	int64_t ms;

	return text && num_int(text, 0, INT64_MAX, &ms) ? ms : 0;
}

/* A number that the gateway noted; 0 = none that is at most max. */
static int32_t
note_number(json_object *notes, const char *key, int32_t max)
{
	const char *text = jv_text(jv_member(notes, key));
	int64_t n;

	return text && num_int(text, 1, max, &n) ? (int32_t)n : 0;
}

/* What is kept of its driver: "RUN FIRST TOTAL CODE". */
static void
read_kept(json_object *notes, struct app *app, struct app_text *text)
{
	const char *s = jv_text(jv_member(notes, ANNOTATION_LOG));
	long long first, total;
	unsigned run;
	int code;

	if (!s || sscanf(s, "%10u %18lld %18lld %10d", &run, &first, &total,
	    &code) != 4)
		return;
	app->kept = true;
	app->kept_run = app->pod_run = run;
	if (app->exit_code < 0 && app_ended(app))
		app->exit_code = code;
	if (app_ended(app))
		text->pod_reason = some(jv_text(jv_member(notes,
		    ANNOTATION_DRIVER)));
	text->tail = some(jv_text(jv_member(notes, ANNOTATION_TAIL)));
}

/* "RUN STAMP SAME LINE [?]", by whoever counted: see chore_mark.c. */
static void
read_mark(json_object *notes, struct app *app)
{
	const char *s = jv_text(jv_member(notes, ANNOTATION_MARK));
	long long stamp, line;
	unsigned run, same;
	char asked = 0;

	if (!s || sscanf(s, "%10u %19lld %9u %10lld %c", &run, &stamp, &same,
	    &line, &asked) < 4 || stamp <= 0 || line < 0 ||
	    line > INT32_MAX)
		return;
	app->mark_run = run;
	app->mark_ns = stamp;
	app->mark_same = same;
	app->mark_line = line;
	app->mark_asked = asked == '?';
}

/* Whether labels and name agree that it is this gateway's. */
static bool
is_ours(json_object *obj, const char *gateway, struct app *ret,
    struct err *err)
{
	json_object *labels = jv_get(obj, "metadata.labels");
	const char *name = jv_str(obj, "metadata.name");
	const char *of = jv_text(jv_member(labels, LABEL_GATEWAY));
	const char *kind = jv_text(jv_member(labels, LABEL_KIND));
	const char *schema = jv_text(jv_member(
	    jv_get(obj, "metadata.annotations"), ANNOTATION_SCHEMA));
	int64_t version = 1, known;

	if (!name || !of || !kind || strcmp(of, gateway) != 0)
		return err_set(err, 404, "it has no labels of gateway '%s'",
		    gateway);
	if (!app_object_id(name, gateway, &ret->kind, &ret->id) ||
	    strcmp(kind, app_kind_word(ret->kind)) != 0)
		return err_set(err, 404, "its name and labels disagree");
	if (!num_int(APP_SCHEMA, 1, INT32_MAX, &known) ||
	    (schema && !num_int(schema, 1, INT32_MAX, &version)) ||
	    version > known)
		return err_set(err, 404, "its schema '%s' is not known here",
		    schema);
	return true;
}

bool
livy_app(json_object *obj, const char *gateway, struct app *ret,
    struct app_text *ret_text, struct err *err)
{
	json_object *notes = jv_get(obj, "metadata.annotations");
	json_object *labels = jv_get(obj, "metadata.labels");
	const char *agent = some(jv_text(jv_member(labels, LABEL_AGENT)));
	const char *state = jv_str(obj, "status.applicationState.state");
	struct app app = { 0 };
	struct app_text text = { 0 };

	if (!is_ours(obj, gateway, &app, err))
		return false;
	copy(app.uid, sizeof app.uid, jv_str(obj, "metadata.uid"));
	text.object = jv_str(obj, "metadata.name");
	text.ns = jv_str(obj, "metadata.namespace");
	if (!app.uid[0] || !text.ns || strlen(text.ns) > KUBE_LABEL_MAX)
		return err_set(err, 404, "it has no uid or namespace");
	if (!app_phase_parse(state ? state : "", &app.phase))
		app.phase = PHASE_UNKNOWN;	/* of a newer operator */
	app.state = livy_state_of(app.kind, app.phase);
	app.deleting = jv_get(obj, "metadata.deletionTimestamp") != NULL;
	app.waits = jv_bool(obj, "spec.suspend", false) &&
	    jv_member(notes, ANNOTATION_WAITS);
	app.ns_hash = app_hash(text.ns);
	text.team = some(jv_text(jv_member(notes, ANNOTATION_TEAM)));
	app.team_hash = text.team ? app_hash(text.team) : 0;
	app.key_version = note_number(notes, ANNOTATION_TOKEN_KEY, INT32_MAX);
	app.agent_port = note_number(notes, ANNOTATION_PORT, 65535);
	app.agent = agent ? app_hash(agent) : 0;
	app.admitted_ms = note_ms(notes, ANNOTATION_ADMITTED);
	app.ready_ms = note_ms(notes, ANNOTATION_READY);
	app.created_ms = time_of(obj, "metadata.creationTimestamp");
	app.submitted_ms = time_of(obj, "status.lastSubmissionAttemptTime");
	app.ended_ms = time_of(obj, "status.terminationTime");
	copy(app.app_id, sizeof app.app_id,
	    jv_str(obj, "status.sparkApplicationId"));
	text.pod = some(jv_str(obj, "status.driverInfo.podName"));
	text.name = some(jv_text(jv_member(notes, ANNOTATION_NAME)));
	text.owner = some(jv_text(jv_member(notes, ANNOTATION_OWNER)));
	text.proxy_user = some(jv_text(jv_member(notes,
	    ANNOTATION_PROXY_USER)));
	text.request_id = some(jv_text(jv_member(notes, ANNOTATION_REQUEST)));
	text.key = some(jv_text(jv_member(notes, ANNOTATION_KEY)));
	text.session_kind = some(jv_text(jv_member(labels,
	    LABEL_SESSION_KIND)));
	text.template = some(jv_text(jv_member(notes, ANNOTATION_TEMPLATE)));
	if (text.template)
		text.image = some(jv_str(obj, "spec.image"));
	text.echo = some(jv_text(jv_member(notes, ANNOTATION_ECHO)));
	text.failed = some(jv_text(jv_member(notes, ANNOTATION_FAILED)));
	text.error = some(jv_str(obj, "status.applicationState.errorMessage"));
	if (text.failed && !app_ended(&app))
		app.state = LIVY_DEAD;
	if (app.ended_ms == 0)
		app.ended_ms = note_ms(notes, ANNOTATION_ENDED);
	app.exit_code = exit_code_in(text.error);
	read_mark(notes, &app);
	read_kept(notes, &app, &text);
	*ret = app;
	*ret_text = text;
	return true;
}

/* The element of an array whose key has this value. */
static json_object *
element(json_object *array, const char *key, const char *value)
{
	size_t n = json_object_is_type(array, json_type_array) ?
	    json_object_array_length(array) : 0;
	json_object *o;
	const char *s;

	for (size_t i = 0; i < n; i++) {
		o = json_object_array_get_idx(array, i);
		s = jv_str(o, key);
		if (s && strcmp(s, value) == 0)
			return o;
	}
	return NULL;
}

/* "Reason: message" on one line, cut to the buffer at a character. */
static void
one_line(char ret[REASON_MAX], const char *reason, const char *message)
{
	int len = snprintf(ret, REASON_MAX, "%s%s%s", reason,
	    some(message) ? ": " : "", message ? message : "");
	size_t n = REASON_MAX - 1;

	if (len >= REASON_MAX) {
		while (n > 0 && ((unsigned char)ret[n - 1] & 0xc0) == 0x80)
			n--;
		if (n > 0 && (unsigned char)ret[n - 1] >= 0xc0)
			n--;
		ret[n] = '\0';
	}
	for (char *p = ret; *p; p++)
		if ((unsigned char)*p < 0x20)
			*p = ' ';
}

/* Why a container waits; false if it does not, or gives no reason. */
static bool
waits(json_object *container, char ret[REASON_MAX])
{
	const char *reason = jv_str(container, "state.waiting.reason");

	if (!some(reason))
		return false;
	one_line(ret, reason, jv_str(container, "state.waiting.message"));
	return true;
}

/* What keeps the pod from starting; false if it tells nothing. */
static bool
waits_for(json_object *pod, json_object *container, char ret[REASON_MAX])
{
	json_object *inits = jv_get(pod, "status.initContainerStatuses");
	json_object *scheduled = element(jv_get(pod, "status.conditions"),
	    "type", "PodScheduled");
	const char *status = jv_str(scheduled, "status");
	const char *reason = jv_str(scheduled, "reason");

	if (status && strcmp(status, "False") == 0 && some(reason)) {
		one_line(ret, reason, jv_str(scheduled, "message"));
		return true;
	}
	for (size_t i = 0; json_object_is_type(inits, json_type_array) &&
	    i < json_object_array_length(inits); i++)
		if (waits(json_object_array_get_idx(inits, i), ret))
			return true;
	return waits(container, ret);
}

/* How the driver container ended, in the operator's words. */
static void
ended(json_object *pod, json_object *terminated, struct app *app,
    char ret[REASON_MAX])
{
	/* an evicted pod says so itself: its container has just ended */
	const char *of_pod = some(jv_str(pod, "status.reason"));
	const char *reason = of_pod ? of_pod : jv_str(terminated, "reason");
	const char *message = jv_str(of_pod ? pod : terminated, of_pod ?
	    "status.message" : "message");
	char how[128];

	app->exit_code = (int32_t)jv_int(terminated, "exitCode", -1);
	snprintf(how, sizeof how, "ExitCode: %d, Reason: %s",
	    (int)app->exit_code, reason ? reason : "Unknown");
	one_line(ret, how, message);
}

void
livy_pod(json_object *pod, struct app *app, struct app_text *text,
    char reason[512])
{
	json_object *statuses = jv_get(pod, "status.containerStatuses");
	json_object *container = element(statuses, "name", DRIVER_CONTAINER);
	json_object *terminated;
	const char *name = jv_str(pod, "metadata.name");
	const char *uid = jv_str(pod, "metadata.uid");

	if (!name)
		return;
	if (!container && json_object_is_type(statuses, json_type_array))
		container = json_object_array_get_idx(statuses, 0);
	app->pod_seen = true;
	app->pod_run = uid ? app_hash(uid) : 0;
	app->pod_deleting = jv_get(pod, "metadata.deletionTimestamp");
	text->pod = name;
	copy(app->pod_ip, sizeof app->pod_ip, jv_str(pod, "status.podIP"));
	if (!app->app_id[0])
		copy(app->app_id, sizeof app->app_id, jv_text(jv_member(
		    jv_get(pod, "metadata.labels"), "spark-app-selector")));
	terminated = jv_get(container, "state.terminated");
	app->pod_started = terminated || jv_get(container, "state.running") ||
	    jv_get(container, "lastState.terminated");
	text->pod_reason = NULL;
	if (terminated) {
		ended(pod, terminated, app, reason);
		text->pod_reason = reason;
	} else if (!app->pod_started && waits_for(pod, container, reason)) {
		text->pod_reason = reason;
	}
}

#include "config.h"

#include "localspark_step.h"

#include "buf.h"
#include "err.h"
#include "jv.h"
#include "localspark_pod.h"
#include "localspark_status.h"
#include "log.h"
#include "num.h"

#define POD_GRACE_MS 10000	/* a pod may be missing after SUBMITTED */
#define LOOK_MS 1000		/* longest sleep */
#define STEPS_MAX 16		/* of one application in one turn */
#define RETRY_DEFAULT_S 5

static void
due_at(struct record *r, int64_t mono_ms)
{
	if (r->due_ms == 0 || mono_ms < r->due_ms)
		r->due_ms = mono_ms;
}

static bool
suspended(const struct record *r)
{
	return jv_bool(r->app, "spec.suspend", false);
}

/* Moves to a phase; what else changes is in the draft. */
static bool
move(struct operator *op, struct record *r, json_object *take_draft,
    enum app_phase phase, const char *error)
{
	status_phase(take_draft, phase, error);
	return status_write(op->kube, r, take_draft);
}

static bool
move_on(struct operator *op, struct record *r, enum app_phase phase)
{
	return move(op, r, status_draft(r), phase,
	    jv_str(r->app, "status.applicationState.errorMessage"));
}

static bool
enqueue(struct operator *op, struct record *r)
{
	if (r->stage == STAGE_REST) {
		r->stage = STAGE_QUEUED;
		r->turn = ++op->turns;
	}
	return false;
}

/* The status that a submission of this time starts from. */
static json_object *
submission_draft(struct record *r, const char *submission_id)
{
	json_object *draft = status_draft(r);
	json_object *info = json_object_new_object();
	char name[KUBE_NAME_MAX + 1];

	jv_set_str(info, "podName", driver_pod_name(r->app, name));
	json_object_object_add(draft, "driverInfo", info);
	json_object_object_del(draft, "executorState");
	json_object_object_del(draft, "sparkApplicationId");
	jv_set_str(draft, "submissionID", submission_id);
	status_time(draft, "lastSubmissionAttemptTime", r->started_ms ?
	    r->started_ms : num_wall_ms());
	json_object_object_add(draft, "terminationTime", NULL);
	status_count(draft, "submissionAttempts");
	return draft;
}

/* The driver pod is there: the submission is a success. */
static bool
submitted(struct operator *op, struct record *r)
{
	json_object *labels = jv_get(r->pod, "metadata.labels");
	json_object *draft = submission_draft(r,
	    jv_text(jv_member(labels, LABEL_SUBMISSION)));

	jv_set_str(draft, "sparkApplicationId",
	    jv_text(jv_member(labels, LABEL_APP_ID)));
	status_count(draft, "executionAttempts");
	return move(op, r, draft, PHASE_SUBMITTED, NULL);
}

static bool
submission_failed(struct operator *op, struct record *r, const char *id,
    const char *why)
{
	AUTO_BUF struct buf text = BUF_INIT(2 * ERR_MSG_MAX);

	buf_addf(&text, "failed to submit spark application: failed to run "
	    "spark-submit: failed to run spark-submit: %s", why);
	return move(op, r, submission_draft(r, id), PHASE_SUBMISSION_FAILED,
	    text.data);
}

/* Whether the pod is of the attempt that the status tells of. */
static bool
is_of_attempt(const struct record *r, json_object *pod)
{
	const char *of_pod = jv_text(jv_member(jv_get(pod, "metadata.labels"),
	    LABEL_SUBMISSION));
	const char *known = jv_str(r->app, "status.submissionID");

	return of_pod && known && strcmp(known, of_pod) == 0;
}

/* An attempt's pod that its status does not know yet: made, then a crash. */
static bool
is_newer_pod(const struct record *r)
{
	json_object *pod = record_own_pod(r);

	return pod && !jv_str(pod, "metadata.deletionTimestamp") &&
	    !is_of_attempt(r, pod);
}

/* What spark-submit does, at the end of the time it takes. */
static bool
submit(struct operator *op, struct record *r)
{
	AUTO_JSON json_object *pod = NULL;
	struct submission sub;
	struct err why = ERR_INIT, words = ERR_INIT;

	submission_new(&sub);
	if (!driver_pod(r->app, &sub, &pod, &why))
		return submission_failed(op, r, sub.id, why.msg);
	switch (pod_make(op->kube, r, pod, &words)) {
	case POD_MADE:
		return submitted(op, r);
	case POD_TAKEN:
		err_set(&why, 500, "Exception in thread \"main\" io.fabric8."
		    "kubernetes.client.KubernetesClientException: driver pod "
		    "already exist: %s", jv_str(pod, "metadata.name"));
		return submission_failed(op, r, sub.id, why.msg);
	case POD_REFUSED:
		err_set(&why, 500, "Exception in thread \"main\" io.fabric8."
		    "kubernetes.client.KubernetesClientException: Failure "
		    "executing: POST at: /api/v1/namespaces/%s/pods. "
		    "Message: %s\n", jv_str(r->app, "metadata.namespace"),
		    words.msg);
		return submission_failed(op, r, sub.id, why.msg);
	case POD_LATER:
		r->stage = STAGE_QUEUED;	/* its turn comes again */
		return false;
	}
	return false;
}

/* A phase from which an application is submitted. */
static bool
to_submit(struct operator *op, struct record *r)
{
	json_object *pod = record_own_pod(r);

	if (!records_pods_known(&op->records, r))
		return false;
	if (is_newer_pod(r))
		return submitted(op, r);
	if (pod) {	/* of the attempt before */
		pod_delete(op->kube, r, pod);
		return false;
	}
	return enqueue(op, r);
}

static bool
restarts_always(const struct record *r)
{
	const char *type = jv_str(r->app, "spec.restartPolicy.type");

	return type && strcmp(type, "Always") == 0;
}

static bool
may_retry(const struct record *r, const char *count, const char *limit)
{
	const char *type = jv_str(r->app, "spec.restartPolicy.type");
	char path[64];

	if (restarts_always(r))
		return true;
	snprintf(path, sizeof path, "spec.restartPolicy.%s", limit);
	return type && strcmp(type, "OnFailure") == 0 && jv_get(r->app, path) &&
	    jv_int(r->app, count, 0) <= jv_int(r->app, path, 0);
}

/* Retries wait longer with each attempt. True when it is time. */
static bool
retry_is_due(struct record *r, const char *interval)
{
	const char *last = jv_str(r->app, "status.lastSubmissionAttemptTime");
	int64_t last_ms = 0, wait_s, left_ms;
	char path[64];

	snprintf(path, sizeof path, "spec.restartPolicy.%s", interval);
	wait_s = jv_int(r->app, path, RETRY_DEFAULT_S) *
	    jv_int(r->app, "status.submissionAttempts", 1);
	if (!last || !num_time_ms(last, &last_ms))
		return true;
	left_ms = last_ms + wait_s * 1000 - num_wall_ms();
	if (left_ms > 0)
		due_at(r, num_mono_ms() + left_ms);
	return left_ms <= 0;
}

static bool
finish(struct operator *op, struct record *r, enum app_phase phase)
{
	json_object *draft = status_draft(r);

	if (!jv_str(draft, "terminationTime"))
		status_time(draft, "terminationTime", num_wall_ms());
	return move(op, r, draft, phase,
	    jv_str(r->app, "status.applicationState.errorMessage"));
}

static bool
ended(struct operator *op, struct record *r, enum app_phase phase,
    const char *error)
{
	json_object *draft = status_draft(r);

	status_time(draft, "terminationTime", num_wall_ms());
	return move(op, r, draft, phase, error);
}

/* The status of Spark's container: by its name, else the only one. */
static json_object *
container_state(json_object *pod)
{
	json_object *list = jv_get(pod, "status.containerStatuses");
	const char *name;

	if (!json_object_is_type(list, json_type_array))
		return NULL;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		json_object *one = json_object_array_get_idx(list, i);

		name = jv_str(one, "name");
		if (name && strcmp(name, SPARK_CONTAINER) == 0)
			return jv_get(one, "state");
	}
	return jv_get(json_object_array_get_idx(list, 0), "state");
}

static bool
driver_ended(struct operator *op, struct record *r, json_object *terminated)
{
	const char *reason = jv_str(terminated, "reason");
	int64_t code = jv_int(terminated, "exitCode", -1);
	char error[256];

	if (!terminated)
		return ended(op, r, PHASE_FAILING,
		    "driver container status missing");
	if (code == 0)
		return ended(op, r, PHASE_SUCCEEDING, NULL);
	snprintf(error, sizeof error, "driver container failed with "
	    "ExitCode: %lld, Reason: %.100s", (long long)code,
	    reason ? reason : "");
	return ended(op, r, PHASE_FAILING, error);
}

static bool
driver_missing(struct operator *op, struct record *r, enum app_phase phase)
{
	const char *last = jv_str(r->app, "status.lastSubmissionAttemptTime");
	json_object *lost = record_lost_pod(r);
	int64_t last_ms = 0, left_ms;

	if (!records_pods_known(&op->records, r))
		return false;
	if (is_of_attempt(r, lost) &&
	    jv_get(container_state(lost), "terminated"))
		return driver_ended(op, r,
		    jv_get(container_state(lost), "terminated"));
	if (phase == PHASE_SUBMITTED && last && num_time_ms(last, &last_ms)) {
		left_ms = last_ms + POD_GRACE_MS - num_wall_ms();
		if (left_ms > 0) {
			due_at(r, num_mono_ms() + left_ms);
			return false;
		}
	}
	return ended(op, r, PHASE_FAILING, "driver pod not found");
}

static bool
follow(struct operator *op, struct record *r, enum app_phase phase)
{
	json_object *pod = record_own_pod(r);
	json_object *state = container_state(pod);
	const char *word = jv_str(pod, "status.phase");
	enum app_phase next = phase;

	if (!pod)
		return driver_missing(op, r, phase);
	if (jv_get(state, "terminated"))
		return driver_ended(op, r, jv_get(state, "terminated"));
	if (!word)
		return false;
	if (strcmp(word, "Succeeded") == 0 || strcmp(word, "Failed") == 0)
		return driver_ended(op, r, NULL);
	if (strcmp(word, "Running") == 0)
		next = PHASE_RUNNING;
	else if (strcmp(word, "Unknown") == 0)
		next = PHASE_UNKNOWN;
	return next != phase && move(op, r, status_draft(r), next, NULL);
}

/* Clears the way: true when no pod of this application is left. */
static bool
pod_is_gone(struct operator *op, struct record *r)
{
	json_object *pod = record_own_pod(r);

	if (pod)
		pod_delete(op->kube, r, pod);
	return !pod && records_pods_known(&op->records, r);
}

/* A spec that changed starts everything again, its counts too. */
static bool
invalidated(struct operator *op, struct record *r)
{
	json_object *draft;

	if (!pod_is_gone(op, r))
		return false;
	draft = status_draft(r);
	json_object_object_del(draft, "submissionAttempts");
	json_object_object_del(draft, "executionAttempts");
	json_object_object_del(draft, "terminationTime");
	return move(op, r, draft, PHASE_PENDING_RERUN, NULL);
}

/* It may have been submitted, and was suspended before that was written. */
static bool
suspend_new(struct operator *op, struct record *r)
{
	bool none = !record_own_pod(r) && records_pods_known(&op->records, r);

	return move_on(op, r, none ? PHASE_SUSPENDED : PHASE_SUSPENDING);
}

static bool
outlived(struct operator *op, struct record *r)
{
	const char *text = jv_str(r->app, "status.terminationTime");
	int64_t end_ms, left_ms;

	if (!jv_get(r->app, "spec.timeToLiveSeconds") || !text ||
	    !num_time_ms(text, &end_ms))
		return false;
	left_ms = end_ms - num_wall_ms() +
	    jv_int(r->app, "spec.timeToLiveSeconds", 0) * 1000;
	if (left_ms > 0)
		due_at(r, num_mono_ms() + left_ms);
	else
		app_delete(op->kube, r);
	return false;
}

static bool
failing(struct operator *op, struct record *r)
{
	if (!may_retry(r, "status.executionAttempts", "onFailureRetries"))
		return finish(op, r, PHASE_FAILED);
	return retry_is_due(r, "onFailureRetryInterval") &&
	    move_on(op, r, PHASE_PENDING_RERUN);
}

static bool
submission_failing(struct operator *op, struct record *r)
{
	if (!may_retry(r, "status.submissionAttempts",
	    "onSubmissionFailureRetries"))
		return finish(op, r, PHASE_FAILED);
	return retry_is_due(r, "onSubmissionFailureRetryInterval") &&
	    to_submit(op, r);
}

/* One step; true if there may be another at once. */
static bool
step(struct operator *op, struct record *r)
{
	enum app_phase phase = record_phase(r);

	if (r->spec_changed && phase != PHASE_NEW) {
		r->spec_changed = false;
		r->stage = STAGE_REST;
		return move(op, r, status_draft(r), PHASE_INVALIDATING, NULL);
	}
	switch (phase) {
	case PHASE_NEW:
		if (suspended(r))
			return suspend_new(op, r);
		return to_submit(op, r);
	case PHASE_PENDING_RERUN:
	case PHASE_RESUMING:
		if (suspended(r))
			return move_on(op, r, PHASE_SUSPENDING);
		return to_submit(op, r);
	case PHASE_SUBMITTED:
	case PHASE_RUNNING:
	case PHASE_UNKNOWN:
		if (suspended(r))
			return move_on(op, r, PHASE_SUSPENDING);
		return follow(op, r, phase);
	case PHASE_SUCCEEDING:
		if (restarts_always(r))
			return move_on(op, r, PHASE_PENDING_RERUN);
		return finish(op, r, PHASE_COMPLETED);
	case PHASE_FAILING:
		return failing(op, r);
	case PHASE_SUBMISSION_FAILED:
		return submission_failing(op, r);
	case PHASE_INVALIDATING:
		return invalidated(op, r);
	case PHASE_SUSPENDING:
		return pod_is_gone(op, r) &&
		    move_on(op, r, PHASE_SUSPENDED);
	case PHASE_SUSPENDED:
		return !suspended(r) && move_on(op, r, PHASE_RESUMING);
	case PHASE_COMPLETED:
	case PHASE_FAILED:
		return outlived(op, r);
	}
	return false;
}

/* Does all that can be done for this application now. */
static void
look_at(struct operator *op, struct record *r)
{
	int64_t now_ms = num_mono_ms();
	bool again = true;

	r->dirty = false;
	if (!r->app || jv_str(r->app, "metadata.deletionTimestamp")) {
		r->stage = STAGE_REST;
		r->due_ms = 0;
		return;
	}
	if (r->stage == STAGE_SUBMITTING) {
		if (r->due_ms > now_ms && !suspended(r))
			return;
		r->stage = STAGE_REST;
		r->due_ms = 0;
		again = suspended(r) || submit(op, r);
	} else {
		r->due_ms = 0;
	}
	for (int i = 0; again && r->app && i < STEPS_MAX; i++)
		again = step(op, r);
	if (suspended(r) && r->stage == STAGE_QUEUED)
		r->stage = STAGE_REST;
}

/* Gives free workers to those who wait longest. */
static void
start_submissions(struct operator *op)
{
	struct record *best;
	int64_t busy;

	for (;;) {
		best = NULL;
		busy = 0;
		for (struct record *r = op->records.first; r; r = r->next) {
			if (r->stage == STAGE_SUBMITTING)
				busy++;
			if (r->stage == STAGE_QUEUED && r->due_ms == 0 &&
			    (!best || r->turn < best->turn))
				best = r;
		}
		if (!best || busy >= op->workers)
			return;
		best->stage = STAGE_SUBMITTING;
		best->started_ms = num_wall_ms();
		best->due_ms = num_mono_ms() + op->submit_delay_ms;
	}
}

int64_t
operator_run(struct operator *op)
{
	int64_t next_ms = num_mono_ms() + LOOK_MS;

	for (struct record *r = op->records.first; r; r = r->next)
		if (r->dirty || (r->due_ms && r->due_ms <= num_mono_ms()))
			look_at(op, r);
	records_sweep(&op->records);
	start_submissions(op);
	for (struct record *r = op->records.first; r; r = r->next)
		if (r->dirty)
			next_ms = 0;
		else if (r->due_ms && r->due_ms < next_ms)
			next_ms = r->due_ms;
	return next_ms;
}

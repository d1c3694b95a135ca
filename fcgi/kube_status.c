#include "config.h"

#include "kube_status.h"

#include "err.h"
#include "jv.h"

#define REASON_MAX 1000		/* bytes of the server's words in a sentence */
#define AWAY_AFTER_S 5		/* Retry-After when nobody answers */
#define BUSY_AFTER_S 2		/* … when the server names no time */

/* What the body says, lent from its tree or from the answer. */
struct status {
	json_object *tree;
	const char *reason;	/* "AlreadyExists"; "" = none */
	const char *message;
	const char *name;	/* details.name, of the object; "" = none */
	int64_t wait_s;		/* details.retryAfterSeconds */
	bool terminating;	/* a cause says NamespaceTerminating */
	char text[REASON_MAX + 1];	/* a body that is no Status */
};

static const char *
or_empty(const char *s)
{
	return s ? s : "";
}

/* The first line of a plain body; what else proxies send says nothing. */
static void
plain_text(const struct kube_answer *a, struct status *st)
{
	size_t n = strcspn(a->body.data, "\r\n");

	if (n > 0 && n < sizeof st->text &&
	    strncmp(a->type, "text/plain", 10) == 0)
		memcpy(st->text, a->body.data, n);
	else
		snprintf(st->text, sizeof st->text, "HTTP status %ld%s%s",
		    a->status, *a->type ? " with " : "", a->type);
	st->message = st->text;
}

static void
status_read(const struct kube_answer *a, struct status *st)
{
	struct err ignored = ERR_INIT;
	json_object *causes;
	const char *cause;

	*st = (struct status){ .reason = "", .name = "" };
	if (strncmp(a->type, "application/json", 16) != 0 ||
	    !jv_parse(a->body.data, a->body.len, JV_DEPTH_KUBE, &st->tree,
	    &ignored) || !*or_empty(jv_str(st->tree, "message"))) {
		plain_text(a, st);
		return;
	}
	st->reason = or_empty(jv_str(st->tree, "reason"));
	st->message = jv_str(st->tree, "message");
	st->name = or_empty(jv_str(st->tree, "details.name"));
	st->wait_s = jv_int(st->tree, "details.retryAfterSeconds", 0);
	causes = jv_get(st->tree, "details.causes");
	if (!json_object_is_type(causes, json_type_array))
		return;
	for (size_t i = 0; i < json_object_array_length(causes); i++) {
		cause = jv_str(json_object_array_get_idx(causes, i), "reason");
		if (cause && strcmp(cause, "NamespaceTerminating") == 0)
			st->terminating = true;
	}
}

static bool
is_one_of(const char *word, const char *a, const char *b)
{
	return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

/*
 * 403 has four meanings: quota, a namespace that is being deleted, RBAC
 * ('User "u" cannot create resource …'), and a denial by admission.
 */
static void
forbidden(const struct status *st, struct kube_verdict *v, struct err *err)
{
	v->result = KUBE_FORBIDDEN;
	if (strstr(st->message, "exceeded quota")) {
		err_set(err, 400, "the namespace's quota is used up: %.*s",
		    REASON_MAX, st->message);
	} else if (st->terminating ||
	    strstr(st->message, "is being terminated")) {
		err_set(err, 500, "the namespace is being deleted: %.*s",
		    REASON_MAX, st->message);
	} else if (strstr(st->message, " cannot ")) {
		err_set(err, 500, "the gateway lacks a right in the cluster: "
		    "%.*s", REASON_MAX, st->message);
	} else {
		/* a webhook, or an admission plugin of the server's own */
		v->result = KUBE_INVALID;
		err_set(err, 400, "%.*s", REASON_MAX, st->message);
	}
}

/* 404 is the object's only if the server names it, and it was asked for. */
static void
not_found(const char *method, const struct status *st,
    struct kube_verdict *v, struct err *err)
{
	if (*st->name && strcmp(method, "POST") != 0) {
		v->result = KUBE_NOT_FOUND;
		err_set(err, 404, "%.*s", REASON_MAX, st->message);
	} else {
		err_set(err, 500, "the cluster has no place for it: %.*s",
		    REASON_MAX, st->message);
	}
}

static void
busy(const char *host, const struct status *st, bool unsure,
    struct kube_verdict *v, struct err *err)
{
	v->result = KUBE_BUSY;
	v->retry = true;
	v->unsure = unsure;
	err_retry(err, 503, v->wait_s ? v->wait_s : BUSY_AFTER_S,
	    "the Kubernetes API server at %s is busy: %.*s", host, REASON_MAX,
	    st->message);
}

/* 500: only some are worth another try. */
static void
server_error(const char *host, const struct status *st,
    struct kube_verdict *v, struct err *err)
{
	bool hook = strstr(st->message, "failed calling webhook") != NULL;

	if (hook || is_one_of(st->reason, "ServerTimeout", "InternalError") ||
	    !*st->reason) {
		/* a webhook is asked before anything is committed */
		busy(host, st, /* unsure= */ !hook, v, err);
		return;
	}
	v->unsure = true;
	err_set(err, 500, "the Kubernetes API server at %s failed: %.*s", host,
	    REASON_MAX, st->message);
}

static void
judge_status(const char *method, const char *host, long code,
    const struct status *st, struct kube_verdict *v, struct err *err)
{
	switch (code) {
	case 400:
	case 413:
	case 422:
		v->result = KUBE_INVALID;
		err_set(err, 400, "%.*s", REASON_MAX, st->message);
		return;
	case 401:
		v->result = KUBE_FORBIDDEN;
		err_retry(err, 503, AWAY_AFTER_S, "the Kubernetes API server "
		    "at %s refuses the gateway's credential", host);
		return;
	case 403:
		forbidden(st, v, err);
		return;
	case 404:
		not_found(method, st, v, err);
		return;
	case 409:
		v->result = strcmp(st->reason, "AlreadyExists") == 0 ?
		    KUBE_EXISTS : KUBE_CONFLICT;
		/* a create meets no other version: it is the quota's race */
		v->retry = v->result == KUBE_CONFLICT &&
		    strcmp(method, "POST") == 0;
		err_set(err, 409, "%.*s", REASON_MAX, st->message);
		return;
	case 410:
		v->result = KUBE_GONE;
		err_retry(err, 503, 1, "%.*s", REASON_MAX, st->message);
		return;
	case 429:
		busy(host, st, /* unsure= */ false, v, err);
		return;
	case 500:
		server_error(host, st, v, err);
		return;
	case 502:
	case 503:
	case 504:
		busy(host, st, /* unsure= */ true, v, err);
		return;
	default:
		v->unsure = code >= 500;
		err_set(err, 500, "the Kubernetes API server at %s answers "
		    "HTTP status %ld: %.*s", host, code, REASON_MAX,
		    st->message);
	}
}

void
kube_judge(const char *method, const char *host, const struct kube_answer *a,
    struct kube_verdict *ret, struct err *err)
{
	struct status st;
	int64_t wait_s;

	*ret = (struct kube_verdict){ .result = KUBE_BROKEN };
	if (*a->failure) {
		ret->result = KUBE_AWAY;
		ret->retry = !a->hopeless;
		ret->unsure = a->sent;
		err_retry(err, 503, AWAY_AFTER_S, "the Kubernetes API server "
		    "at %s does not answer: %s", host, a->failure);
		return;
	}
	if (a->status >= 200 && a->status < 300) {
		ret->unsure = true;
		err_set(err, 500, "the Kubernetes API server at %s gave an "
		    "answer longer than %zu bytes", host, a->body.limit);
		return;
	}
	status_read(a, &st);
	wait_s = st.wait_s > a->retry_after_s ? st.wait_s : a->retry_after_s;
	ret->wait_s = wait_s < 0 ? 0 : wait_s > KUBE_RETRY_AFTER_MAX ?
	    KUBE_RETRY_AFTER_MAX : (int)wait_s;
	judge_status(method, host, a->status, &st, ret, err);
	json_object_put(st.tree);
}

#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "err.h"
#include "kube_status.h"

/* One row: what came, and what is made of it. */
struct row {
	const char *method;
	long code;
	const char *type;
	const char *body;
	enum kube_result result;
	int status;
	bool retry, unsure;
	const char *words;	/* that the sentence must hold */
};

#define JSON "application/json"
#define STATUS(reason, message) "{\"kind\":\"Status\",\"message\":\"" message \
	"\",\"reason\":\"" reason "\"}"

static const struct row rows[] = {
	{ "GET", 404, JSON, "{\"message\":\"pods \\\"p\\\" not found\","
	    "\"reason\":\"NotFound\",\"details\":{\"name\":\"p\"}}",
	    KUBE_NOT_FOUND, 404, false, false, "pods \"p\" not found" },
	{ "GET", 404, "text/plain; charset=utf-8", "404 page not found\n",
	    KUBE_BROKEN, 500, false, false, "404 page not found" },
	{ "GET", 404, JSON, STATUS("NotFound",
	    "the server could not find the requested resource"),
	    KUBE_BROKEN, 500, false, false, "could not find" },
	{ "POST", 404, JSON, "{\"message\":\"namespaces \\\"n\\\" not found\","
	    "\"details\":{\"name\":\"n\"}}",
	    KUBE_BROKEN, 500, false, false, "namespaces" },
	{ "POST", 409, JSON, STATUS("AlreadyExists", "it already exists"),
	    KUBE_EXISTS, 409, false, false, "already exists" },
	{ "PUT", 409, JSON, STATUS("Conflict", "has been modified"),
	    KUBE_CONFLICT, 409, false, false, "modified" },
	{ "POST", 409, JSON, STATUS("Conflict", "resourcequotas was modified"),
	    KUBE_CONFLICT, 409, true, false, "resourcequotas" },
	{ "POST", 422, JSON, STATUS("Invalid", "spec.type: Unsupported value"),
	    KUBE_INVALID, 400, false, false, "spec.type" },
	{ "POST", 400, JSON, STATUS("BadRequest", "unknown field"),
	    KUBE_INVALID, 400, false, false, "unknown field" },
	{ "POST", 413, JSON, STATUS("RequestEntityTooLarge", "limit is 3"),
	    KUBE_INVALID, 400, false, false, "limit is 3" },
	{ "POST", 403, JSON, STATUS("Forbidden",
	    "admission webhook \\\"v\\\" denied the request: no"),
	    KUBE_INVALID, 400, false, false, "denied the request: no" },
	{ "POST", 403, JSON, STATUS("Forbidden",
	    "pods \\\"p\\\" is forbidden: violates PodSecurity"),
	    KUBE_INVALID, 400, false, false, "PodSecurity" },
	{ "POST", 403, JSON, STATUS("Forbidden", "sparkapplications is "
	    "forbidden: User \\\"u\\\" cannot create resource"),
	    KUBE_FORBIDDEN, 500, false, false, "lacks a right" },
	{ "POST", 403, JSON, STATUS("Forbidden", "exceeded quota: pods=4"),
	    KUBE_FORBIDDEN, 400, false, false, "quota" },
	{ "POST", 403, JSON, "{\"message\":\"unable to create new content\","
	    "\"details\":{\"causes\":[{\"reason\":\"NamespaceTerminating\"}]}}",
	    KUBE_FORBIDDEN, 500, false, false, "being deleted" },
	{ "PATCH", 403, JSON, STATUS("Forbidden", ""),
	    KUBE_INVALID, 400, false, false, "HTTP status 403" },
	{ "GET", 401, JSON, STATUS("Unauthorized", "Unauthorized"),
	    KUBE_FORBIDDEN, 503, false, false, "refuses the gateway's" },
	{ "GET", 410, JSON, STATUS("Expired", "too old resource version"),
	    KUBE_GONE, 503, false, false, "too old" },
	{ "POST", 429, JSON, STATUS("TooManyRequests", "please try again"),
	    KUBE_BUSY, 503, true, false, "try again" },
	{ "POST", 500, JSON, STATUS("InternalError",
	    "failed calling webhook \\\"v\\\""),
	    KUBE_BUSY, 503, true, false, "webhook" },
	{ "POST", 500, JSON, STATUS("ServerTimeout", "etcd is slow"),
	    KUBE_BUSY, 503, true, true, "etcd is slow" },
	{ "POST", 500, JSON, STATUS("SomethingElse", "odd"),
	    KUBE_BROKEN, 500, false, true, "odd" },
	{ "GET", 503, "text/html", "<html>a proxy's page</html>",
	    KUBE_BUSY, 503, true, true, "HTTP status 503 with text/html" },
	{ "GET", 504, JSON, STATUS("Timeout", "request did not complete"),
	    KUBE_BUSY, 503, true, true, "did not complete" },
	{ "GET", 302, "text/html", "", KUBE_BROKEN, 500, false, false,
	    "HTTP status 302" },
	{ "GET", 405, JSON, STATUS("MethodNotAllowed", "not allowed"),
	    KUBE_BROKEN, 500, false, false, "405" },
};

static void
judge(const struct row *row, int64_t retry_after_s, struct kube_verdict *v,
    struct err *err)
{
	AUTO_BUF struct buf body = BUF_INIT(4096);
	struct kube_answer a = { .status = row->code, .sent = true,
		.retry_after_s = retry_after_s };

	snprintf(a.type, sizeof a.type, "%s", row->type);
	buf_addstr(&body, row->body);
	a.body = body;
	kube_judge(row->method, "api:443", &a, v, err);
}

static void
each_answer_has_its_meaning(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct kube_verdict v;
		struct err err = ERR_INIT;

		judge(&rows[i], 0, &v, &err);

		if (v.result != rows[i].result ||
		    err.status != rows[i].status || v.retry != rows[i].retry || v.unsure != rows[i].unsure ||
		    !strstr(err.msg, rows[i].words))
			fail_msg("row %zu: result %d status %d retry %d "
			    "unsure %d: %s", i, v.result, err.status, v.retry,
			    v.unsure, err.msg);
	}
}

static void
waiting_is_told_to_the_client_and_cut(void **state UNUSED)
{
	const struct row busy = { "POST", 429, JSON,
		"{\"message\":\"m\",\"details\":{\"retryAfterSeconds\":7}}",
		KUBE_BUSY, 503, true, false, "m" };
	struct kube_verdict v;
	struct err err = ERR_INIT;

	judge(&busy, 3, &v, &err);
	assert_int_equal(v.wait_s, 7);
	assert_int_equal(err.retry_after_s, 7);

	judge(&busy, 86400, &v, &err);
	assert_int_equal(v.wait_s, KUBE_RETRY_AFTER_MAX);
}

static void
silence_is_503_and_unsure_only_if_the_request_left(void **state UNUSED)
{
	struct kube_answer a = { .failure = "Connection refused",
		.body = BUF_INIT(1) };
	struct kube_verdict v;
	struct err err = ERR_INIT;

	kube_judge("POST", "api:443", &a, &v, &err);
	assert_int_equal(v.result, KUBE_AWAY);
	assert_true(v.retry);
	assert_false(v.unsure);
	assert_int_equal(err.status, 503);
	assert_true(err.retry_after_s > 0);
	assert_string_equal(err.msg, "the Kubernetes API server at api:443 "
	    "does not answer: Connection refused");

	a.sent = true;
	kube_judge("POST", "api:443", &a, &v, &err);
	assert_true(v.unsure);

	a.hopeless = true;
	kube_judge("GET", "api:443", &a, &v, &err);
	assert_false(v.retry);
}

static void
a_body_that_is_no_status_is_not_repeated(void **state UNUSED)
{
	const struct row html = { "GET", 500, "text/html",
		"<script>alert(1)</script>", KUBE_BUSY, 503, true, true, "" };
	const struct row half = { "GET", 500, JSON, "{\"message\":\"cut",
		KUBE_BUSY, 503, true, true, "" };
	struct kube_verdict v;
	struct err err = ERR_INIT;

	judge(&html, 0, &v, &err);
	assert_null(strstr(err.msg, "script"));
	judge(&half, 0, &v, &err);
	assert_null(strstr(err.msg, "cut"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_answer_has_its_meaning),
		cmocka_unit_test(waiting_is_told_to_the_client_and_cut),
		cmocka_unit_test(
		    silence_is_503_and_unsure_only_if_the_request_left),
		cmocka_unit_test(a_body_that_is_no_status_is_not_repeated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "buf.h"
#include "cred.h"
#include "err.h"
#include "http_script.h"
#include "jv.h"
#include "kube.h"
#include "num.h"

#define JSON(line, body) "HTTP/1.1 " line "\r\nContent-Type: " \
	"application/json\r\nTransfer-Encoding: chunked\r\n\r\n" body
#define OBJECT "a\r\n{\"kind\":1}\r\n0\r\n\r\n"
#define EMPTY "0\r\n\r\n"
#define OK_OBJECT JSON("200 OK", OBJECT)
#define EXISTS JSON("409 Conflict", "2c\r\n" \
	"{\"message\":\"there\",\"reason\":\"AlreadyExists\"}\r\n0\r\n\r\n")

/* A client and the server it talks to. */
struct talk {
	struct script server;
	struct cred_shm *shm;
	struct kube *kube;
	json_object *answer;
	struct err err;
	bool unsure;
};

static void
publish(struct talk *t, const char *token)
{
	struct cred *cred = mem_alloc(sizeof *cred);

	snprintf(cred->server, sizeof cred->server,
	    "http://127.0.0.1:%d/base", t->server.port);
	snprintf(cred->token, sizeof cred->token, "%s", token);
	cred_publish(t->shm, cred);
	free(cred);
}

/* Soon over where an answer never comes; else longer than a machine takes. */
static int64_t
attempt_ms(const struct step *steps, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (steps[i].end == STEP_STALL)
			return 300;
	return 8000;
}

static void
begin(struct talk *t, const struct step *steps, size_t count)
{
	struct kube_opts opts = { .user_agent = "test/1",
		.connect_timeout_ms = 5000,
		.attempt_ms = attempt_ms(steps, count),
		.reply_limit = 1000 };

	*t = (struct talk){ .err = ERR_INIT };
	script_start(&t->server, steps, count);
	t->shm = shm_map(sizeof *t->shm, true);
	publish(t, "first");
	opts.cred = t->shm;
	t->kube = kube_new(&opts);
}

static void
end(struct talk *t)
{
	kube_free(t->kube);
	json_object_put(t->answer);
	munmap(t->shm, sizeof *t->shm);
	script_stop(&t->server);
}

static enum kube_result
call_within(struct talk *t, const char *method, int64_t ms)
{
	AUTO_JSON json_object *body = NULL;
	struct kube_req rq = { .method = method, .path = "/api/x",
		.deadline_ms = num_mono_ms() + ms };

	if (strcmp(method, "POST") == 0) {
		body = json_object_new_object();
		json_object_object_add(body, "a", json_object_new_int(1));
		rq.body = body;
	}
	json_object_put(t->answer);
	t->answer = NULL;
	t->err = (struct err)ERR_INIT;
	return kube_call(t->kube, &rq, &t->answer, &t->unsure, &t->err);
}

static enum kube_result
call(struct talk *t, const char *method)
{
	return call_within(t, method, 10000);
}

#define BEGIN(t, ...) \
	static const struct step steps[] = { __VA_ARGS__ }; \
	struct talk t; \
	begin(&t, steps, ARRAY_LEN(steps))

static void
calls_share_a_connection_and_sign_in(void **state UNUSED)
{
	BEGIN(t, { OK_OBJECT, STEP_KEEP }, { OK_OBJECT, STEP_KEEP });

	assert_int_equal(call(&t, "GET"), KUBE_OK);
	assert_int_equal(call(&t, "POST"), KUBE_OK);

	assert_int_equal(jv_int(t.answer, "kind", 0), 1);
	assert_int_equal(t.server.seen->connections, 1);
	assert_non_null(strstr(t.server.seen->request[0],
	    "GET /base/api/x HTTP/1.1\r\n"));
	assert_non_null(strstr(t.server.seen->request[0],
	    "\r\nAuthorization: Bearer first\r\n"));
	assert_non_null(strstr(t.server.seen->request[0],
	    "\r\nUser-Agent: test/1\r\n"));
	assert_non_null(strstr(t.server.seen->request[1],
	    "\r\nContent-Type: application/json\r\n"));
	assert_non_null(strstr(t.server.seen->request[1], "{\"a\":1}"));
	assert_null(strstr(t.server.seen->request[1], "Expect"));
	end(&t);
}

static void
too_many_requests_waits_as_told_and_goes_on(void **state UNUSED)
{
	int64_t start = num_mono_ms();
	BEGIN(t, { "HTTP/1.1 429 Slow\r\nRetry-After: 1\r\n"
	    "Content-Length: 0\r\n\r\n", STEP_KEEP },
	    { OK_OBJECT, STEP_KEEP });

	assert_int_equal(call(&t, "POST"), KUBE_OK);

	assert_true(num_mono_ms() - start >= 1000);
	assert_int_equal(t.server.seen->requests, 2);
	assert_false(t.unsure);
	end(&t);
}

static void
a_wait_past_the_deadline_is_not_begun(void **state UNUSED)
{
	int64_t start = num_mono_ms();
	BEGIN(t, { "HTTP/1.1 429 Slow\r\nRetry-After: 20\r\n"
	    "Content-Length: 0\r\n\r\n", STEP_KEEP });

	assert_int_equal(call(&t, "POST"), KUBE_BUSY);

	assert_true(num_mono_ms() - start < 5000);
	assert_int_equal(t.err.status, 503);
	assert_int_equal(t.err.retry_after_s, 20);
	end(&t);
}

static void
a_lost_answer_is_asked_for_again(void **state UNUSED)
{
	BEGIN(t, { "", STEP_RESET },
	    { JSON("200 OK", "a\r\n{\"ki"), STEP_CLOSE },
	    { JSON("500 Oops", EMPTY), STEP_KEEP }, { OK_OBJECT, STEP_KEEP });

	assert_int_equal(call(&t, "GET"), KUBE_OK);

	assert_int_equal(t.server.seen->requests, 4);
	end(&t);
}

static void
a_create_that_was_made_by_a_lost_attempt_exists(void **state UNUSED)
{
	BEGIN(t, { JSON("201 Created", "a\r\n{\"ki"), STEP_CLOSE },
	    { EXISTS, STEP_KEEP });

	assert_int_equal(call(&t, "POST"), KUBE_EXISTS);

	assert_true(t.unsure);
	assert_int_equal(t.err.status, 409);
	end(&t);
}

static void
an_answer_that_exists_at_first_is_sure(void **state UNUSED)
{
	BEGIN(t, { EXISTS, STEP_KEEP });

	assert_int_equal(call(&t, "POST"), KUBE_EXISTS);

	assert_false(t.unsure);
	end(&t);
}

static void
a_write_that_nobody_answers_is_unsure(void **state UNUSED)
{
	BEGIN(t, { "", STEP_STALL });

	assert_int_equal(call_within(&t, "POST", 500), KUBE_AWAY);

	assert_true(t.unsure);
	assert_int_equal(t.err.status, 503);
	assert_non_null(strstr(t.err.msg, "does not answer"));
	end(&t);
}

/* Until the server takes no more connections. */
static void
wait_refused(int port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd, failed;

	do {
		usleep(5000);
		fd = socket(AF_INET, SOCK_STREAM, 0);
		failed = connect(fd, (struct sockaddr *)&sa, sizeof sa);
		close(fd);
	} while (failed == 0);
}

static void
nobody_there_is_503_within_the_budget_and_sure(void **state UNUSED)
{
	int64_t start = num_mono_ms();
	BEGIN(t, { OK_OBJECT, STEP_CLOSE });

	assert_int_equal(call(&t, "GET"), KUBE_OK);
	wait_refused(t.server.port);	/* the end has arrived by then, too */
	assert_int_equal(call(&t, "POST"), KUBE_AWAY);

	assert_true(num_mono_ms() - start < 30000);
	assert_false(t.unsure);
	assert_int_equal(t.err.status, 503);
	assert_true(t.err.retry_after_s > 0);
	end(&t);
}

static void
a_slow_answer_ends_with_its_attempt(void **state UNUSED)
{
	int64_t start = num_mono_ms();
	BEGIN(t, { JSON("200 OK", "a\r\n{\"ki"), STEP_STALL });

	assert_int_equal(call_within(&t, "GET", 600), KUBE_AWAY);

	assert_true(num_mono_ms() - start < 20000);
	assert_false(t.unsure);
	end(&t);
}

static void
an_answer_over_the_limit_is_refused(void **state UNUSED)
{
	char long_answer[2200];
	struct step steps[] = { { long_answer, STEP_CLOSE } };
	struct talk t;
	size_t n = (size_t)snprintf(long_answer, sizeof long_answer,
	    "HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n");

	memset(long_answer + n, '1', 2000);
	long_answer[n + 2000] = '\0';
	begin(&t, steps, 1);

	assert_int_equal(call(&t, "POST"), KUBE_BROKEN);

	assert_true(t.unsure);
	assert_non_null(strstr(t.err.msg, "longer than 1000 bytes"));
	end(&t);
}

static void
an_answer_that_is_no_object_is_broken(void **state UNUSED)
{
	BEGIN(t, { "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
	    "Content-Length: 6\r\n\r\n<html>", STEP_KEEP });

	assert_int_equal(call(&t, "GET"), KUBE_BROKEN);

	assert_int_equal(t.err.status, 500);
	assert_non_null(strstr(t.err.msg, "text/html"));
	end(&t);
}

static void
a_redirect_is_not_followed(void **state UNUSED)
{
	BEGIN(t, { "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n"
	    "Content-Length: 0\r\n\r\n", STEP_KEEP });

	assert_int_equal(call(&t, "GET"), KUBE_BROKEN);
	assert_int_equal(t.server.seen->requests, 1);
	end(&t);
}

/* As the auth process: a new token as soon as the old one was refused. */
static void
renew_when_refused(struct talk *t)
{
	if (fork() != 0)
		return;
	while (t->shm->refused == 0)
		usleep(1000);
	publish(t, "second");
	_exit(0);
}

static void
a_refused_credential_is_replaced_once(void **state UNUSED)
{
	BEGIN(t, { JSON("401 Unauthorized", EMPTY), STEP_KEEP },
	    { OK_OBJECT, STEP_KEEP });

	renew_when_refused(&t);
	assert_int_equal(call(&t, "GET"), KUBE_OK);

	wait(NULL);
	assert_non_null(strstr(t.server.seen->request[1], "Bearer second\r\n"));
	end(&t);
}

static void
a_credential_that_stays_refused_is_the_gateways_fault(void **state UNUSED)
{
	BEGIN(t, { JSON("401 Unauthorized", EMPTY), STEP_KEEP },
	    { JSON("401 Unauthorized", EMPTY), STEP_KEEP });

	assert_int_equal(call(&t, "GET"), KUBE_FORBIDDEN);

	assert_int_equal(t.server.seen->requests, 1);
	assert_int_equal(t.err.status, 503);
	assert_null(strstr(t.err.msg, "first"));
	end(&t);
}

static void
without_a_credential_nothing_is_sent(void **state UNUSED)
{
	BEGIN(t, { OK_OBJECT, STEP_KEEP });
	t.shm->generation = 0;

	assert_int_equal(call_within(&t, "GET", 200), KUBE_AWAY);

	assert_int_equal(t.err.status, 503);
	assert_int_equal(t.server.seen->connections, 0);
	end(&t);
}

static void
a_long_text_is_cut_at_its_limit(void **state UNUSED)
{
	AUTO_BUF struct buf text = BUF_INIT(100);
	struct kube_req rq = { .method = "GET", .path = "/log",
		.deadline_ms = num_mono_ms() + 5000 };
	struct err err = ERR_INIT;
	BEGIN(t, { "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
	    "Content-Length: 12\r\n\r\nline 1\nline2", STEP_KEEP });

	assert_int_equal(kube_text(t.kube, &rq, 8, &text, &err), KUBE_OK);
	assert_string_equal(text.data, "line 1\nl");
	end(&t);
}

struct reader {
	struct buf text;
	int opened, ticks, stop_tick, idle_ms;
	size_t stop_len;
};

static bool
on_data(void *arg, const char *data, size_t len)
{
	struct reader *r = arg;

	buf_add(&r->text, data, len);
	return r->text.len < r->stop_len;
}

static void
on_open(void *arg)
{
	struct reader *r = arg;

	r->opened++;
}

static bool
on_tick(void *arg)
{
	struct reader *r = arg;

	return ++r->ticks != r->stop_tick;
}

static enum kube_result
stream(struct talk *t, struct reader *r)
{
	struct kube_stream s = { .path = "/w",
		.idle_ms = r->idle_ms ? r->idle_ms : 60000,
		.on_data = on_data, .on_open = on_open, .on_tick = on_tick,
		.arg = r };

	t->err = (struct err)ERR_INIT;
	return kube_stream(t->kube, &s, &t->err);
}

static void
a_stream_ends_well_by_the_server_or_its_reader(void **state UNUSED)
{
	struct reader r = { .text = BUF_INIT(100), .stop_len = 100 };
	BEGIN(t, { JSON("200 OK", "3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"),
	    STEP_KEEP }, { JSON("200 OK", "3\r\none\r\n"), STEP_STALL });

	assert_int_equal(stream(&t, &r), KUBE_OK);
	assert_string_equal(r.text.data, "onetwo");
	assert_int_equal(r.opened, 1);

	r.stop_len = 7;
	assert_int_equal(stream(&t, &r), KUBE_OK);
	assert_string_equal(r.text.data, "onetwoone");
	assert_int_equal(r.opened, 2);
	buf_release(&r.text);
	end(&t);
}

static void
a_tick_may_end_a_stream(void **state UNUSED)
{
	struct reader r = { .text = BUF_INIT(100), .stop_len = 100,
		.stop_tick = 2 };
	BEGIN(t, { JSON("200 OK", ""), STEP_STALL });

	assert_int_equal(stream(&t, &r), KUBE_OK);
	assert_int_equal(r.ticks, 2);
	end(&t);
}

static void
silence_and_a_cut_end_a_stream_badly(void **state UNUSED)
{
	struct reader r = { .text = BUF_INIT(100), .stop_len = 100,
		.idle_ms = 2000 };
	BEGIN(t, { JSON("200 OK", "3\r\none\r\n"), STEP_CLOSE },
	    { JSON("200 OK", "3\r\ntwo\r\n"), STEP_STALL });

	assert_int_equal(stream(&t, &r), KUBE_AWAY);
	assert_int_equal(stream(&t, &r), KUBE_AWAY);

	assert_non_null(strstr(t.err.msg, "silent for"));
	assert_string_equal(r.text.data, "onetwo");
	buf_release(&r.text);
	end(&t);
}

static void
an_error_is_not_fed_to_a_streams_reader(void **state UNUSED)
{
	struct reader r = { .text = BUF_INIT(100), .stop_len = 100 };
	BEGIN(t, { JSON("410 Gone", "11\r\n{\"message\":\"old\"}\r\n"
	    "0\r\n\r\n"), STEP_KEEP });

	assert_int_equal(stream(&t, &r), KUBE_GONE);

	assert_int_equal(r.opened, 0);
	assert_int_equal(r.text.len, 0);
	assert_string_equal(t.err.msg, "old");
	end(&t);
}

static void
names_cannot_leave_their_path(void **state UNUSED)
{
	AUTO_BUF struct buf b = BUF_INIT(1000);

	kube_path_apps(&b, "team-a", "../../x?y#z");
	assert_string_equal(b.data, "/apis/sparkoperator.k8s.io/v1beta2/"
	    "namespaces/team-a/sparkapplications/%2E.%2F..%2Fx%3Fy%23z");

	buf_clear(&b);
	kube_path_core(&b, NULL, "pods", NULL);
	kube_path_query(&b, "labelSelector", "a=b,c in (d)");
	kube_path_query(&b, "limit", "5");
	assert_string_equal(b.data, "/api/v1/pods"
	    "?labelSelector=a%3Db%2Cc%20in%20%28d%29&limit=5");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_share_a_connection_and_sign_in),
		cmocka_unit_test(too_many_requests_waits_as_told_and_goes_on),
		cmocka_unit_test(a_wait_past_the_deadline_is_not_begun),
		cmocka_unit_test(a_lost_answer_is_asked_for_again),
		cmocka_unit_test(
		    a_create_that_was_made_by_a_lost_attempt_exists),
		cmocka_unit_test(an_answer_that_exists_at_first_is_sure),
		cmocka_unit_test(a_write_that_nobody_answers_is_unsure),
		cmocka_unit_test(
		    nobody_there_is_503_within_the_budget_and_sure),
		cmocka_unit_test(a_slow_answer_ends_with_its_attempt),
		cmocka_unit_test(an_answer_over_the_limit_is_refused),
		cmocka_unit_test(an_answer_that_is_no_object_is_broken),
		cmocka_unit_test(a_redirect_is_not_followed),
		cmocka_unit_test(a_refused_credential_is_replaced_once),
		cmocka_unit_test(
		    a_credential_that_stays_refused_is_the_gateways_fault),
		cmocka_unit_test(without_a_credential_nothing_is_sent),
		cmocka_unit_test(a_long_text_is_cut_at_its_limit),
		cmocka_unit_test(
		    a_stream_ends_well_by_the_server_or_its_reader),
		cmocka_unit_test(a_tick_may_end_a_stream),
		cmocka_unit_test(silence_and_a_cut_end_a_stream_badly),
		cmocka_unit_test(an_error_is_not_fed_to_a_streams_reader),
		cmocka_unit_test(names_cannot_leave_their_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "conf.h"
#include "err.h"
#include "fcgi_peer.h"
#include "request.h"

#define SECRET "s3cret"
#define BODY_LIMIT 20000
#define CODE_LIMIT 30000

static struct conf conf = { .call_budget_ms = 10000, .body_limit = BODY_LIMIT,
	.code_limit = CODE_LIMIT, .upload_limit = 12 };
static struct request rq;

/* What every request of a signed-in user has; more comes from the test. */
#define USUAL "LIVY_SECRET=" SECRET, "LIVY_AUTH=bearer", "LIVY_USER=ann", \
	"REQUEST_ID=0123abcd"

static int
set_up(void **state UNUSED)
{
	request_init(&rq);
	conf.identity = IDENTITY_REQUIRED;
	return 0;
}

static int
tear_down(void **state UNUSED)
{
	request_release(&rq);
	return 0;
}

/* Reads a request of these parameters and this body into rq. */
static bool
read_with(const char *const *params, const char *body, struct err *err)
{
	struct peer p;
	bool good;

	*err = (struct err)ERR_INIT;
	peer_begin(&p);
	peer_params(&p, params);
	peer_end_params(&p);
	peer_body(&p, body, strlen(body));
	assert_int_equal(peer_accept(&p, /* cut= */ false), 0);
	good = request_read(&rq, &p.fcgi, &conf, SECRET, err);
	peer_finish(&p);
	peer_release(&p);
	return good;
}

#define READ(body, err, ...) \
	read_with((const char *const []){ __VA_ARGS__, NULL }, body, err)

static void
a_request_is_read_whole(void **state UNUSED)
{
	struct err err;

	assert_true(READ("{\"a\":1}", &err, USUAL, "REQUEST_METHOD=POST",
	    "REQUEST_URI=/batches?doAs=b%20c", "CONTENT_LENGTH=7",
	    "CONTENT_TYPE=application/json", "HTTP_HOST=livy.example:8443",
	    "REQUEST_SCHEME=https", "LIVY_GROUPS=a,b", "REMOTE_ADDR=::1"));

	assert_string_equal(rq.id, "0123abcd");
	assert_string_equal(rq.method, "POST");
	assert_string_equal(rq.path, "/batches");
	assert_string_equal(rq.query, "doAs=b%20c");
	assert_string_equal(rq.user, "ann");
	assert_string_equal(rq.groups, "a,b");
	assert_string_equal(rq.auth, "bearer");
	assert_string_equal(rq.host, "livy.example:8443");
	assert_string_equal(rq.body.data, "{\"a\":1}");
	assert_int_equal(rq.deadline_ms - rq.start_ms, 10000);
}

static void
nothing_of_a_request_stays_for_the_next(void **state UNUSED)
{
	struct err err;

	assert_true(READ("body", &err, USUAL, "REQUEST_METHOD=POST",
	    "REQUEST_URI=/along/er/path?b=c", "HTTP_ACCEPT=x",
	    "CONTENT_LENGTH="));
	assert_true(READ("", &err, USUAL, "REQUEST_METHOD=GET",
	    "REQUEST_URI=/d"));

	assert_string_equal(rq.path, "/d");
	assert_string_equal(rq.query, "");
	assert_string_equal(rq.accept, "");
	assert_int_equal(rq.body.len, 0);
}

static void
only_the_front_server_knows_the_secret(void **state UNUSED)
{
	struct err err;

	assert_false(READ("", &err, "LIVY_AUTH=none", "REQUEST_METHOD=GET",
	    "REQUEST_URI=/batches"));
	assert_int_equal(err.status, 403);
	assert_false(READ("", &err, "LIVY_SECRET=s3cre", "LIVY_AUTH=none",
	    "REQUEST_METHOD=GET", "REQUEST_URI=/batches"));
	assert_int_equal(err.status, 403);
	assert_false(READ("", &err, "LIVY_SECRET=s3cret1", "LIVY_AUTH=none",
	    "REQUEST_METHOD=GET", "REQUEST_URI=/batches"));
	assert_int_equal(err.status, 403);
	assert_false(READ("", &err, "HTTP_LIVY_SECRET=" SECRET,
	    "LIVY_AUTH=none", "REQUEST_METHOD=GET", "REQUEST_URI=/batches"));
	assert_int_equal(err.status, 403);
}

static void
an_empty_secret_opens_nothing(void **state UNUSED)
{
	struct err err = ERR_INIT;
	struct peer p;

	peer_begin(&p);
	peer_params(&p, (const char *const []){ "LIVY_SECRET=",
	    "LIVY_AUTH=none", "REQUEST_METHOD=GET", "REQUEST_URI=/", NULL });
	peer_end_params(&p);
	peer_body(&p, "", 0);
	assert_int_equal(peer_accept(&p, false), 0);

	assert_false(request_read(&rq, &p.fcgi, &conf, "", &err));
	assert_int_equal(err.status, 403);
	peer_finish(&p);
	peer_release(&p);
}

static void
identity_comes_from_the_front_server_alone(void **state UNUSED)
{
	struct err err;

	assert_false(READ("", &err, "LIVY_SECRET=" SECRET,
	    "REQUEST_METHOD=GET", "REQUEST_URI=/batches", "LIVY_USER=ann"));
	assert_int_equal(err.status, 403);
	assert_false(READ("", &err, "LIVY_SECRET=" SECRET, "LIVY_AUTH=basic",
	    "REQUEST_METHOD=GET", "REQUEST_URI=/batches", "LIVY_USER=",
	    "HTTP_LIVY_USER=eve", "REMOTE_USER=eve"));
	assert_int_equal(err.status, 401);
	assert_false(READ("", &err, "LIVY_SECRET=" SECRET, "LIVY_AUTH=none",
	    "REQUEST_METHOD=GET", "REQUEST_URI=/batches", "LIVY_USER=eve"));
	assert_int_equal(err.status, 401);
	assert_false(READ("", &err, "LIVY_SECRET=" SECRET, "LIVY_AUTH=basic",
	    "REQUEST_METHOD=GET", "REQUEST_URI=/", "LIVY_USER=a\nb"));
	assert_int_equal(err.status, 403);
}

static void
without_sign_in_nobody_is_somebody(void **state UNUSED)
{
	struct err err;

	conf.identity = IDENTITY_NONE;
	assert_true(READ("", &err, "LIVY_SECRET=" SECRET, "LIVY_AUTH=none",
	    "REQUEST_METHOD=GET", "REQUEST_URI=/batches", "LIVY_USER=eve"));
	assert_string_equal(rq.user, "");
}

static void
readiness_is_asked_without_an_identity(void **state UNUSED)
{
	struct err err;

	assert_true(READ("", &err, "LIVY_SECRET=" SECRET, "LIVY_AUTH=none",
	    "REQUEST_METHOD=GET", "REQUEST_URI=/readyz"));
}

static void
an_id_that_would_not_print_is_replaced(void **state UNUSED)
{
	struct err err;

	assert_true(READ("", &err, "LIVY_SECRET=" SECRET, "LIVY_AUTH=a",
	    "LIVY_USER=b", "REQUEST_METHOD=GET", "REQUEST_URI=/",
	    "REQUEST_ID=a b"));
	assert_int_equal(strlen(rq.id), 32);
	assert_int_equal(strspn(rq.id, "0123456789abcdef"), 32);
}

#define FORM "CONTENT_TYPE=application/x-www-form-urlencoded"

static void
a_post_can_stand_for_another_method(void **state UNUSED)
{
	static const char *const said[] = {
		"HTTP_X_HTTP_METHOD_OVERRIDE=DELETE",
		"HTTP_X_HTTP_METHOD=delete", "HTTP_X_METHOD_OVERRIDE=DELETE",
	};
	struct err err;

	for (size_t i = 0; i < ARRAY_LEN(said); i++) {
		assert_true(READ("", &err, USUAL, "REQUEST_METHOD=POST",
		    "REQUEST_URI=/batches/1", said[i]));
		assert_string_equal(rq.method, "DELETE");
		assert_string_equal(rq.sent_method, "POST");
	}
	assert_true(READ("", &err, USUAL, "REQUEST_METHOD=POST",
	    "REQUEST_URI=/batches/1?_method=DELETE"));
	assert_string_equal(rq.method, "DELETE");
	assert_true(READ("a=b&_method=delete", &err, USUAL,
	    "REQUEST_METHOD=POST", "REQUEST_URI=/batches/1", FORM));
	assert_string_equal(rq.method, "DELETE");
	assert_true(READ("", &err, USUAL, "REQUEST_METHOD=GET",
	    "REQUEST_URI=/batches/1?_method=DELETE", said[0]));
	assert_string_equal(rq.method, "GET");
}

static void
head_is_get_without_a_body(void **state UNUSED)
{
	struct err err;

	assert_true(READ("", &err, USUAL, "REQUEST_METHOD=HEAD",
	    "REQUEST_URI=/version"));
	assert_string_equal(rq.method, "GET");
	assert_true(rq.head);
}

static void
a_form_has_no_body(void **state UNUSED)
{
	struct err err;

	assert_true(READ("a=b", &err, USUAL, "REQUEST_METHOD=POST",
	    "REQUEST_URI=/batches", "CONTENT_LENGTH=3",
	    "CONTENT_TYPE=Application/X-WWW-Form-Urlencoded; charset=utf-8"));
	assert_int_equal(rq.body.len, 0);
	assert_true(READ("--x", &err, USUAL, "REQUEST_METHOD=POST",
	    "REQUEST_URI=/batches", "CONTENT_LENGTH=3",
	    "CONTENT_TYPE=multipart/form-data; boundary=x"));
	assert_int_equal(rq.body.len, 0);
	assert_true(READ("{}", &err, USUAL, "REQUEST_METHOD=POST",
	    "REQUEST_URI=/batches", "CONTENT_TYPE=text/plain"));
	assert_int_equal(rq.body.len, 2);
}

static void
crooked_paths_are_not_found(void **state UNUSED)
{
	static const struct {
		const char *uri;
		int status;
	} cases[] = {
		{ "REQUEST_URI=//batches", 404 },
		{ "REQUEST_URI=/batches//0", 404 },
		{ "REQUEST_URI=/batches/../version", 404 },
		{ "REQUEST_URI=/batches/./0", 404 },
		{ "REQUEST_URI=/batches/%2e%2E/version", 404 },
		{ "REQUEST_URI=/batches/.%2e;x=1/version", 404 },
		{ "REQUEST_URI=/batches/..", 404 },
		{ "REQUEST_URI=/batches/a%00b", 404 },
		{ "REQUEST_URI=/batches/%zz", 400 },
		{ "REQUEST_URI=/batches/%4", 400 },
		{ "REQUEST_URI=*", 400 },
		{ "REQUEST_URI=", 400 },
		{ "REQUEST_URI=/batches/...", 200 },
		{ "REQUEST_URI=/batches/a%2F..%2Fb", 200 },
		{ "REQUEST_URI=/batches/", 200 },
		{ "REQUEST_URI=/?x=//../%00", 200 },
	};
	struct err err;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		bool good = READ("", &err, USUAL, "REQUEST_METHOD=GET",
		    cases[i].uri);

		if ((good ? 200 : err.status) != cases[i].status)
			fail_msg("%s: %d", cases[i].uri, err.status);
		if (!good)
			assert_int_equal(err.shape, ERR_EMPTY);
	}
}

static void
an_absolute_uri_is_its_path(void **state UNUSED)
{
	struct err err;

	assert_true(READ("", &err, USUAL, "REQUEST_METHOD=GET",
	    "REQUEST_URI=http://livy.example:8998/batches?size=1"));
	assert_string_equal(rq.path, "/batches");
	assert_string_equal(rq.query, "size=1");
}

static void
writes_of_other_sites_pages_are_refused(void **state UNUSED)
{
	static const struct {
		const char *method, *header;
		bool good;
	} cases[] = {
		{ "REQUEST_METHOD=POST", "HTTP_ORIGIN=https://evil.example",
		  false },
		{ "REQUEST_METHOD=DELETE", "HTTP_ORIGIN=null", false },
		{ "REQUEST_METHOD=POST", "HTTP_SEC_FETCH_SITE=cross-site",
		  false },
		{ "REQUEST_METHOD=POST", "HTTP_SEC_FETCH_SITE=same-site",
		  false },
		{ "REQUEST_METHOD=POST", "HTTP_SEC_FETCH_SITE=same-origin",
		  true },
		{ "REQUEST_METHOD=POST", "HTTP_ORIGIN=https://LIVY.example",
		  true },
		{ "REQUEST_METHOD=POST",
		  "HTTP_ORIGIN=https://livy.example.evil", false },
		{ "REQUEST_METHOD=GET", "HTTP_ORIGIN=https://evil.example",
		  true },
	};
	struct err err;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		bool good = READ("", &err, USUAL, "REQUEST_URI=/batches",
		    "HTTP_HOST=livy.example:443", cases[i].method,
		    cases[i].header);

		if (good != cases[i].good)
			fail_msg("%s %s", cases[i].method, cases[i].header);
	}
}

static void
a_body_over_the_limit_is_413(void **state UNUSED)
{
	AUTO_FREE char *body = mem_alloc(BODY_LIMIT + 2);
	struct err err;

	memset(body, 'x', BODY_LIMIT + 1);
	assert_false(READ(body, &err, USUAL, "REQUEST_METHOD=POST",
	    "REQUEST_URI=/batches"));
	assert_int_equal(err.status, 413);

	body[BODY_LIMIT] = '\0';
	assert_true(READ(body, &err, USUAL, "REQUEST_METHOD=POST",
	    "REQUEST_URI=/batches", "CONTENT_LENGTH=20000"));
	assert_int_equal(rq.body.len, BODY_LIMIT);
}

static void
code_may_be_longer(void **state UNUSED)
{
	static const struct {
		const char *uri;
		bool good;
	} cases[] = {
		{ "REQUEST_URI=/sessions/0/statements", true },
		{ "REQUEST_URI=/sessions/a%2Fb/statements;x?y", true },
		{ "REQUEST_URI=/sessions/0/completion", true },
		{ "REQUEST_URI=/sessions/0/submit-job", true },
		{ "REQUEST_URI=/sessions/0/statement", false },
		{ "REQUEST_URI=/sessions/statements", false },
		{ "REQUEST_URI=/batches/0/statements", false },
		{ "REQUEST_URI=/sessions", false },
	};
	AUTO_FREE char *body = mem_alloc(CODE_LIMIT + 1);
	struct err err;

	memset(body, 'x', CODE_LIMIT);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (READ(body, &err, USUAL, "REQUEST_METHOD=POST",
		    cases[i].uri) != cases[i].good)
			fail_msg("%s: %s", cases[i].uri, err.msg);
}

/* Starts a request with this body, which stays where it is. */
static bool
start_upload(struct peer *p, const char *body, const char *length, bool cut,
    struct err *err)
{
	*err = (struct err)ERR_INIT;
	peer_begin(p);
	peer_params(p, (const char *const []){ USUAL, "REQUEST_METHOD=POST",
	    "REQUEST_URI=/sessions/0/upload-file", length,
	    "CONTENT_TYPE=multipart/form-data; boundary=x", NULL });
	peer_end_params(p);
	if (cut)
		peer_record(p, FCGI_STDIN, body, strlen(body));
	else
		peer_body(p, body, strlen(body));
	assert_int_equal(peer_accept(p, cut), 0);
	return request_read(&rq, &p->fcgi, &conf, SECRET, err);
}

static void
an_upload_is_taken_in_pieces(void **state UNUSED)
{
	char piece[5];
	struct err err;
	struct peer p;
	size_t n;

	assert_true(start_upload(&p, "0123456", "CONTENT_LENGTH=7", false,
	    &err));
	assert_int_equal(rq.body.len, 0);
	assert_true(request_take(&rq, piece, sizeof piece, &n, &err));
	assert_int_equal(n, 5);
	assert_memory_equal(piece, "01234", 5);
	assert_true(request_take(&rq, piece, sizeof piece, &n, &err));
	assert_int_equal(n, 2);
	assert_memory_equal(piece, "56", 2);
	assert_true(request_take(&rq, piece, sizeof piece, &n, &err));
	assert_int_equal(n, 0);
	peer_finish(&p);
	peer_release(&p);
}

static void
what_is_not_taken_of_an_upload_is_drained(void **state UNUSED)
{
	char piece[5];
	struct err err;
	struct peer p;
	size_t n;

	assert_true(start_upload(&p, "0123456", "CONTENT_LENGTH=7", false,
	    &err));
	request_drain(&rq);
	assert_true(request_take(&rq, piece, sizeof piece, &n, &err));
	assert_int_equal(n, 0);
	assert_int_equal(FCGX_HasSeenEOF(p.fcgi.in), EOF);
	peer_finish(&p);
	peer_release(&p);
}

static void
an_upload_that_is_cut_off_or_too_long_fails(void **state UNUSED)
{
	char piece[20];
	struct err err;
	struct peer p;
	size_t n;

	assert_true(start_upload(&p, "0123", "CONTENT_LENGTH=7", true, &err));
	assert_true(request_take(&rq, piece, 4, &n, &err));
	assert_false(request_take(&rq, piece, 4, &n, &err));
	assert_int_equal(err.status, 400);
	peer_finish(&p);
	peer_release(&p);

	/* the rest of a multipart body may be some more than the file */
	assert_false(start_upload(&p, "0123456789abc",
	    "CONTENT_LENGTH=1100000", false, &err));
	assert_int_equal(err.status, 500);
	assert_string_equal(err.msg, "org.scalatra.servlet."
	    "SizeConstraintExceededException: Too large request or file");
	peer_finish(&p);
	peer_release(&p);
}

static void
a_body_of_another_length_than_said_is_refused(void **state UNUSED)
{
	struct err err;

	assert_false(READ("{}", &err, USUAL, "REQUEST_METHOD=POST",
	    "REQUEST_URI=/batches", "CONTENT_LENGTH=3"));
	assert_int_equal(err.status, 400);
	assert_false(READ("{}", &err, USUAL, "REQUEST_METHOD=POST",
	    "REQUEST_URI=/batches", "CONTENT_LENGTH=2x"));
	assert_int_equal(err.status, 400);
}

static void
a_stream_that_breaks_is_400(void **state UNUSED)
{
	struct err err = ERR_INIT;
	struct peer p;

	peer_begin(&p);
	peer_params(&p, (const char *const []){ USUAL, "REQUEST_METHOD=GET",
	    "REQUEST_URI=/batches", NULL });
	assert_int_equal(peer_accept(&p, /* cut= */ true), 0);
	assert_false(request_read(&rq, &p.fcgi, &conf, SECRET, &err));
	assert_int_equal(err.status, 400);
	peer_finish(&p);
	peer_release(&p);

	peer_begin(&p);
	peer_params(&p, (const char *const []){ USUAL, "REQUEST_METHOD=POST",
	    "REQUEST_URI=/batches", "CONTENT_LENGTH=5", NULL });
	peer_end_params(&p);
	peer_record(&p, FCGI_STDIN, "12", 2);
	assert_int_equal(peer_accept(&p, /* cut= */ true), 0);
	assert_false(request_read(&rq, &p.fcgi, &conf, SECRET, &err));
	assert_int_equal(err.status, 400);
	assert_string_equal(err.msg, "the body was cut off");
	peer_finish(&p);
	peer_release(&p);
}

static void
parameters_are_decoded_and_the_first_counts(void **state UNUSED)
{
	static const struct {
		const char *query, *value;
	} cases[] = {
		{ "a=1", "1" }, { "b=2&a=1&a=3", "1" }, { "a", "" },
		{ "a=", "" }, { "aa=1", NULL }, { "", NULL }, { "&&a=1", "1" },
		{ "a=x+y%2Bz%C3%BC", "x y+z\xc3\xbc" }, { "%61=1", "1" },
		{ "a=%zz", "%zz" }, { "a=b=c", "b=c" }, { "A=1", NULL },
	};
	char value[64];
	const char *got;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		snprintf(rq.query, sizeof rq.query, "%s", cases[i].query);
		got = request_param(&rq, "a", value, sizeof value);
		if (!got || !cases[i].value)
			assert_ptr_equal(got, cases[i].value);
		else
			assert_string_equal(got, cases[i].value);
	}
}

static void
integers_are_javas(void **state UNUSED)
{
	static const struct {
		const char *query;
		int32_t value;
		const char *words;
	} cases[] = {
		{ "", 7, NULL }, { "n=12", 12, NULL }, { "n=%2B5", 5, NULL },
		{ "n=-2147483648", INT32_MIN, NULL },
		{ "n=2147483647", INT32_MAX, NULL },
		{ "n=2147483648", 0, "For input string: \"2147483648\"" },
		{ "n=99999999999999999999", 0,
		  "For input string: \"99999999999999999999\"" },
		{ "n=", 0, "For input string: \"\"" },
		{ "n=-", 0, "For input string: \"-\"" },
		{ "n=1.5", 0, "For input string: \"1.5\"" },
		{ "n=+1", 0, "For input string: \" 1\"" },
		{ "n=%D9%A3", 3, NULL },
	};
	struct err err;
	int32_t n;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		err = (struct err)ERR_INIT;
		snprintf(rq.query, sizeof rq.query, "%s", cases[i].query);
		if (request_int(&rq, "n", 7, &n, &err)) {
			assert_null(cases[i].words);
			assert_int_equal(n, cases[i].value);
		} else {
			assert_string_equal(err.msg, cases[i].words);
			assert_int_equal(err.status, 400);
		}
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_request_is_read_whole),
		TEST(nothing_of_a_request_stays_for_the_next),
		TEST(only_the_front_server_knows_the_secret),
		TEST(an_empty_secret_opens_nothing),
		TEST(identity_comes_from_the_front_server_alone),
		TEST(without_sign_in_nobody_is_somebody),
		TEST(readiness_is_asked_without_an_identity),
		TEST(an_id_that_would_not_print_is_replaced),
		TEST(a_post_can_stand_for_another_method),
		TEST(head_is_get_without_a_body),
		TEST(a_form_has_no_body),
		TEST(crooked_paths_are_not_found),
		TEST(an_absolute_uri_is_its_path),
		TEST(writes_of_other_sites_pages_are_refused),
		TEST(a_body_over_the_limit_is_413),
		TEST(code_may_be_longer),
		TEST(an_upload_is_taken_in_pieces),
		TEST(what_is_not_taken_of_an_upload_is_drained),
		TEST(an_upload_that_is_cut_off_or_too_long_fails),
		TEST(a_body_of_another_length_than_said_is_refused),
		TEST(a_stream_that_breaks_is_400),
		TEST(parameters_are_decoded_and_the_first_counts),
		TEST(integers_are_javas),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

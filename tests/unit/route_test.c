#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <ctype.h>
#include <cmocka.h>

#include "cache.h"
#include "cache_write.h"
#include "conf.h"
#include "cred.h"
#include "err.h"
#include "fcgi_peer.h"
#include "gw.h"
#include "jv.h"
#include "own.h"
#include "reply.h"
#include "request.h"
#include "route.h"
#include "sample.h"
#include "shm.h"
#include "slots.h"

#define OBJECTS 100
#define BYTES (1 << 20)
#define SECRET "s3cret"

static char gateway[] = "gw", default_fs[] = "file://";
static char *namespaces[] = { (char []){ "spark" } };

/* A gateway with a cache of its own and nobody to call. */
struct fixture {
	struct conf conf;
	struct gw gw;
	struct cache_writer *writer;
	struct request rq;
	struct reply rp;
};

static int
set_up(void **state)
{
	struct fixture *f = mem_alloc(sizeof *f);
	struct gw *gw = &f->gw;

	f->conf = (struct conf){ .gateway = gateway,
		.default_fs = default_fs, .call_budget_ms = 10000,
		.identity = IDENTITY_NONE, .outbound_workers = 1,
		.body_limit = 100000, .code_limit = 100000,
		.upload_limit = 100000 };
	gw->conf = &f->conf;
	gw->cred = shm_map(sizeof *gw->cred, false);
	gw->slots = shm_map(slots_size(2), false);
	slots_format(gw->slots, 2);
	gw->cache_mem = shm_map(cache_size(OBJECTS, BYTES), false);
	cache_format(gw->cache_mem, OBJECTS, BYTES);
	gw->own_mem = shm_map(own_size(2), false);
	gw->own = own_open(gw->own_mem, 2);
	gw->cache = cache_open(gw->cache_mem, gw->own);
	f->writer = cache_writer_new(gw->cache_mem);
	request_init(&f->rq);
	reply_init(&f->rp, 1 << 20);
	*state = f;
	return 0;
}

static int
set_up_synced(void **state)
{
	struct fixture *f;

	set_up(state);
	f = *state;
	cache_publish(f->writer);
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	cache_writer_free(f->writer);
	cache_close(f->gw.cache);
	own_close(f->gw.own);
	request_release(&f->rq);
	reply_release(&f->rp);
	free(f);
	return 0;
}

static void
serve(struct fixture *f, struct peer *p)
{
	struct err err = ERR_INIT;

	reply_clear(&f->rp);
	if (!request_read(&f->rq, &p->fcgi, &f->conf, SECRET, &err) ||
	    !route_request(&f->gw, &f->rq, &f->rp, &err))
		reply_err(&f->rp, &f->rq, &err);
	assert_true(reply_send(&f->rp, &f->rq, &p->fcgi));
	peer_finish(p);
}

/* One exchange; the answer is in p->stdout_, headers and body. */
static void
exchange(struct fixture *f, struct peer *p, const char *const *params,
    const char *body)
{
	peer_begin(p);
	peer_params(p, (const char *const []){ "LIVY_SECRET=" SECRET,
	    "LIVY_AUTH=none", "REQUEST_SCHEME=http", NULL });
	peer_params(p, params);
	peer_end_params(p);
	peer_body(p, body, strlen(body));
	assert_int_equal(peer_accept(p, false), 0);
	serve(f, p);
}

static const char *
body_of(const struct peer *p)
{
	const char *s = strstr(p->stdout_.data, "\r\n\r\n");

	assert_non_null(s);
	return s + 4;
}

static int
status_of(const struct peer *p)
{
	assert_memory_equal(p->stdout_.data, "Status: ", 8);
	return (int)strtol(p->stdout_.data + 8, NULL, 10);
}

static bool
has_header(const struct peer *p, const char *header)
{
	AUTO_BUF struct buf line = BUF_INIT(1000);

	buf_addf(&line, "\r\n%s\r\n", header);
	return strstr(p->stdout_.data, line.data) != NULL;
}

static void
get(struct fixture *f, const char *uri, int status, const char *body)
{
	AUTO_BUF struct buf b = BUF_INIT(5000);
	struct peer p;

	buf_addf(&b, "REQUEST_URI=%s", uri);
	exchange(f, &p, (const char *const []){ "REQUEST_METHOD=GET", b.data,
	    NULL }, "");
	if (status_of(&p) != status || strcmp(body_of(&p), body) != 0)
		fail_msg("%s:\n got %s\nwant %d %s", uri, p.stdout_.data,
		    status, body);
	peer_release(&p);
}

/* "X-Thing: a" as the parameter HTTP_X_THING=a; Content-Type is its own. */
static char *
param(const char *name, const char *value)
{
	AUTO_BUF struct buf b = BUF_INIT(10000);

	if (strcmp(name, "Content-Type") != 0)
		buf_addstr(&b, "HTTP_");
	for (; *name; name++)
		buf_addch(&b, *name == '-' ? '_' :
		    (char)toupper((unsigned char)*name));
	buf_addf(&b, "=%s", value);
	return buf_steal(&b);
}

static char *
param_of(json_object *c, const char *name, const char *member)
{
	AUTO_BUF struct buf b = BUF_INIT(10000);

	buf_addf(&b, "%s=%s", name, jv_str(c, member));
	return buf_steal(&b);
}

static void
compare(const struct peer *p, json_object *c)
{
	const char *name = jv_str(c, "name"), *want = jv_str(c, "answer");
	json_object *headers = jv_get(c, "answer_headers");

	if (status_of(p) != jv_int(c, "status", 0))
		fail_msg("%s: %s", name, p->stdout_.data);
	for (size_t i = 0; i < json_object_array_length(headers); i++) {
		const char *h = jv_text(json_object_array_get_idx(headers, i));

		if (!has_header(p, h))
			fail_msg("%s lacks %s: %s", name, h, p->stdout_.data);
	}
	if (want && strcmp(body_of(p), want) != 0)
		fail_msg("%s:\n got %s\nwant %s", name, body_of(p), want);
}

static void
check_exchange(struct fixture *f, json_object *c)
{
	char *params[20] = { NULL };
	size_t n = 0;
	struct peer p;

	params[n++] = param("Host", "livy.example:8998");
	params[n++] = param_of(c, "REQUEST_METHOD", "method");
	params[n++] = param_of(c, "REQUEST_URI", "uri");
	json_object_object_foreach(jv_get(c, "headers"), key, value)
		params[n++] = param(key, jv_text(value));
	exchange(f, &p, (const char *const *)params, jv_str(c, "body"));
	compare(&p, c);
	while (n > 0)
		free(params[--n]);
	peer_release(&p);
}

static void
recorded_exchanges_are_answered_as_livy_does(void **state)
{
	AUTO_BUF struct buf path = BUF_INIT(4096);
	AUTO_JSON json_object *cases = NULL;
	const char *dir = getenv("srcdir");

	buf_addf(&path, "%s/tests/golden/http/exchanges.json",
	    dir ? dir : ".");
	cases = json_object_from_file(path.data);
	assert_non_null(cases);
	for (size_t i = 0; i < json_object_array_length(cases); i++)
		check_exchange(*state, json_object_array_get_idx(cases, i));
}

static void
put(struct fixture *f, int32_t id, unsigned round)
{
	AUTO_SAMPLE struct sample s;

	sample_init(&s, APP_BATCH, id, round, 0);
	assert_true(cache_put(f->writer, &s.app, &s.text, &s.view));
}

static void
views_and_states_come_from_the_cache(void **state)
{
	struct fixture *f = *state;

	put(f, 3, 1);
	put(f, 7, 2);

	get(f, "/batches/3/state", 200, "{\"id\":3,\"state\":\"running\"}");
	get(f, "/batches/%D9%A3/state", 200,
	    "{\"id\":3,\"state\":\"running\"}");
	get(f, "/batches/name%207/state", 200,
	    "{\"id\":7,\"state\":\"starting\"}");
	get(f, "/batches/3", 200, "{\"id\":3,\"r\":1,\"state\":\"running\","
	    "\"r\":1,\"log\":[\"1\"],\"r\":1}");
	get(f, "/batches?from=1&size=1", 200, "{\"from\":1,\"total\":2,"
	    "\"sessions\":[{\"id\":7,\"r\":2,\"state\":\"starting\","
	    "\"r\":2,\"log\":[\"2\"],\"r\":2}]}");
}

static void
before_the_first_list_nothing_is_denied(void **state)
{
	struct fixture *f = *state;
	const char *why = "{\"msg\":\"the applications in the cluster are "
	    "still being listed\"}";

	get(f, "/batches", 503, why);
	get(f, "/batches/3", 503, why);
	get(f, "/batches/3/state", 503, why);
	get(f, "/batches/3/log", 503, why);
	get(f, "/batches/name", 503, why);
}

static void
readiness_names_what_is_missing(void **state)
{
	struct fixture *f = *state;

	get(f, "/readyz", 503, "there is no cluster credential yet\n");
	atomic_store(&f->gw.cred->generation, 1);
	get(f, "/readyz", 503, "the applications are being listed\n");
	cache_publish(f->writer);
	get(f, "/readyz", 200, "ok\n");
}

static void
an_unknown_id_is_no_404_while_the_cluster_cannot_be_asked(void **state)
{
	struct fixture *f = *state;

	f->conf.namespaces.items = namespaces;
	f->conf.namespaces.count = 1;
	assert_true(slot_calling_begin(f->gw.slots, 1, 1));

	get(f, "/batches/9", 503, "{\"msg\":\"too many requests are waiting "
	    "for the cluster\"}");
	get(f, "/batches/unknown", 404,
	    "{\"msg\":\"Session 'unknown' not found.\"}");
}

static void
what_was_deleted_here_is_absent_without_a_question(void **state)
{
	struct fixture *f = *state;

	f->conf.namespaces.items = namespaces;
	f->conf.namespaces.count = 1;
	put(f, 3, 1);
	assert_true(own_deleted(f->gw.own, 0, APP_BATCH, 3, "uid-3"));

	get(f, "/batches/3/state", 404,
	    "{\"msg\":\"Session '3' not found.\"}");
	get(f, "/batches", 200, "{\"from\":0,\"total\":0,\"sessions\":[]}");
}

static void
a_head_has_the_length_and_no_body(void **state)
{
	struct fixture *f = *state;
	struct peer p;

	exchange(f, &p, (const char *const []){ "REQUEST_METHOD=HEAD",
	    "REQUEST_URI=/batches", NULL }, "");

	assert_int_equal(status_of(&p), 200);
	assert_true(has_header(&p, "Content-Length: 34"));
	assert_string_equal(body_of(&p), "");
	peer_release(&p);
}

static void
errors_carry_when_to_come_again(void **state)
{
	struct fixture *f = *state;
	struct peer p;

	exchange(f, &p, (const char *const []){ "REQUEST_METHOD=GET",
	    "REQUEST_URI=/batches", NULL }, "");

	assert_int_equal(status_of(&p), 503);
	assert_true(has_header(&p, "Retry-After: 1"));
	peer_release(&p);
}

static void
who_must_sign_in_is_told_how(void **state)
{
	struct fixture *f = *state;
	struct peer p;

	f->conf.identity = IDENTITY_REQUIRED;
	exchange(f, &p, (const char *const []){ "REQUEST_METHOD=GET",
	    "REQUEST_URI=/batches", NULL }, "");

	assert_int_equal(status_of(&p), 401);
	assert_true(has_header(&p, "WWW-Authenticate: Basic realm=\"livy\""));
	peer_release(&p);
}

static void
a_redirect_never_carries_a_crooked_host(void **state)
{
	struct fixture *f = *state;
	struct peer p;

	exchange(f, &p, (const char *const []){ "REQUEST_METHOD=GET",
	    "REQUEST_URI=/", "HTTP_HOST=a.b/c?\r\nX: y", NULL }, "");

	assert_true(has_header(&p, "Location: /ui"));
	assert_null(strstr(p.stdout_.data, "X: y"));
	peer_release(&p);
}

static void
a_large_answer_arrives_whole(void **state)
{
	struct fixture *f = *state;
	struct peer p;

	for (int32_t id = 0; id < OBJECTS; id++) {
		AUTO_SAMPLE struct sample s;

		sample_init(&s, APP_BATCH, id, 1, 400);
		assert_true(cache_put(f->writer, &s.app, &s.text, &s.view));
	}
	exchange(f, &p, (const char *const []){ "REQUEST_METHOD=GET",
	    "REQUEST_URI=/batches", NULL }, "");

	assert_int_equal(status_of(&p), 200);
	assert_int_equal(strlen(body_of(&p)), f->rp.body.len);
	assert_true(f->rp.body.len > 40000);
	assert_string_equal(body_of(&p), f->rp.body.data);
	peer_release(&p);
}

static void
an_answer_past_the_limit_is_an_error(void **state)
{
	struct fixture *f = *state;

	reply_release(&f->rp);
	reply_init(&f->rp, 100);
	put(f, 1, 1);
	put(f, 2, 1);

	get(f, "/batches", 500, "{\"msg\":\"a page of 100 is longer than this "
	    "server sends\"}");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up_synced, tear_down)
#define TEST_UNSYNCED(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(recorded_exchanges_are_answered_as_livy_does),
		TEST(views_and_states_come_from_the_cache),
		TEST_UNSYNCED(before_the_first_list_nothing_is_denied),
		TEST_UNSYNCED(readiness_names_what_is_missing),
		TEST(an_unknown_id_is_no_404_while_the_cluster_cannot_be_asked),
		TEST(what_was_deleted_here_is_absent_without_a_question),
		TEST(a_head_has_the_length_and_no_body),
		TEST_UNSYNCED(errors_carry_when_to_come_again),
		TEST(who_must_sign_in_is_told_how),
		TEST(a_redirect_never_carries_a_crooked_host),
		TEST(a_large_answer_arrives_whole),
		TEST(an_answer_past_the_limit_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

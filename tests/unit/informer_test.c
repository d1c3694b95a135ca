#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "buf.h"
#include "cred.h"
#include "http_script.h"
#include "informer.h"
#include "jv.h"
#include "kube_streams.h"
#include "num.h"

#define JSON(line) "HTTP/1.1 " line "\r\nContent-Type: application/json\r\n" \
	"Connection: close\r\n\r\n"
#define OBJECT(name, rv) "{\"metadata\":{\"name\":\"" name "\"," \
	"\"resourceVersion\":\"" rv "\"}}"
#define LIST(rv, more, items) JSON("200 OK") "{\"metadata\":{" \
	"\"resourceVersion\":\"" rv "\",\"continue\":\"" more "\"},\"items\":[" \
	items "]}"
#define EVENT(type, name, rv) "{\"type\":\"" type "\",\"object\":" \
	OBJECT(name, rv) "}\n"
#define STATUS(code) "{\"kind\":\"Status\",\"message\":\"told so\"," \
	"\"code\":" code "}"
#define WATCH JSON("200 OK")

/* An informer, the server it follows, and what it told. */
struct follow {
	struct script server;
	struct cred_shm *shm;
	struct kube_streams *streams;
	struct informer *informer;
	struct buf told;
	int64_t longest_ms;	/* of the waits after failures */
};

static void
on_list_begin(void *arg)
{
	buf_addstr(&((struct follow *)arg)->told, "[");
}

static void
on_list_end(void *arg)
{
	buf_addstr(&((struct follow *)arg)->told, "]");
}

static void
on_live(void *arg)
{
	buf_addstr(&((struct follow *)arg)->told, "L");
}

static void
on_object(void *arg, enum informer_change change, json_object *object)
{
	static const char signs[] = {
		[INFORMER_LISTED] = ' ', [INFORMER_PUT] = '+',
		[INFORMER_GONE] = '-',
	};
	struct buf *told = &((struct follow *)arg)->told;

	buf_addch(told, signs[change]);
	buf_addstr(told, jv_str(object, "metadata.name"));
}

static void
on_trouble(void *arg, enum kube_result result, const char *why,
    int64_t retry_ms)
{
	assert_non_null(why);
	assert_in_range(retry_ms, 1, 60000);
	if (retry_ms > ((struct follow *)arg)->longest_ms)
		((struct follow *)arg)->longest_ms = retry_ms;
	buf_addf(&((struct follow *)arg)->told, "!%d", (int)result);
}

#define LONG_MS 60000	/* no machine takes so long to answer */

static int64_t idle_ms = LONG_MS;

static void
begin(struct follow *f, const struct step *steps, size_t count)
{
	struct kube_opts kube = { .user_agent = "test/1",
		.connect_timeout_ms = LONG_MS, .attempt_ms = LONG_MS,
		.reply_limit = 10000 };
	struct informer_opts opts = { .path = "/apis/x/things",
		.selector = "a=b,c=d", .page = 2, .limit = 8 << 20,
		.watch_timeout_s = 300, .idle_ms = idle_ms,
		.open_ms = LONG_MS, .backoff_ms = 20 };
	struct informer_listener to = { on_list_begin, on_list_end, on_object,
		on_live, on_trouble, f };
	struct cred *cred = mem_alloc(sizeof *cred);

	script_start(&f->server, steps, count);
	f->shm = shm_map(sizeof *f->shm, true);
	snprintf(cred->server, sizeof cred->server, "http://127.0.0.1:%d",
	    f->server.port);
	cred_publish(f->shm, cred);
	free(cred);
	kube.cred = f->shm;
	buf_init(&f->told, 65536);
	f->streams = kube_streams_new(&kube, 2);
	f->informer = informer_new(f->streams, 1, &opts, &to);
}

static void
end(struct follow *f)
{
	kube_streams_free(f->streams);
	informer_free(f->informer);
	buf_release(&f->told);
	munmap(f->shm, sizeof *f->shm);
	script_stop(&f->server);
}

#define BEGIN(f, ...) \
	static const struct step steps[] = { __VA_ARGS__ }; \
	struct follow f = { 0 }; \
	begin(&f, steps, ARRAY_LEN(steps))

/* Runs until the informer has told so much, and no more than that. */
static void
assert_told(struct follow *f, const char *want)
{
	int64_t deadline_ms = num_mono_ms() + LONG_MS;

	while (f->told.len < strlen(want) && num_mono_ms() < deadline_ms) {
		informer_tick(f->informer, num_mono_ms());
		kube_streams_run(f->streams, 20);
	}
	assert_string_equal(f->told.data, want);
}

static void
assert_asked(const struct follow *f, int request, const char *text)
{
	if (!strstr(f->server.seen->request[request], text))
		fail_msg("no %s in %s", text,
		    f->server.seen->request[request]);
}

static void
a_paged_list_is_read_whole_and_then_watched(void **state UNUSED)
{
	BEGIN(f,
	    { LIST("7", "x/y=", OBJECT("a", "1") "," OBJECT("b", "2")),
	    STEP_CLOSE },
	    { LIST("8", "", OBJECT("c", "3")), STEP_CLOSE },
	    { WATCH EVENT("ADDED", "d", "9") EVENT("DELETED", "a", "10"),
	    STEP_STALL });

	assert_told(&f, "[ a b c]L+d-a");

	assert_asked(&f, 0, "GET /apis/x/things?labelSelector=a%3Db%2Cc%3Dd"
	    "&limit=2 ");
	assert_asked(&f, 1, "&limit=2&continue=x%2Fy%3D ");
	assert_asked(&f, 2, "watch=1");
	assert_asked(&f, 2, "allowWatchBookmarks=true");
	assert_asked(&f, 2, "resourceVersion=8&");
	assert_true(informer_state(f.informer).listed);
	assert_true(informer_state(f.informer).live);
	end(&f);
}

static void
the_next_watch_goes_on_from_the_last_bookmark(void **state UNUSED)
{
	BEGIN(f, { LIST("7", "", ""), STEP_CLOSE },
	    { WATCH EVENT("MODIFIED", "a", "8") EVENT("BOOKMARK", "", "12"),
	    STEP_CLOSE },
	    { WATCH EVENT("MODIFIED", "a", "13"), STEP_STALL });

	assert_told(&f, "[]L+a!8L+a");

	assert_asked(&f, 2, "resourceVersion=12&");
	end(&f);
}

static void
a_watch_that_is_too_old_is_followed_by_a_list(void **state UNUSED)
{
	BEGIN(f, { LIST("7", "", OBJECT("a", "1")), STEP_CLOSE },
	    { WATCH "{\"type\":\"ERROR\",\"object\":" STATUS("410") "}\n",
	    STEP_KEEP },
	    { LIST("9", "", OBJECT("b", "8")), STEP_CLOSE },
	    { JSON("410 Gone") STATUS("410"), STEP_CLOSE },
	    { LIST("11", "", OBJECT("c", "10")), STEP_CLOSE },
	    { WATCH, STEP_STALL });

	assert_told(&f, "[ a]L!6[ b]!6[ c]L");

	assert_asked(&f, 5, "resourceVersion=11&");
	end(&f);
}

static void
an_error_that_passes_goes_on_where_it_was(void **state UNUSED)
{
	BEGIN(f, { LIST("7", "", ""), STEP_CLOSE },
	    { WATCH EVENT("ADDED", "a", "8")
	    "{\"type\":\"ERROR\",\"object\":" STATUS("500") "}\n",
	    STEP_KEEP },
	    { JSON("503 Service Unavailable") STATUS("503"), STEP_CLOSE },
	    { "", STEP_RESET },
	    { WATCH, STEP_STALL });

	assert_told(&f, "[]L+a!7!7!8L");

	assert_asked(&f, 4, "resourceVersion=8&");
	end(&f);
}

static void
an_expired_page_begins_the_list_anew(void **state UNUSED)
{
	BEGIN(f, { LIST("7", "tok", OBJECT("a", "1")), STEP_CLOSE },
	    { JSON("410 Gone") STATUS("410"), STEP_CLOSE },
	    { LIST("9", "", OBJECT("b", "8")), STEP_CLOSE },
	    { WATCH, STEP_STALL });

	assert_told(&f, "[ a!6[ b]L");

	assert_null(strstr(f.server.seen->request[2], "continue"));
	end(&f);
}

/* What a list has so far is not asked for again. */
static void
of_a_list_that_breaks_off_only_the_page_is_lost(void **state UNUSED)
{
	BEGIN(f, { LIST("7", "tok", OBJECT("a", "1")), STEP_CLOSE },
	    { JSON("200 OK") "{\"metadata\":{\"resourceVersion\":\"7\"},"
	    "\"items\":[" OBJECT("b", "2") ",{\"meta", STEP_RESET },
	    { JSON("503 Service Unavailable") STATUS("503"), STEP_CLOSE },
	    { JSON("200 OK") "<html>", STEP_CLOSE },
	    { LIST("7", "", OBJECT("b", "2")), STEP_CLOSE },
	    { WATCH, STEP_STALL });

	assert_told(&f, "[ a!8!7!9 b]L");

	for (int i = 1; i <= 4; i++)
		assert_asked(&f, i, "&limit=2&continue=tok ");
	end(&f);
}

/* Sends a page of so many bytes that breaks off, over and over. */
static int64_t
longest_wait(size_t bytes, const char *first_page)
{
	struct step steps[SCRIPT_MAX];
	size_t from = *first_page ? 1 : 0;
	char *text = mem_alloc(bytes + 200), want[64] = "";
	struct follow f = { 0 };
	int64_t longest_ms;

	memset(text, ' ', bytes + 199);
	memcpy(text, WATCH, strlen(WATCH));
	steps[0] = (struct step){ first_page, STEP_CLOSE };
	for (size_t i = from; i < 9; i++) {
		steps[i] = (struct step){ text, STEP_CLOSE };
		snprintf(want + strlen(want), 3, "!9");
	}
	begin(&f, steps, 9);
	assert_told(&f, *first_page ? "[ a!9!9!9!9!9!9!9!9" : want);
	longest_ms = f.longest_ms;
	end(&f);
	free(text);
	return longest_ms;
}

/* The eighth time it would wait for 1.28 to 2.56 s, if it only got longer. */
static void
a_wait_is_as_long_as_what_was_read_in_vain_is_large(void **state UNUSED)
{
	assert_in_range(longest_wait(1500000, ""), 250, 500);
	assert_in_range(longest_wait(5000000, ""), 610, 1221);
	assert_in_range(longest_wait(1500000, LIST("7", "tok",
	    OBJECT("a", "1"))), 250, 500);
}

static void
a_silent_watch_is_stalled_and_opened_again(void **state UNUSED)
{
	static const struct step steps[] = { { LIST("7", "", ""), STEP_CLOSE },
	    { WATCH, STEP_KEEP }, { WATCH, STEP_STALL } };
	struct follow f = { 0 };

	idle_ms = 1500;
	begin(&f, steps, ARRAY_LEN(steps));
	idle_ms = LONG_MS;

	assert_told(&f, "[]L!8L");

	end(&f);
}

static void
half_an_answer_is_no_list(void **state UNUSED)
{
	BEGIN(f, { JSON("200 OK") "{\"metadata\":{\"resourceVersion\":\"7\"},"
	    "\"items\":[{\"meta", STEP_CLOSE },
	    { JSON("200 OK") "<html>", STEP_CLOSE },
	    { LIST("8", "", OBJECT("a", "1")), STEP_CLOSE },
	    { WATCH, STEP_STALL });

	assert_told(&f, "!9!9[ a]L");

	end(&f);
}

static void
a_watch_that_makes_no_sense_is_followed_by_a_list(void **state UNUSED)
{
	BEGIN(f, { LIST("7", "", ""), STEP_CLOSE },
	    { WATCH "{\"type\":\"SURPRISE\"}\n", STEP_KEEP },
	    { LIST("8", "", OBJECT("a", "1")), STEP_CLOSE },
	    { WATCH, STEP_STALL });

	assert_told(&f, "[]L!9[ a]L");

	end(&f);
}

static void
what_is_refused_waits_long_and_says_so(void **state UNUSED)
{
	BEGIN(f, { JSON("403 Forbidden") "{\"kind\":\"Status\",\"reason\":"
	    "\"Forbidden\",\"message\":\"User cannot list\",\"code\":403}",
	    STEP_CLOSE });

	assert_told(&f, "!5");

	assert_true(informer_state(f.informer).refused);
	assert_false(informer_state(f.informer).listed);
	assert_true(informer_tick(f.informer, num_mono_ms()) >
	    num_mono_ms() + 10000);
	end(&f);
}

static void
a_401_asks_for_a_new_credential(void **state UNUSED)
{
	BEGIN(f, { JSON("401 Unauthorized") STATUS("401"), STEP_CLOSE },
	    { LIST("8", "", ""), STEP_CLOSE }, { WATCH, STEP_STALL });

	assert_told(&f, "!8[]L");

	assert_int_equal(atomic_load(&f.shm->refused), 1);
	assert_false(informer_state(f.informer).refused);
	end(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_paged_list_is_read_whole_and_then_watched),
		cmocka_unit_test(the_next_watch_goes_on_from_the_last_bookmark),
		cmocka_unit_test(a_watch_that_is_too_old_is_followed_by_a_list),
		cmocka_unit_test(an_error_that_passes_goes_on_where_it_was),
		cmocka_unit_test(an_expired_page_begins_the_list_anew),
		cmocka_unit_test(
		    of_a_list_that_breaks_off_only_the_page_is_lost),
		cmocka_unit_test(
		    a_wait_is_as_long_as_what_was_read_in_vain_is_large),
		cmocka_unit_test(a_silent_watch_is_stalled_and_opened_again),
		cmocka_unit_test(half_an_answer_is_no_list),
		cmocka_unit_test(
		    a_watch_that_makes_no_sense_is_followed_by_a_list),
		cmocka_unit_test(what_is_refused_waits_long_and_says_so),
		cmocka_unit_test(a_401_asks_for_a_new_credential),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "config.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "cache.h"
#include "conf.h"
#include "cred.h"
#include "gw.h"
#include "num.h"
#include "own.h"
#include "sample.h"
#include "shm.h"
#include "slots.h"
#include "watcher.h"

#define OBJECTS 100
#define BYTES (1 << 20)
#define SETTLING_MS 600	/* the watcher looks at writes more often */
#define DEADLINE_MS 60000
#define BRIEF_MS 300
#define GRACE_MS 30000		/* settle.c's, which a test has no time for */

/* What the server sends on a watch of applications, as the test adds it. */
struct events {
	_Atomic size_t len;
	_Atomic bool refuse_other;	/* 403 for the namespace "other" */
	_Atomic bool brief;	/* a watch is ended after BRIEF_MS */
	char text[65536];
};

struct fixture {
	struct events *events;
	struct conf conf;
	struct gw gw;
	struct own *own;
	struct cache *cache;
	pid_t server, watcher;
};

static char *namespaces[] = { (char[]){ "ns" }, (char[]){ "other" } };

static void
say(int fd, const char *text, size_t len)
{
	if (write(fd, text, len) != (ssize_t)len)
		_exit(0);
}

static void
follow_events(int fd, const struct events *events)
{
	int64_t end_ms = num_mono_ms() + BRIEF_MS;
	size_t sent = 0, len;

	while ((!atomic_load(&events->brief) || num_mono_ms() < end_ms) &&
	    poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, 5) == 0) {
		len = atomic_load(&events->len);
		say(fd, events->text + sent, len - sent);
		sent = len;
	}
}

/* One request a connection: an empty list, a watch, a refusal. */
static void
answer(int fd, const struct events *events)
{
	static const char head[] = "HTTP/1.1 200 OK\r\n"
	    "Content-Type: application/json\r\nConnection: close\r\n\r\n";
	static const char list[] =
	    "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[]}";
	static const char refused[] = "HTTP/1.1 403 Forbidden\r\n"
	    "Content-Type: application/json\r\nConnection: close\r\n\r\n"
	    "{\"kind\":\"Status\",\"reason\":\"Forbidden\",\"message\":\"User "
	    "cannot list\",\"code\":403}";
	char request[4096] = "";
	size_t len = 0;
	ssize_t n;

	while (!strstr(request, "\r\n\r\n") &&
	    (n = read(fd, request + len, sizeof request - 1 - len)) > 0)
		len += (size_t)n;
	if (atomic_load(&events->refuse_other) &&
	    strstr(request, "/namespaces/other/")) {
		say(fd, refused, sizeof refused - 1);
		return;
	}
	say(fd, head, sizeof head - 1);
	if (!strstr(request, "watch=1"))
		say(fd, list, sizeof list - 1);
	else if (strstr(request, "/ns/sparkapplications"))
		follow_events(fd, events);
	else
		poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, -1);
}

static int
start_server(struct fixture *f)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof sa;
	int fd = socket(AF_INET, SOCK_STREAM, 0), c;

	assert_int_equal(bind(fd, (struct sockaddr *)&sa, len), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	f->server = fork();
	if (f->server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGCHLD, SIG_IGN);
		while ((c = accept(fd, NULL, NULL)) >= 0) {
			if (fork() == 0) {
				prctl(PR_SET_PDEATHSIG, SIGKILL);
				answer(c, f->events);
				_exit(0);
			}
			close(c);
		}
		_exit(1);
	}
	close(fd);
	return ntohs(sa.sin_port);
}

static void
start_watcher(struct fixture *f)
{
	f->watcher = fork();
	if (f->watcher == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		watcher_main(&f->gw);
	}
}

static int
setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof *f);
	struct cred *cred = mem_alloc(sizeof *cred);
	static char none[] = "";

	f->events = shm_map(sizeof *f->events, false);
	f->conf = (struct conf){ .gateway = namespaces[0], .workers = 2,
		.audit_log = none,
		.namespaces = { namespaces, 1 }, .list_page = 10,
		.connect_timeout_ms = 2000, .call_timeout_ms = 2000,
		.watch_timeout_s = 300, .watch_idle_ms = 60000,
		.reply_limit = 1 << 20, .cache_objects = OBJECTS,
		.cache_bytes = BYTES };
	f->gw = (struct gw){ .conf = &f->conf, .slot = -1,
		.cred = shm_map(sizeof *f->gw.cred, true),
		.slots = shm_map(slots_size(2), false),
		.cache_mem = shm_map(cache_size(OBJECTS, BYTES), false),
		.own_mem = shm_map(own_size(2), false) };
	slots_format(f->gw.slots, 2);
	cache_format(f->gw.cache_mem, OBJECTS, BYTES);
	snprintf(cred->server, sizeof cred->server, "http://127.0.0.1:%d",
	    start_server(f));
	cred_publish(f->gw.cred, cred);
	free(cred);
	f->own = own_open(f->gw.own_mem, 2);
	f->cache = cache_open(f->gw.cache_mem, f->own);
	log_set_level(LOG_ERROR);
	*state = f;
	return 0;
}

/* Ends a child by this signal, once; its status. */
static int
end(pid_t *pid, int sig)
{
	int status = 0;

	if (*pid > 0) {
		kill(*pid, sig);
		waitpid(*pid, &status, 0);
	}
	*pid = 0;
	return status;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	end(&f->server, SIGKILL);
	end(&f->watcher, SIGKILL);
	cache_close(f->cache);
	own_close(f->own);
	free(f);	/* the mappings end with the test */
	return 0;
}

static void
send_event(struct fixture *f, const char *type, int id, const char *state)
{
	size_t len = atomic_load(&f->events->len);

	len += (size_t)snprintf(f->events->text + len,
	    sizeof f->events->text - len, "{\"type\":\"%s\",\"object\":{"
	    "\"metadata\":{\"name\":\"livy-ns-b-%d\",\"namespace\":\"ns\","
	    "\"uid\":\"u\",\"resourceVersion\":\"%zu\",\"labels\":{\""
	    LABEL_GATEWAY "\":\"ns\",\"" LABEL_KIND "\":\"batch\"}},"
	    "\"status\":{\"applicationState\":{\"state\":\"%s\"}}}}\n", type,
	    id, len + 2, state);
	assert_true(len < sizeof f->events->text);
	atomic_store(&f->events->len, len);
}

static void
create(struct fixture *f, int32_t id)
{
	AUTO_SAMPLE struct sample s;

	sample_init(&s, APP_BATCH, id, 0, 0);
	assert_true(own_created(f->own, 0, &s.app, &s.text, &s.view));
}

#define WAIT_FOR(condition) do { \
	int64_t end_ms = num_mono_ms() + DEADLINE_MS; \
	while (!(condition)) { \
		if (num_mono_ms() > end_ms) \
			fail_msg("in vain: %s", #condition); \
		sched_yield(); \
	} \
} while (0)

static bool
is_synced(const struct fixture *f)
{
	struct cache_health h;

	cache_health(f->cache, &h);
	return h.synced;
}

static bool
has_state(const struct fixture *f, int32_t id, enum livy_state want)
{
	enum livy_state is;

	return cache_get_state(f->cache, APP_BATCH, id, &is) == CACHE_FOUND &&
	    is == want;
}

static size_t
open_writes(const struct fixture *f)
{
	struct own_write w;
	size_t cursor = 0, n = 0;

	while (own_next(f->own, &cursor, &w))
		n++;
	return n;
}

static void
events_become_states_that_readers_see(void **state)
{
	struct fixture *f = *state;
	enum livy_state livy;

	start_watcher(f);
	WAIT_FOR(is_synced(f));
	send_event(f, "ADDED", 5, "");
	WAIT_FOR(has_state(f, 5, LIVY_STARTING));
	send_event(f, "MODIFIED", 5, "RUNNING");
	WAIT_FOR(has_state(f, 5, LIVY_RUNNING));
	send_event(f, "DELETED", 5, "RUNNING");
	WAIT_FOR(cache_get_state(f->cache, APP_BATCH, 5, &livy) ==
	    CACHE_ABSENT);
}

static void
own_writes_are_settled_whether_told_before_or_after(void **state)
{
	struct fixture *f = *state;

	create(f, 9);	/* not in the list, so it is gone by then */
	start_watcher(f);
	WAIT_FOR(is_synced(f));
	WAIT_FOR(open_writes(f) == 0);

	create(f, 1);	/* newer than the list, which tells nothing of it */
	usleep(SETTLING_MS * 1000);
	assert_int_equal(open_writes(f), 1);
	send_event(f, "ADDED", 1, "");
	WAIT_FOR(open_writes(f) == 0);

	send_event(f, "ADDED", 2, "");
	WAIT_FOR(has_state(f, 2, LIVY_STARTING));
	create(f, 2);
	WAIT_FOR(open_writes(f) == 0);

	assert_true(own_deleted(f->own, 1, APP_BATCH, 1, "u"));
	send_event(f, "DELETED", 1, "");
	WAIT_FOR(open_writes(f) == 0);

	send_event(f, "DELETED", 2, "");
	WAIT_FOR(!has_state(f, 2, LIVY_STARTING));
	assert_true(own_deleted(f->own, 1, APP_BATCH, 2, "u"));
	WAIT_FOR(open_writes(f) == 0);
}

static void
a_refused_namespace_does_not_keep_the_other_back(void **state)
{
	struct fixture *f = *state;

	atomic_store(&f->events->refuse_other, true);
	f->conf.namespaces.count = 2;
	start_watcher(f);

	WAIT_FOR(is_synced(f));
	send_event(f, "ADDED", 5, "RUNNING");
	WAIT_FOR(has_state(f, 5, LIVY_RUNNING));
}

static void
a_killed_watcher_is_succeeded_while_reads_go_on(void **state)
{
	struct fixture *f = *state;

	start_watcher(f);
	WAIT_FOR(is_synced(f));
	send_event(f, "ADDED", 5, "RUNNING");
	WAIT_FOR(has_state(f, 5, LIVY_RUNNING));
	end(&f->watcher, SIGKILL);
	assert_true(has_state(f, 5, LIVY_RUNNING));

	send_event(f, "MODIFIED", 5, "COMPLETED");
	start_watcher(f);
	WAIT_FOR(has_state(f, 5, LIVY_SUCCESS));
}

/* Each watch goes on where the last one was: nothing is missed in between. */
static void
orphans_are_settled_though_watches_end_and_begin(void **state)
{
	static const struct intent intent = { .kind = APP_BATCH, .id = 3,
		.request_id = "r" };
	struct fixture *f = *state;
	const struct intent *orphan = &f->gw.slots->orphan[0].intent;

	atomic_store(&f->events->brief, true);
	f->conf.request_deadline_ms = 4 * BRIEF_MS - GRACE_MS;
	assert_true(slot_recover(f->gw.slots, &intent));
	start_watcher(f);

	WAIT_FOR(!atomic_load(&orphan->open));
}

static void
sigterm_ends_it_well(void **state)
{
	struct fixture *f = *state;
	int status;

	start_watcher(f);
	WAIT_FOR(is_synced(f));
	status = end(&f->watcher, SIGTERM);

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(events_become_states_that_readers_see),
		TEST(own_writes_are_settled_whether_told_before_or_after),
		TEST(a_refused_namespace_does_not_keep_the_other_back),
		TEST(a_killed_watcher_is_succeeded_while_reads_go_on),
		TEST(orphans_are_settled_though_watches_end_and_begin),
		TEST(sigterm_ends_it_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

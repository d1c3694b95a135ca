#include "config.h"

#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "cache.h"
#include "cache_write.h"
#include "num.h"
#include "own.h"
#include "sample.h"
#include "shm.h"

#define OBJECTS 200
#define BYTES (512 << 10)
#define READERS 3
#define RUN_MS 1000
#define READS 100		/* that are found at least, however slow it is */
#define LONGEST_MS 60000

struct shared {
	_Atomic bool stop;
	_Atomic int64_t reads;
	_Atomic int64_t found;
	_Atomic int64_t rounds;	/* of writers */
	_Atomic int32_t first, last; /* ids that are there, for all to see */
};

static struct shared *shared;
static void *mem, *own_mem;

static uint32_t
next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/*
 * Churns what is there for ever: puts of all lengths, removals. The even ids
 * below 100 stay, so readers know what must never be missing.
 */
static void NORETURN
write_for_ever(uint32_t seed)
{
	struct cache_writer *w = cache_writer_new(mem);

	for (unsigned round = 0;; round++) {
		for (int32_t id = 0; id < OBJECTS; id++) {
			AUTO_SAMPLE struct sample s;

			if (round > 0 && next_random(&seed) % 3)
				continue;
			if (round > 0 && (id % 2 || id >= 100) &&
			    next_random(&seed) % 4 == 0) {
				cache_remove(w, APP_BATCH, id);
				continue;
			}
			sample_init(&s, APP_BATCH, id, next_random(&seed) %
			    1000, next_random(&seed) % 1500);
			cache_put(w, &s.app, &s.text, &s.view);
		}
		cache_publish(w);
		atomic_fetch_add(&shared->rounds, 1);
	}
}

/* A view belongs together: every part tells the same round. */
static bool
is_consistent(const char *json, int32_t id)
{
	unsigned in_head, in_mid, in_log, in_tail;
	const char *log;
	char state[16];
	int head_id;
	size_t letters;

	if (sscanf(json, "{\"id\":%d,\"r\":%u,\"state\":\"%15[a-z]\",\"r\":%u,"
	    "\"log\":[\"%u", &head_id, &in_head, state, &in_mid, &in_log) != 5)
		return false;
	log = strchr(json, '[') + 2;
	log += strspn(log, "0123456789");
	letters = strspn(log, (const char[]){ (char)('a' + in_log % 26), 0 });
	if (sscanf(log + letters, "\"],\"r\":%u}", &in_tail) != 1)
		return false;
	return (id < 0 || head_id == id) && in_head == in_mid &&
	    in_mid == in_log && in_log == in_tail &&
	    strcmp(state, in_head % 2 ? "running" : "starting") == 0;
}

static bool
read_one(struct cache *c, int32_t id, bool must_be_there)
{
	AUTO_VIEW struct cache_view v = CACHE_VIEW_INIT;
	AUTO_BUF struct buf json = BUF_INIT(65536);
	char name[32];

	if (cache_get(c, APP_BATCH, id, &v) != CACHE_FOUND)
		return !must_be_there;
	atomic_fetch_add(&shared->found, 1);
	cache_view_json(&v, NULL, &json);
	snprintf(name, sizeof name, "name %d", (int)id);
	return strcmp(v.text.name, name) == 0 && v.app.id == id &&
	    (!v.whole || is_consistent(json.data, id));
}

static bool
read_name(struct cache *c, int32_t id)
{
	AUTO_VIEW struct cache_view v = CACHE_VIEW_INIT;
	char name[32];

	snprintf(name, sizeof name, "name %d", (int)id);
	return cache_find_name(c, APP_BATCH, name, &v) != CACHE_FOUND ||
	    v.app.id == id;
}

static bool
read_page(struct cache *c, struct buf *page)
{
	int64_t total = -1;
	int32_t last = -1;
	int id;

	buf_clear(page);
	cache_page(c, APP_BATCH, 0, 1000, NULL, page, &total);
	if (total < 0 || total > OBJECTS)
		return false;
	for (const char *p = page->data; *p; p += p[0] == ',') {
		if (strncmp(p, "{\"id\":", 6) != 0 ||
		    sscanf(p, "{\"id\":%d", &id) != 1 || id <= last)
			return false;
		if (strncmp(strchr(p, ','), ",\"r\"", 4) == 0 &&
		    !is_consistent(p, -1))
			return false;
		last = id;
		p = strchr(p, '}');	/* appInfo's, of a partial one */
		while (p[1] == ',' && p[2] == '"')
			p = strchr(p + 1, '}');
		p++;
	}
	return true;
}

/* 0 = all was well; otherwise which kind of read was not. */
static int
read_until_stop(uint32_t seed, bool none_is_missing)
{
	struct cache *c = cache_open(mem, NULL);
	AUTO_BUF struct buf page = BUF_INIT(4 << 20);
	int failed = 0;

	while (!failed && !atomic_load(&shared->stop)) {
		int32_t id = (int32_t)(next_random(&seed) % OBJECTS);

		if (!read_one(c, id, none_is_missing && id % 2 == 0 &&
		    id < 100))
			failed = 1;
		if (!read_name(c, id))
			failed = 2;
		if (seed % 16 == 0 && !read_page(c, &page))
			failed = 3;
		atomic_fetch_add(&shared->reads, 1);
	}
	cache_close(c);
	return failed;
}

/*
 * A worker that creates one application after another and deletes those
 * some steps behind; what it has done is told in shared->first and last.
 */
static void NORETURN
create_and_delete_for_ever(uint32_t seed UNUSED)
{
	struct own *own = own_open(own_mem, 1);

	for (int32_t id = 0;; id++) {
		AUTO_SAMPLE struct sample s;

		sample_init(&s, APP_BATCH, id, 0, 0);
		while (!own_created(own, 0, &s.app, &s.text, &s.view))
			sched_yield();
		atomic_store(&shared->last, id);
		if (id < 10)
			continue;
		/* nobody may still count on it when it goes */
		atomic_store(&shared->first, id - 9);
		while (!own_deleted(own, 0, APP_BATCH, id - 10, "uid"))
			sched_yield();
	}
}

/* The watcher of such a worker: puts and removes, then settles. */
static void NORETURN
settle_for_ever(uint32_t seed UNUSED)
{
	struct own *own = own_open(own_mem, 1);
	struct cache_writer *w = cache_writer_new(mem);
	struct own_write write;

	cache_publish(w);
	for (;; atomic_fetch_add(&shared->rounds, 1)) {
		size_t cursor = 0;

		while (own_next(own, &cursor, &write)) {
			AUTO_SAMPLE struct sample s;

			sample_init(&s, APP_BATCH, write.id, 1, 0);
			if (write.op == OWN_CREATED)
				cache_put(w, &s.app, &s.text, &s.view);
			else
				cache_remove(w, APP_BATCH, write.id);
			own_settle(own, APP_BATCH, write.id,
			    write.op == OWN_DELETED);
		}
		sched_yield();
	}
}

/* What was there before and after a read must have been seen by it. */
static int
follow_until_stop(void)
{
	struct own *own = own_open(own_mem, 1);
	struct cache *c = cache_open(mem, own);
	AUTO_VIEW struct cache_view v = CACHE_VIEW_INIT;
	AUTO_BUF struct buf page = BUF_INIT(4 << 20);
	int failed = 0;

	while (!failed && !atomic_load(&shared->stop)) {
		int32_t last = atomic_load(&shared->last);
		int32_t before = atomic_load(&shared->first);
		enum cache_found found = cache_get(c, APP_BATCH, last, &v);
		char head[32];
		int64_t total;

		if (last >= 0 && found != CACHE_FOUND &&
		    atomic_load(&shared->first) <= last)
			failed = 4;
		if (before >= 2 && cache_get(c, APP_BATCH, before - 2, &v) ==
		    CACHE_FOUND)
			failed = 5;
		buf_clear(&page);
		cache_page(c, APP_BATCH, 0, 1000, NULL, &page, &total);
		snprintf(head, sizeof head, "{\"id\":%d,", (int)last);
		if (last >= 0 && !strstr(page.data, head) &&
		    atomic_load(&shared->first) <= last)
			failed = 6;
		snprintf(head, sizeof head, "{\"id\":%d,", (int)before - 2);
		if (before >= 2 && strstr(page.data, head))
			failed = 7;
		atomic_fetch_add(&shared->found, 1);
	}
	cache_close(c);
	own_close(own);
	return failed;
}

static pid_t
start(void (*writer)(uint32_t), uint32_t seed, bool none_is_missing)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);	/* if the test fails */
	if (pid == 0 && writer)
		writer(seed);
	if (pid == 0)
		_exit(read_until_stop(seed, none_is_missing));
	return pid;
}

static void
stop_readers(const pid_t *readers)
{
	int status;

	atomic_store(&shared->stop, true);
	for (int i = 0; i < READERS; i++) {
		assert_int_equal(waitpid(readers[i], &status, 0), readers[i]);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
	assert_true(atomic_load(&shared->found) > READS);
}

/* A second of it, or until enough was read on a machine that is busy. */
static bool
goes_on(int64_t start_ms)
{
	int64_t ms = num_mono_ms() - start_ms;

	return ms < RUN_MS ||
	    (ms < LONGEST_MS && atomic_load(&shared->found) <= READS);
}

static void
kill_writer(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void
wait_rounds(int64_t more)
{
	int64_t until = atomic_load(&shared->rounds) + more;
	int64_t deadline_ms = num_mono_ms() + 30000;

	while (atomic_load(&shared->rounds) < until) {
		assert_true(num_mono_ms() < deadline_ms);
		sched_yield();
	}
}

static void
own_writes_never_flicker_while_they_are_settled(void **state UNUSED)
{
	pid_t readers[READERS], writer, worker;
	int64_t start_ms;

	atomic_store(&shared->last, -1);
	writer = start(settle_for_ever, 0, false);
	worker = start(create_and_delete_for_ever, 0, false);
	for (int i = 0; i < READERS; i++) {
		readers[i] = fork();
		assert_true(readers[i] >= 0);
		if (readers[i] == 0)
			_exit(follow_until_stop());
	}
	start_ms = num_mono_ms();
	while (goes_on(start_ms))
		wait_rounds(1);
	stop_readers(readers);
	assert_true(atomic_load(&shared->last) > 200);
	kill_writer(worker);
	kill_writer(writer);
}

static int
setup(void **state UNUSED)
{
	own_mem = shm_map(own_size(1), false);
	mem = shm_map(cache_size(OBJECTS, BYTES), false);
	cache_format(mem, OBJECTS, BYTES);
	shared = shm_map(sizeof *shared, false);
	return 0;
}

static int
teardown(void **state UNUSED)
{
	munmap(mem, cache_size(OBJECTS, BYTES));
	munmap(shared, sizeof *shared);
	munmap(own_mem, own_size(1));
	return 0;
}

static void
readers_see_whole_views_while_a_writer_churns(void **state UNUSED)
{
	pid_t writer = start(write_for_ever, 1, false), readers[READERS];
	int64_t start_ms;

	wait_rounds(1);
	for (uint32_t i = 0; i < READERS; i++)
		readers[i] = start(NULL, i + 10, /* none_is_missing= */ true);
	start_ms = num_mono_ms();
	while (goes_on(start_ms))
		wait_rounds(1);
	stop_readers(readers);
	kill_writer(writer);
}

static void
readers_survive_writers_that_are_killed_and_replaced(void **state UNUSED)
{
	pid_t readers[READERS], writer;
	int64_t start_ms = num_mono_ms();

	for (uint32_t i = 0; i < READERS; i++)
		readers[i] = start(NULL, i + 10, /* none_is_missing= */ false);
	for (uint32_t seed = 0; goes_on(start_ms); seed++) {
		writer = start(write_for_ever, seed, false);
		wait_rounds(1 + seed % 3);
		kill_writer(writer);
	}
	/* the last one's successor serves everything */
	writer = start(write_for_ever, 1, false);
	wait_rounds(1);
	kill_writer(writer);
	stop_readers(readers);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(readers_see_whole_views_while_a_writer_churns),
		TEST(readers_survive_writers_that_are_killed_and_replaced),
		TEST(own_writes_never_flicker_while_they_are_settled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "config.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "feed.h"
#include "feed_shm.h"
#include "feed_write.h"
#include "num.h"
#include "shm.h"

#define SESSIONS 20
#define BYTES FEED_RUN_MAX

struct world {
	void *mem;
	int late;	/* the statement whose output comes late */
	struct feed_writer *w;
	struct feed *f;
};

static int
setup(void **state)
{
	struct world *o = mem_alloc(sizeof *o);

	o->mem = shm_map(feed_size(SESSIONS, BYTES), false);
	feed_format(o->mem, SESSIONS, BYTES);
	o->w = feed_writer_new(o->mem);
	o->f = feed_open(o->mem, -1);
	*state = o;
	return 0;
}

static int
teardown(void **state)
{
	struct world *o = *state;

	feed_writer_free(o->w);
	feed_close(o->f);
	munmap(o->mem, feed_size(SESSIONS, BYTES));
	free(o);
	return 0;
}

/* What an agent says: its state, next, and statements as JSON. */
static bool
put(struct feed_writer *w, int32_t id, const char *session, int32_t next,
    const char *changed)
{
	AUTO_BUF struct buf b = BUF_INIT(2 * FEED_RUN_MAX);
	struct agent_state say;

	buf_addf(&b, "{\"instance\":\"i\",\"version\":1,\"state\":\"%s\","
	    "\"next\":%d,\"total\":%d,\"changed\":[%s]}", session, (int)next,
	    (int)next, changed);
	assert_true(agent_say_state(b.data, b.len, &say));
	return feed_put(w, id, "uid", &say);
}

static void *
bring_late(void *arg)
{
	struct world *o = arg;
	struct statement s;
	struct jpart p;
	char whole[100];

	snprintf(whole, sizeof whole, "{\"id\":%d,\"code\":\"x\","
	    "\"state\":\"available\",\"output\":{\"late\":1}}", o->late);
	usleep(50000);
	assert_true(jscan_check(whole, strlen(whole), &p) &&
	    agent_say_statement(p, &s));
	feed_put_statement(o->w, 1, &s);
	return NULL;
}

static enum feed_found
get_soon(struct feed *f, int32_t sid, int64_t *ret_took_ms)
{
	AUTO_BUF struct buf strings = BUF_INIT(2 * FEED_RUN_MAX);
	int64_t began = num_mono_ms();
	enum feed_found found;
	struct statement s;

	found = feed_statement_soon(f, 1, "uid", sid, began + FEED_FETCH_MS,
	    &s, &strings);
	*ret_took_ms = num_mono_ms() - began;
	return found;
}

#define TURNS 20	/* a machine may be slow, but not each time */

/* The news of statements 0 to count - 1, of which each has a long output. */
static void
tell_long(struct world *o, int count, int bytes)
{
	AUTO_BUF struct buf changed = BUF_INIT(10000);

	for (int i = 0; i < count; i++)
		buf_addf(&changed, "%s{\"id\":%d,\"code\":\"x\","
		    "\"state\":\"available\",\"outputBytes\":%d}",
		    i > 0 ? "," : "", i, bytes);
	assert_true(put(o->w, 1, "idle", count, changed.data));
}

/* For a moment after the news, and only for what the feeder fetches. */
static void
an_output_that_comes_is_waited_for(void **state)
{
	struct world *o = *state;
	enum feed_found found = FEED_PART;
	pthread_t other;
	int64_t took;

	for (o->late = 0; o->late < TURNS && found != FEED_WHOLE; o->late++) {
		tell_long(o, TURNS + 1, 500000);
		assert_int_equal(pthread_create(&other, NULL, bring_late, o),
		    0);
		found = get_soon(o->f, o->late, &took);
		assert_int_equal(pthread_join(other, NULL), 0);
	}
	assert_int_equal(found, FEED_WHOLE);
	assert_int_equal(get_soon(o->f, TURNS, &took), FEED_PART);
	assert_int_equal(get_soon(o->f, TURNS + 1, &took), FEED_ABSENT);
}

static void
an_output_that_does_not_come_is_waited_for_once(void **state)
{
	struct world *o = *state;
	int64_t took = FEED_FETCH_MS;

	for (int i = 0; i < TURNS && took >= FEED_FETCH_MS / 2; i++) {
		tell_long(o, 1, 500000);
		assert_int_equal(get_soon(o->f, 0, &took), FEED_PART);
		assert_int_equal(get_soon(o->f, 0, &took), FEED_PART);
	}
	assert_true(took < FEED_FETCH_MS / 2);
}

static void
an_output_that_is_too_long_is_not_waited_for(void **state)
{
	struct world *o = *state;
	int64_t took = FEED_FETCH_MS;

	for (int i = 0; i < TURNS && took >= FEED_FETCH_MS / 2; i++) {
		tell_long(o, 1, 50000000);
		assert_int_equal(get_soon(o->f, 0, &took), FEED_PART);
	}
	assert_true(took < FEED_FETCH_MS / 2);
}

/* The news of one that runs: "id":1 is at work, 0 is over. */
static void
tell_again(struct world *o)
{
	assert_true(put(o->w, 1, "busy", 2, "{\"id\":0,\"code\":\"x\","
	    "\"state\":\"available\",\"outputBytes\":500000},"
	    "{\"id\":1,\"code\":\"x\",\"state\":\"running\"}"));
}

static _Atomic bool told_enough;

static void *
tell_on(void *arg)
{
	for (int i = 0; i < 600 && !atomic_load(&told_enough); i++) {
		tell_again(arg);
		usleep(50000);
	}
	return NULL;
}

static void
news_without_end_keep_nobody_waiting(void **state)
{
	struct world *o = *state;
	pthread_t other;
	int64_t took;

	tell_again(o);
	atomic_store(&told_enough, false);
	assert_int_equal(pthread_create(&other, NULL, tell_on, o), 0);
	assert_int_equal(get_soon(o->f, 0, &took), FEED_PART);
	atomic_store(&told_enough, true);
	assert_int_equal(pthread_join(other, NULL), 0);
	assert_true(took < 15000);
}

static void
what_was_asked_for_in_vain_is_not_waited_for(void **state)
{
	struct world *o = *state;
	int64_t took = FEED_FETCH_MS;

	tell_again(o);
	assert_int_equal(feed_missing(o->w, 1), 0);
	feed_fetch_begin(o->w, 1, 0);
	feed_fetch_over(o->w, 1, 0);
	for (int i = 0; i < TURNS && took >= FEED_FETCH_MS / 2; i++) {
		tell_again(o);
		assert_int_equal(get_soon(o->f, 0, &took), FEED_PART);
	}
	assert_true(took < FEED_FETCH_MS / 2);
	assert_int_equal(feed_missing(o->w, 1), -1);
}

static void *
tell_late(void *arg)
{
	struct world *o = arg;
	char changed[100];

	snprintf(changed, sizeof changed, "{\"id\":%d,\"code\":\"x\","
	    "\"state\":\"available\",\"output\":{\"a\":1}}", o->late);
	usleep(50000);
	assert_true(put(o->w, 1, "idle", o->late + 1, changed));
	return NULL;
}

static void
news_of_what_was_posted_are_waited_for(void **state)
{
	struct world *o = *state;
	enum feed_found found = FEED_ABSENT;
	pthread_t other;
	int64_t took;

	assert_true(put(o->w, 1, "idle", 0, ""));
	for (o->late = 0; o->late < TURNS && found != FEED_WHOLE; o->late++) {
		feed_posted(o->f, 1, o->late);
		assert_int_equal(pthread_create(&other, NULL, tell_late, o),
		    0);
		found = get_soon(o->f, o->late, &took);
		assert_int_equal(pthread_join(other, NULL), 0);
	}
	assert_int_equal(found, FEED_WHOLE);
}

static void
news_that_do_not_come_are_waited_for_once(void **state)
{
	struct world *o = *state;
	struct feed_session fs;
	int64_t took, began = num_mono_ms();

	assert_true(put(o->w, 1, "idle", 0, ""));
	feed_posted(o->f, 1, 0);
	assert_true(feed_get_soon(o->f, 1, "uid", began + 60000, &fs));
	assert_true(num_mono_ms() - began < 30000);
	assert_int_equal(fs.next, 0);
	took = FEED_FETCH_MS;
	for (int i = 0; i < TURNS && took >= FEED_FETCH_MS / 2; i++)
		assert_int_equal(get_soon(o->f, 0, &took), FEED_ABSENT);
	assert_true(took < FEED_FETCH_MS / 2);
}

/* What is not there, and not to come. */
static void
news_of_what_nobody_posted_are_not_waited_for(void **state)
{
	struct world *o = *state;
	int64_t took = FEED_FETCH_MS;

	for (int i = 0; i < TURNS && took >= FEED_FETCH_MS / 2; i++) {
		assert_true(put(o->w, 1, "idle", 1, ""));
		feed_posted(o->f, 1, 0);
		assert_int_equal(get_soon(o->f, 5, &took), FEED_ABSENT);
	}
	assert_true(took < FEED_FETCH_MS / 2);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(an_output_that_comes_is_waited_for),
		TEST(an_output_that_does_not_come_is_waited_for_once),
		TEST(an_output_that_is_too_long_is_not_waited_for),
		TEST(news_without_end_keep_nobody_waiting),
		TEST(what_was_asked_for_in_vain_is_not_waited_for),
		TEST(news_of_what_was_posted_are_waited_for),
		TEST(news_that_do_not_come_are_waited_for_once),
		TEST(news_of_what_nobody_posted_are_not_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

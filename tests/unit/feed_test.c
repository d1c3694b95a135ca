#include "config.h"

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

#include "feed.h"
#include "feed_shm.h"
#include "feed_write.h"
#include "num.h"
#include "shm.h"
#include "statement_list.h"

#define SESSIONS 20
#define BYTES FEED_RUN_MAX
#define RUN_MS 1000

struct world {
	void *mem;
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

/* A statement that is over, with an output of so many bytes and its id. */
static void
put_over(struct feed_writer *w, int32_t id, int32_t sid, size_t len, char c)
{
	AUTO_BUF struct buf b = BUF_INIT(2 * FEED_RUN_MAX);

	buf_addf(&b, "{\"id\":%d,\"state\":\"available\",\"code\":\"%c\","
	    "\"output\":{\"%c\":\"", (int)sid, c, c);
	for (size_t i = 0; i < len; i++)
		buf_addch(&b, c);
	buf_addstr(&b, "\"}}");
	assert_true(put(w, id, "idle", sid + 1, b.data));
}

static enum feed_found
get(struct feed *f, int32_t id, int32_t sid, struct buf *json)
{
	AUTO_BUF struct buf strings = BUF_INIT(2 * FEED_RUN_MAX);
	struct statement s;
	enum feed_found found = feed_statement(f, id, "uid", sid, &s,
	    &strings);

	buf_clear(json);
	if (found != FEED_ABSENT)
		statement_json(&s, json);
	return found;
}

static void
what_was_put_is_read(void **state)
{
	struct world *o = *state;
	AUTO_BUF struct buf json = BUF_INIT(4096);
	struct feed_session s;

	assert_false(feed_get(o->f, 7, "uid", &s));
	assert_true(put(o->w, 7, "busy", 1, "{\"id\":0,\"state\":\"running\","
	    "\"progress\":0.5,\"started\":3,\"code\":\"x\"}"));

	assert_true(feed_get(o->f, 7, "uid", &s));
	assert_int_equal(s.state, LIVY_BUSY);
	assert_int_equal(s.next, 1);
	assert_int_equal(get(o->f, 7, 0, &json), FEED_WHOLE);
	assert_string_equal(json.data, "{\"id\":0,\"code\":\"x\","
	    "\"state\":\"running\",\"output\":null,\"progress\":0.5,"
	    "\"started\":3,\"completed\":0}");
	assert_int_equal(get(o->f, 7, 1, &json), FEED_ABSENT);
	assert_int_equal(get(o->f, 7, -1, &json), FEED_ABSENT);
	assert_int_equal(get(o->f, 7, FEED_RING, &json), FEED_ABSENT);
	assert_int_equal(get(o->f, 7, ID_MAX, &json), FEED_ABSENT);
	assert_int_equal(get(o->f, 8, 0, &json), FEED_ABSENT);
}

static void
another_driver_of_that_name_is_not_it(void **state)
{
	struct world *o = *state;
	struct feed_session s;
	enum livy_state st;

	assert_true(put(o->w, 7, "busy", 0, ""));
	assert_false(feed_get(o->f, 7, "other", &s));
	assert_false(feed_get_state(o->f, 7, "other", &st));
}

static void
a_statement_keeps_its_code_as_it_goes_on(void **state)
{
	struct world *o = *state;
	AUTO_BUF struct buf json = BUF_INIT(4096);

	assert_true(put(o->w, 1, "busy", 1, "{\"id\":0,\"code\":\"x\"}"));
	assert_true(put(o->w, 1, "idle", 1, "{\"id\":0,"
	    "\"state\":\"available\",\"output\":{\"a\":1},"
	    "\"progress\":1.0}"));

	assert_int_equal(get(o->f, 1, 0, &json), FEED_WHOLE);
	assert_string_equal(json.data, "{\"id\":0,\"code\":\"x\","
	    "\"state\":\"available\",\"output\":{\"a\":1},\"progress\":1.0,"
	    "\"started\":0,\"completed\":0}");
}

/* What the feeder asks for next. */
static int32_t
asked_for(struct feed_writer *w)
{
	int32_t sid = feed_missing(w, 1);

	if (sid >= 0)
		feed_fetch_begin(w, 1, sid);
	return sid;
}

static void
an_output_that_was_not_told_is_missing(void **state)
{
	struct world *o = *state;
	AUTO_BUF struct buf json = BUF_INIT(4096);
	struct statement s;
	struct jpart p;
	static const char whole[] = "{\"id\":0,\"code\":\"x\","
	    "\"state\":\"available\",\"output\":{\"late\":1}}";

	assert_true(put(o->w, 1, "idle", 1, "{\"id\":0,\"code\":\"x\","
	    "\"state\":\"available\",\"outputBytes\":500000}"));
	assert_int_equal(get(o->f, 1, 0, &json), FEED_PART);
	assert_int_equal(asked_for(o->w), 0);
	assert_int_equal(asked_for(o->w), -1);

	assert_true(jscan_check(whole, strlen(whole), &p) &&
	    agent_say_statement(p, &s));
	feed_put_statement(o->w, 1, &s);
	assert_int_equal(get(o->f, 1, 0, &json), FEED_WHOLE);
	assert_non_null(strstr(json.data, "{\"late\":1}"));
	assert_int_equal(feed_missing(o->w, 1), -1);
}

static void
what_is_missing_is_asked_for_once_in_each_state(void **state)
{
	struct world *o = *state;

	assert_true(put(o->w, 1, "busy", 3, "{\"id\":0,\"code\":\"x\","
	    "\"state\":\"available\",\"outputBytes\":500000},"
	    "{\"id\":1,\"state\":\"running\"},"
	    "{\"id\":2,\"code\":\"x\",\"state\":\"waiting\"}"));
	assert_int_equal(feed_missing(o->w, 1), 1);
	assert_int_equal(asked_for(o->w), 1);
	assert_int_equal(asked_for(o->w), 0);
	assert_int_equal(asked_for(o->w), -1);
	assert_true(put(o->w, 1, "busy", 3, "{\"id\":1,\"code\":\"x\","
	    "\"state\":\"available\",\"outputBytes\":500000},"
	    "{\"id\":2,\"code\":\"x\",\"state\":\"running\"}"));
	assert_int_equal(asked_for(o->w), 1);
	assert_int_equal(asked_for(o->w), -1);
	/* longer than what is kept: whoever asks fetches it */
	assert_true(put(o->w, 1, "idle", 3, "{\"id\":2,\"code\":\"x\","
	    "\"state\":\"available\",\"outputBytes\":50000000}"));
	assert_int_equal(feed_missing(o->w, 1), -1);
}

static void
put_half(struct feed_writer *w, const char *state_word)
{
	AUTO_BUF struct buf b = BUF_INIT(4096);
	struct statement s;
	struct jpart p;

	buf_addf(&b, "{\"id\":0,\"code\":\"x\",\"state\":\"%s\","
	    "\"output\":null}", state_word);
	assert_true(jscan_check(b.data, b.len, &p) &&
	    agent_say_statement(p, &s));
	feed_put_statement(w, 1, &s);
}

/* Fetched for its code, a statement comes without an output so long. */
static void
what_is_fetched_for_its_code_has_the_output_that_was_told(void **state)
{
	struct world *o = *state;
	AUTO_BUF struct buf json = BUF_INIT(4096);
	struct statement s;

	assert_true(put(o->w, 1, "busy", 1, "{\"id\":0,"
	    "\"state\":\"running\",\"outputBytes\":0}"));
	assert_int_equal(feed_missing(o->w, 1), 0);
	put_half(o->w, "running");
	assert_int_equal(get(o->f, 1, 0, &json), FEED_WHOLE);
	assert_true(put(o->w, 1, "idle", 1, "{\"id\":0,"
	    "\"state\":\"available\",\"outputBytes\":50000000}"));
	put_half(o->w, "available");
	assert_int_equal(feed_statement(o->f, 1, "uid", 0, &s, &json),
	    FEED_PART);
	assert_int_equal(s.output_bytes, 50000000);
}

static void
the_ring_holds_the_newest(void **state)
{
	struct world *o = *state;
	AUTO_BUF struct buf json = BUF_INIT(4096);

	for (int32_t sid = 0; sid < FEED_RING + 10; sid++)
		put_over(o->w, 1, sid, 3, 'a');
	assert_int_equal(get(o->f, 1, 9, &json), FEED_ABSENT);
	assert_int_equal(get(o->f, 1, 10, &json), FEED_WHOLE);
	assert_int_equal(get(o->f, 1, FEED_RING + 9, &json), FEED_WHOLE);
}

static void
the_oldest_outputs_go_when_room_is_short(void **state)
{
	struct world *o = *state;
	AUTO_BUF struct buf json = BUF_INIT(2 * FEED_RUN_MAX);

	for (int32_t sid = 0; sid < 40; sid++)
		put_over(o->w, sid % 2, sid / 2, 200000, 'a');
	assert_int_equal(get(o->f, 1, 19, &json), FEED_WHOLE);
	assert_int_equal(get(o->f, 0, 19, &json), FEED_WHOLE);
	assert_int_equal(get(o->f, 0, 0, &json), FEED_PART);
	assert_non_null(strstr(json.data, "\"state\":\"available\""));

	put_over(o->w, 3, 0, FEED_RUN_MAX, 'b');
	assert_int_equal(get(o->f, 3, 0, &json), FEED_PART);
}

static void
what_is_removed_gives_its_room_back(void **state)
{
	struct world *o = *state;
	AUTO_BUF struct buf json = BUF_INIT(2 * FEED_RUN_MAX);

	for (int32_t id = 0; id < 100; id++) {
		put_over(o->w, id, 0, 300000, 'a');
		assert_int_equal(get(o->f, id, 0, &json), FEED_WHOLE);
		feed_remove(o->w, id);
		assert_int_equal(get(o->f, id, 0, &json), FEED_ABSENT);
	}
	for (int32_t id = 1000; id < 1000 + SESSIONS; id++)
		assert_true(put(o->w, id, "idle", 0, ""));
	assert_false(put(o->w, 5000, "idle", 0, ""));
}

static void
a_post_makes_it_busy_at_once(void **state)
{
	struct world *o = *state;
	enum livy_state st;

	assert_true(put(o->w, 1, "idle", 0, ""));
	assert_true(feed_get_state(o->f, 1, "uid", &st) && st == LIVY_IDLE);
	feed_posted(o->f, 1, 0);
	assert_true(feed_get_state(o->f, 1, "uid", &st) && st == LIVY_BUSY);
	assert_true(put(o->w, 1, "idle", 1, "{\"id\":0}"));
	assert_true(feed_get_state(o->f, 1, "uid", &st) && st == LIVY_IDLE);
}

static void
stamps_are_kept_until_the_session_is_gone(void **state)
{
	struct world *o = *state;
	struct feed_stamps s;
	uint32_t cursor = 0;

	assert_false(feed_stamp(o->f, 9, FEED_SEEN | FEED_ASKED));
	assert_true(feed_stamp(o->f, 9, FEED_USED));
	feed_stamps(o->f, 9, &s);
	assert_true(s.seen_ms && s.asked_ms && s.used_ms);
	assert_int_equal(feed_next_stamped(o->f, &cursor), 9);
	assert_int_equal(feed_next_stamped(o->f, &cursor), -1);

	feed_unstamp(o->f, 9);
	feed_stamps(o->f, 9, &s);
	assert_true(!s.seen_ms && !s.asked_ms && !s.used_ms);
}

static void
what_there_is_no_place_to_note_is_told(void **state)
{
	struct world *o = *state;
	int32_t id = 0;

	while (id < 1000 && feed_set_kept(o->f, id, 1))
		id++;
	assert_in_range(id, SESSIONS, 999);
	assert_int_equal(feed_kept(o->f, id), 0);
	for (int32_t other = 0; other < id; other++)
		feed_unstamp(o->f, other);
	assert_true(feed_set_kept(o->f, id, 1));
	assert_int_equal(feed_kept(o->f, id), 1);
}

static void
long_code_keeps_no_statement_from_being_kept(void **state)
{
	struct world *o = *state;
	const struct app app = { .kind = APP_SESSION, .id = 1,
		.state = LIVY_DEAD, .uid = "uid" };
	AUTO_BUF struct buf b = BUF_INIT(1 << 20), out = BUF_INIT(1 << 20);

	put_over(o->w, 1, 0, 10, 'a');
	buf_addstr(&b, "{\"id\":1,\"state\":\"available\",\"code\":\"");
	for (size_t i = 0; i < 300000; i++)
		buf_addch(&b, 'x');
	buf_addstr(&b, "\",\"output\":{\"b\":2}}");
	assert_true(put(o->w, 1, "idle", 2, b.data));
	assert_true(statement_list_kept(o->f, &app, 200000, &out));
	assert_non_null(strstr(out.data, "\"id\":0,\"code\":\"a\""));
	assert_non_null(strstr(out.data, "\"id\":1,\"code\":\"its code, "
	    "300002 bytes, was not kept when the session ended\",\"state\":"
	    "\"available\",\"output\":{\"b\":2}"));
}

static void
a_new_feeder_hides_nothing_until_it_knows_all(void **state)
{
	struct world *o = *state;
	AUTO_BUF struct buf json = BUF_INIT(4096);

	put_over(o->w, 1, 0, 3, 'a');
	put_over(o->w, 2, 0, 3, 'a');
	feed_complete(o->w);

	/* two that die young, then one that lives */
	for (int i = 0; i < 3; i++) {
		feed_writer_free(o->w);
		o->w = feed_writer_new(o->mem);
		assert_int_equal(get(o->f, 1, 0, &json), FEED_WHOLE);
		put_over(o->w, 2, 0, 3, 'b');
		assert_int_equal(get(o->f, 2, 0, &json), FEED_WHOLE);
		assert_non_null(strstr(json.data, "\"b\""));
	}
	feed_complete(o->w);
	assert_int_equal(get(o->f, 1, 0, &json), FEED_ABSENT);
	assert_int_equal(get(o->f, 2, 0, &json), FEED_WHOLE);
}

/* Below: a writer that is killed again and again under readers. */

struct shared {
	_Atomic bool stop;
	_Atomic int64_t found, rounds;
};

static struct shared *shared;

static void NORETURN
write_for_ever(void *mem, uint32_t seed)
{
	struct feed_writer *w = feed_writer_new(mem);

	for (int32_t round = 0;; round++) {
		for (int32_t id = 0; id < 8; id++) {
			seed = seed * 1664525u + 1013904223u;
			put_over(w, id, round % 1000, (seed >> 8) % 6000,
			    (char)('a' + (seed >> 4) % 26));
			if (id > 3 && seed % 16 == 0)
				feed_remove(w, id);
		}
		feed_complete(w);
		atomic_fetch_add(&shared->rounds, 1);
	}
}

/* Code and output of one statement hold one and the same letter. */
static bool
belongs_together(const struct statement *s)
{
	char c = s->code.at ? s->code.at[1] : s->output.at[2];

	if (s->code.at && s->code.len != 3)
		return false;
	if (!s->output.at)
		return true;
	if (s->output.len < 8 || s->output.at[2] != c ||
	    s->output.at[s->output.len - 1] != '}')
		return false;
	for (size_t i = 6; i < s->output.len - 2; i++)
		if (s->output.at[i] != c)
			return false;
	return true;
}

static void NORETURN
read_for_ever(void *mem, int32_t id)
{
	AUTO_BUF struct buf strings = BUF_INIT(2 * FEED_RUN_MAX);
	struct feed *f = feed_open(mem, -1);
	struct feed_session fs;
	struct statement s;

	while (!atomic_load(&shared->stop)) {
		if (!feed_get(f, id, "uid", &fs))
			continue;
		if (fs.state != LIVY_IDLE || fs.next < 1)
			_exit(1);
		for (int32_t sid = fs.next - 1; sid >= 0 &&
		    sid > fs.next - 4; sid--) {
			if (feed_statement(f, id, "uid", sid, &s, &strings) ==
			    FEED_ABSENT)
				continue;
			if (s.id != sid || ((s.code.at || s.output.at) &&
			    !belongs_together(&s)))
				_exit(2);
			atomic_fetch_add(&shared->found, 1);
		}
	}
	_exit(0);
}

static pid_t
child(void)
{
	pid_t pid = fork();

	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

static void
readers_see_whole_statements_while_writers_die(void **state)
{
	struct world *o = *state;
	const struct timespec nap = { .tv_nsec = 1000000 };
	pid_t reader[3], writer;
	int64_t end = num_mono_ms() + RUN_MS, rounds;
	int status;

	shared = shm_map(sizeof *shared, false);
	for (int i = 0; i < 3; i++)
		if ((reader[i] = child()) == 0)
			read_for_ever(o->mem, i * 2);
	for (uint32_t seed = 1; num_mono_ms() < end || (seed < 1000 &&
	    atomic_load(&shared->found) < 100); seed++) {
		rounds = atomic_load(&shared->rounds);
		if ((writer = child()) == 0)
			write_for_ever(o->mem, seed);
		/* most get through a round, and die in a later one */
		for (int i = 0; i < 100 &&
		    atomic_load(&shared->rounds) < rounds + 2; i++)
			nanosleep(&nap, NULL);
		kill(writer, SIGKILL);
		waitpid(writer, NULL, 0);
	}
	atomic_store(&shared->stop, true);
	for (int i = 0; i < 3; i++) {
		waitpid(reader[i], &status, 0);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
	assert_true(atomic_load(&shared->found) >= 100);
	munmap(shared, sizeof *shared);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_was_put_is_read),
		TEST(another_driver_of_that_name_is_not_it),
		TEST(a_statement_keeps_its_code_as_it_goes_on),
		TEST(an_output_that_was_not_told_is_missing),
		TEST(what_is_missing_is_asked_for_once_in_each_state),
		TEST(what_is_fetched_for_its_code_has_the_output_that_was_told),
		TEST(the_ring_holds_the_newest),
		TEST(the_oldest_outputs_go_when_room_is_short),
		TEST(what_is_removed_gives_its_room_back),
		TEST(a_post_makes_it_busy_at_once),
		TEST(stamps_are_kept_until_the_session_is_gone),
		TEST(what_there_is_no_place_to_note_is_told),
		TEST(long_code_keeps_no_statement_from_being_kept),
		TEST(a_new_feeder_hides_nothing_until_it_knows_all),
		TEST(readers_see_whole_statements_while_writers_die),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

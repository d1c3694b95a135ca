#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "follow.h"

#define NOW 1000000

static const struct feed_stamps nobody;

static struct follow
idle(void)
{
	return (struct follow){ .heard = true, .state = LIVY_IDLE,
		.ended_ms = NOW };
}

static void
an_idle_one_is_asked_a_minute_later(void **state UNUSED)
{
	struct follow f = idle();

	assert_false(follow_close(&f, &nobody, NOW));
	assert_int_equal(follow_due(&f, &nobody, NOW), NOW + FOLLOW_IDLE_MS);
	assert_int_equal(follow_wait(&f, &nobody, NOW), 0);
	f.jitter = 5999;
	assert_int_equal(follow_due(&f, &nobody, NOW),
	    NOW + FOLLOW_IDLE_MS + 5999);
}

/* Ten minutes of them, from a start at which all were asked at once. */
static void
a_thousand_idle_ones_cost_17_calls_a_second(void **state UNUSED)
{
	const int64_t end = NOW + 600000;
	int64_t now;
	int calls = 0;

	for (uint32_t i = 0; i < 1000; i++) {
		struct follow f = idle();

		f.jitter = i * 2654435761u;
		for (now = NOW; now < end; calls++) {
			follow_answered(&f, &nobody, now);
			now = follow_due(&f, &nobody, now);
		}
	}
	assert_in_range(calls / 600, 14, 17);
}

static void
one_asked_about_is_followed_for_a_while(void **state UNUSED)
{
	struct follow f = idle();
	struct feed_stamps s = { .asked_ms = NOW };

	assert_int_equal(follow_due(&f, &s, NOW), NOW);
	assert_int_equal(follow_wait(&f, &s, NOW), FOLLOW_WAIT_MS);
	assert_false(follow_close(&f, &s, NOW + FEED_ASKED_MS));
}

static void
busy_starting_and_posted_ones_are_followed(void **state UNUSED)
{
	struct follow f = idle();
	struct feed_stamps s = { .posted = 4 };

	f.next = 4;
	assert_false(follow_close(&f, &s, NOW));
	f.next = 3;
	assert_true(follow_close(&f, &s, NOW));
	f.next = 4;
	f.state = LIVY_BUSY;
	assert_true(follow_close(&f, &s, NOW));
	f.state = LIVY_STARTING;
	assert_true(follow_close(&f, &s, NOW));
}

static void
after_a_silence_how_it_is_comes_first(void **state UNUSED)
{
	struct follow f = idle();
	struct feed_stamps s = { .asked_ms = NOW + 20000 };

	assert_int_equal(follow_wait(&f, &s, NOW + 20000), 0);
}

static void
heartbeats_are_told_within_a_third(void **state UNUSED)
{
	struct follow f = idle();
	struct feed_stamps s = { .seen_ms = NOW + 10 };

	f.heartbeat_ms = 9000;
	f.told_ms = NOW;
	assert_int_equal(follow_due(&f, &s, NOW), NOW + 3000);
	f.seen_ms = s.seen_ms;	/* told: nothing new to say */
	assert_int_equal(follow_due(&f, &s, NOW), NOW + FOLLOW_IDLE_MS);
	s.asked_ms = NOW;
	assert_int_equal(follow_wait(&f, &s, NOW), 3000);
}

static void
use_is_told_at_once(void **state UNUSED)
{
	struct follow f = idle();
	struct feed_stamps s = { .used_ms = NOW + 1 };

	assert_int_equal(follow_due(&f, &s, NOW + 1), NOW + 1);
}

static void
who_fails_is_asked_less_and_less(void **state UNUSED)
{
	struct follow f = idle();
	struct feed_stamps asked = { .asked_ms = NOW };
	int64_t last = 0, wait;

	for (int i = 0; i < 20; i++) {
		follow_failed(&f, NOW);
		wait = follow_due(&f, &nobody, NOW) - NOW;
		assert_true(wait >= last && wait <= FOLLOW_IDLE_MS);
		assert_int_equal(follow_wait(&f, &asked, NOW), 0);
		last = wait;
	}
	assert_int_equal(last, FOLLOW_IDLE_MS);
	assert_int_equal(follow_due(&f, &asked, NOW) - NOW, 1000);
	for (int i = 0; i < 100; i++)
		follow_failed(&f, NOW);
	assert_int_equal(follow_due(&f, &asked, NOW) - NOW, 10000);

	follow_answered(&f, &nobody, NOW);
	assert_int_equal(follow_due(&f, &nobody, NOW), NOW + FOLLOW_IDLE_MS);
}

/* News come at once, but a flood of them no more than 40 a second. */
static void
a_chatty_one_is_paced(void **state UNUSED)
{
	struct follow f = idle();
	struct feed_stamps s = { .asked_ms = NOW };
	int64_t now = NOW;
	int count = 0;

	while (now < NOW + 4000) {
		now = follow_due(&f, &s, now);
		follow_answered(&f, &s, now);
		count++;
	}
	assert_in_range(count, 150, 200);
}

/* Whatever has used the burst up: its statement's news are not paced. */
static void
who_posts_hears_at_once_of_it(void **state UNUSED)
{
	struct follow f = idle();
	struct feed_stamps s = { .asked_ms = NOW };
	int64_t now = NOW;

	for (s.posted = 1; s.posted < 50; s.posted++) {
		assert_true(follow_due(&f, &s, now) <= now);
		for (int i = 0; i < 10; i++) {
			follow_answered(&f, &s, now);
			assert_true(follow_due(&f, &s, now) <= now);
		}
		for (int i = 0; i < 14; i++)
			follow_answered(&f, &s, now);
		assert_in_range(follow_due(&f, &s, now), now + 10, now + 200);
		now++;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_idle_one_is_asked_a_minute_later),
		cmocka_unit_test(a_thousand_idle_ones_cost_17_calls_a_second),
		cmocka_unit_test(one_asked_about_is_followed_for_a_while),
		cmocka_unit_test(busy_starting_and_posted_ones_are_followed),
		cmocka_unit_test(after_a_silence_how_it_is_comes_first),
		cmocka_unit_test(heartbeats_are_told_within_a_third),
		cmocka_unit_test(use_is_told_at_once),
		cmocka_unit_test(who_fails_is_asked_less_and_less),
		cmocka_unit_test(a_chatty_one_is_paced),
		cmocka_unit_test(who_posts_hears_at_once_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "num.h"

#define UNTOUCHED 4711

static void
integers_are_whole_texts_in_range(void **state UNUSED)
{
	static const struct { const char *text; int64_t n; } good[] = {
		{ "0", 0 }, { "-0", 0 }, { "007", 7 }, { "42", 42 },
		{ "-42", -42 }, { "9223372036854775807", INT64_MAX },
		{ "-9223372036854775808", INT64_MIN },
	};
	static const char *const bad[] = { "", "-", "+1", " 1", "1 ", "1a", "a",
		"--1", "0x10", "1.0", "1e3", "9223372036854775808",
		"-9223372036854775809", "99999999999999999999" };
	int64_t n;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		if (!num_int(good[i].text, INT64_MIN, INT64_MAX, &n))
			fail_msg("'%s' was refused", good[i].text);
		assert_int_equal(n, good[i].n);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		n = UNTOUCHED;
		if (num_int(bad[i], INT64_MIN, INT64_MAX, &n))
			fail_msg("'%s' was taken", bad[i]);
		assert_int_equal(n, UNTOUCHED);
	}
	assert_true(num_int("5", 5, 5, &n));
	assert_false(num_int("4", 5, 9, &n));
	assert_false(num_int("10", 5, 9, &n));
}

static void
durations_have_units(void **state UNUSED)
{
	static const struct { const char *text; int64_t ms; } good[] = {
		{ "0", 0 }, { "250", 250 }, { "250ms", 250 }, { "30s", 30000 },
		{ "5m", 300000 }, { "1h", 3600000 }, { "7d", 604800000 },
		{ "0d", 0 },
	};
	static const char *const bad[] = { "", "s", "-1s", "1 s", "1s ", "1S",
		"1sec", "1.5s", "1m30s", "9223372036854775807s",
		"99999999999999999999ms" };
	int64_t ms;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_true(num_duration_ms(good[i].text, &ms));
		assert_int_equal(ms, good[i].ms);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		ms = UNTOUCHED;
		if (num_duration_ms(bad[i], &ms))
			fail_msg("'%s' was taken", bad[i]);
		assert_int_equal(ms, UNTOUCHED);
	}
}

static void
sizes_have_binary_units(void **state UNUSED)
{
	int64_t n = UNTOUCHED;

	assert_false(num_size("4t", &n));
	assert_false(num_size("4kb", &n));
	assert_false(num_size("9223372036854775807k", &n));
	assert_int_equal(n, UNTOUCHED);
	assert_true(num_size("512", &n));
	assert_int_equal(n, 512);
	assert_true(num_size("64k", &n));
	assert_int_equal(n, 65536);
	assert_true(num_size("2g", &n));
	assert_int_equal(n, INT64_C(2147483648));
}

static void
times_of_the_api_server_are_read(void **state UNUSED)
{
	static const struct { const char *text; int64_t ms; } good[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "2026-11-23T10:00:00Z", 1795428000000 },
		{ "2026-11-23T10:00:00.5Z", 1795428000500 },
		{ "2026-11-23T10:00:00.123456Z", 1795428000123 },
		{ "2026-11-23T10:00:00.000999999Z", 1795428000000 },
		{ "2026-11-23T11:30:00+01:30", 1795428000000 },
		{ "2026-11-23T05:00:00.250-05:00", 1795428000250 },
		{ "2024-02-29T23:59:60Z", 1709251200000 },
		{ "1969-12-31T23:59:59Z", -1000 },
		{ "1969-12-31T23:59:59.250Z", -750 },
	};
	int64_t ms;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		if (!num_time_ms(good[i].text, &ms))
			fail_msg("'%s' was refused", good[i].text);
		if (ms != good[i].ms)
			fail_msg("'%s' gave %lld", good[i].text, (long long)ms);
	}
}

static void
other_texts_are_no_times(void **state UNUSED)
{
	static const char *const bad[] = { "", "now", "2026-11-23",
		"2026-11-23T10:00:00", "2026-11-23 10:00:00Z",
		"2026-11-23T10:00:00z ", "2026-11-23T10:00:00Zx",
		"2026-11-23T10:00:00.Z", "2026-11-23T10:00:00+1:00",
		"2026-11-23T10:00:00+01", "2026-11-23T10:00:00+01:0",
		"2026-11-23T10:00:00+01:00Z", "2026-11-23T10:00:00+ 1:00",
		"2026-11-23T10:00:00+-1:00", "2026-11-23T10:00:00+01:60",
		"2026-11-23T10:00:00+24:00", "2026-13-01T00:00:00Z",
		"2026-00-10T00:00:00Z", "2026-02-30T00:00:00Z",
		"2026-11-23T25:00:00Z", "2026-11-23T10:61:00Z",
		" 2026-11-23T10:00:00Z", "2026- 1-23T10:00:00Z",
		"26-11-23T10:00:00Z", "2026-1-2T10:00:00Z",
		"20260-11-23T10:00:00Z", "2026-11-23T1:00:00Z" };
	int64_t ms;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		ms = UNTOUCHED;
		if (num_time_ms(bad[i], &ms))
			fail_msg("'%s' gave %lld", bad[i], (long long)ms);
		assert_int_equal(ms, UNTOUCHED);
	}
}

static void
times_are_written_as_they_are_read(void **state UNUSED)
{
	static const int64_t times[] = { 0, 999, 1795428000123, -1, -1000,
		-62135596800000, 253402300799999 };
	char text[40];
	int64_t ms;

	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		num_microtime_text(times[i], text);
		if (!num_time_ms(text, &ms))
			fail_msg("'%s' was refused", text);
		assert_int_equal(ms, times[i]);
	}
	num_time_text(1795428000999, text);
	assert_string_equal(text, "2026-11-23T10:00:00Z");
	num_time_text(-1, text);
	assert_string_equal(text, "1969-12-31T23:59:59Z");
	num_microtime_text(1795428000123, text);
	assert_string_equal(text, "2026-11-23T10:00:00.123000Z");
}

static void
clocks_run(void **state UNUSED)
{
	int64_t mono = num_mono_ms();

	assert_true(mono > 0 && num_mono_ms() >= mono);
	assert_true(num_wall_ms() > 1700000000000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_are_whole_texts_in_range),
		cmocka_unit_test(durations_have_units),
		cmocka_unit_test(sizes_have_binary_units),
		cmocka_unit_test(times_of_the_api_server_are_read),
		cmocka_unit_test(other_texts_are_no_times),
		cmocka_unit_test(times_are_written_as_they_are_read),
		cmocka_unit_test(clocks_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

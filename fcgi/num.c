#include "config.h"

#include "num.h"

#include <errno.h>

struct unit {
	const char *suffix;
	int64_t factor;
};

static const struct unit durations[] = {
	{ "", 1 }, { "ms", 1 }, { "s", 1000 }, { "m", 60000 },
	{ "h", 3600000 }, { "d", 86400000 },
};

static const struct unit sizes[] = {
	{ "", 1 }, { "k", 1 << 10 }, { "m", 1 << 20 }, { "g", 1 << 30 },
};

/* Leading digits of s as a number; *end is what follows them. */
static bool
digits(const char *s, const char **end, int64_t *ret)
{
	int64_t n = 0;

	if (*s < '0' || *s > '9')
		return false;
	for (; *s >= '0' && *s <= '9'; s++)
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, *s - '0', &n))
			return false;
	*end = s;
	*ret = n;
	return true;
}

bool
num_int(const char *s, int64_t min, int64_t max, int64_t *ret)
{
	const char *end;
	bool minus = *s == '-';
	int64_t n;

	if (!digits(s + minus, &end, &n) || *end)
		return false;
	if (minus)
		n = -n;
	if (n < min || n > max)
		return false;
	*ret = n;
	return true;
}

static bool
with_unit(const char *s, const struct unit *units, size_t count, int64_t *ret)
{
	const char *end;
	int64_t n;

	if (!digits(s, &end, &n))
		return false;
	for (size_t i = 0; i < count; i++)
		if (strcmp(end, units[i].suffix) == 0)
			return !__builtin_mul_overflow(n, units[i].factor, ret);
	return false;
}

bool
num_duration_ms(const char *s, int64_t *ret)
{
	return with_unit(s, durations, ARRAY_LEN(durations), ret);
}

bool
num_size(const char *s, int64_t *ret)
{
	return with_unit(s, sizes, ARRAY_LEN(sizes), ret);
}

bool
num_time_ms(const char *s, int64_t *ret)
{
	struct tm tm = { 0 };
	const char *rest = strptime(s, "%Y-%m-%dT%H:%M:%S", &tm);
	int64_t ms = 0;
	int scale = 100;
	int hours, minutes, used = 0;

	if (!rest)
		return false;
	if (*rest == '.')
		for (rest++; *rest >= '0' && *rest <= '9'; rest++) {
			ms += (*rest - '0') * scale;
			scale /= 10;
		}
	ms += (int64_t)timegm(&tm) * 1000;
	if (strcmp(rest, "Z") == 0) {
		*ret = ms;
		return true;
	}
	if (sscanf(rest, "%*1[+-]%2d:%2d%n", &hours, &minutes, &used) != 2 ||
	    rest[used])
		return false;
	*ret = ms + (*rest == '-' ? 1 : -1) * (hours * 60 + minutes) * 60000LL;
	return true;
}

void
num_time_text(int64_t ms, char ret[32])
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(ret, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

void
num_microtime_text(int64_t ms, char ret[40])
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm;
	size_t n;

	gmtime_r(&t, &tm);
	n = strftime(ret, 40, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(ret + n, 40 - n, ".%03d000Z", (int)(ms % 1000));
}

static int64_t
clock_ms(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
num_wall_ms(void)
{
	return clock_ms(CLOCK_REALTIME);
}

int64_t
num_mono_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

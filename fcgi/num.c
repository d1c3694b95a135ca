#include "config.h"

#include "num.h"

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
digits(const char *s, bool minus, const char **end, int64_t *ret)
{
	int64_t n = 0;

	if (*s < '0' || *s > '9')
		return false;
	for (; *s >= '0' && *s <= '9'; s++)
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, minus ? '0' - *s : *s - '0', &n))
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

	if (!digits(s + minus, minus, &end, &n) || *end || n < min || n > max)
		return false;
	*ret = n;
	return true;
}

static bool
with_unit(const char *s, const struct unit *units, size_t count, int64_t *ret)
{
	const char *end;
	int64_t n;

	if (!digits(s, /* minus: */ false, &end, &n))
		return false;
	for (size_t i = 0; i < count; i++)
		if (strcmp(end, units[i].suffix) == 0) {
			if (__builtin_mul_overflow(n, units[i].factor, &n))
				return false;
			*ret = n;
			return true;
		}
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

/* Takes exactly count digits and then the character after (0 = none). */
static bool
take(const char **s, int count, char after, int *ret)
{
	int n = 0;

	for (; count > 0; count--, (*s)++) {
		if (**s < '0' || **s > '9')
			return false;
		n = n * 10 + (**s - '0');
	}
	*ret = n;
	if (after == '\0')
		return true;
	return *(*s)++ == after;
}

/* Takes ".123", if there is one, as milliseconds; the rest is cut. */
static bool
take_fraction(const char **s, int64_t *ret)
{
	int scale = 100;

	*ret = 0;
	if (**s != '.')
		return true;
	for (++*s; **s >= '0' && **s <= '9'; ++*s, scale /= 10)
		*ret += (**s - '0') * scale;
	return (*s)[-1] != '.';
}

bool
num_time_ms(const char *s, int64_t *ret)
{
	struct tm tm = { 0 };
	int64_t ms, offset = 0;
	int hours, minutes, day;
	char sign;

	if (!take(&s, 4, '-', &tm.tm_year) || !take(&s, 2, '-', &tm.tm_mon) ||
	    !take(&s, 2, 'T', &tm.tm_mday) || !take(&s, 2, ':', &tm.tm_hour) ||
	    !take(&s, 2, ':', &tm.tm_min) || !take(&s, 2, '\0', &tm.tm_sec) ||
	    !take_fraction(&s, &ms))
		return false;
	if (tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_hour > 23 ||
	    tm.tm_min > 59 || tm.tm_sec > 60)
		return false;
	sign = *s++;
	if (sign == '+' || sign == '-') {
		if (!take(&s, 2, ':', &hours) || !take(&s, 2, '\0', &minutes) ||
		    hours > 23 || minutes > 59)
			return false;
		offset = (sign == '-' ? -1 : 1) * (hours * 60 + minutes);
	} else if (sign != 'Z') {
		return false;
	}
	if (*s)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	day = tm.tm_mday;
	if (tm.tm_sec == 60) {	/* a leap second, which would be tomorrow */
		tm.tm_sec = 59;
		ms += 1000;
	}
	ms += ((int64_t)timegm(&tm) - offset * 60) * 1000;
	if (tm.tm_mday != day)
		return false;	/* the 30th of February */
	*ret = ms;
	return true;
}

/* Splits into seconds and milliseconds, of which none is negative. */
static int
split(int64_t ms, struct tm *ret_tm)
{
	int64_t rest = (ms % 1000 + 1000) % 1000;
	time_t t = (time_t)((ms - rest) / 1000);

	gmtime_r(&t, ret_tm);
	return (int)rest;
}

void
num_time_text(int64_t ms, char ret[32])
{
	struct tm tm;

	split(ms, &tm);
	ret[strftime(ret, 32, "%4Y-%m-%dT%H:%M:%SZ", &tm)] = '\0';
}

void
num_microtime_text(int64_t ms, char ret[40])
{
	struct tm tm;
	int rest = split(ms, &tm);
	size_t n = strftime(ret, 40, "%4Y-%m-%dT%H:%M:%S", &tm);

	snprintf(ret + n, 40 - n, ".%03d000Z", rest);
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

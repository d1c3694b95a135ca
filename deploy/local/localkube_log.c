#include "config.h"

#include "localkube_log.h"

#include <unistd.h>

#include "num.h"

void
klog_time(char ret[KLOG_TIME_LEN + 1])
{
	struct timespec ts;
	struct tm tm;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	n = strftime(ret, KLOG_TIME_LEN + 1, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(ret + n, KLOG_TIME_LEN + 1 - n, ".%09ldZ",
	    ts.tv_nsec % 1000000000L);
}

bool
klog_parse_time(const char *text, char ret[KLOG_TIME_LEN + 1])
{
	char plain[40], fraction[10] = "000000000";
	size_t len = strlen(text), digits;
	int64_t ms;

	if (!num_time_ms(text, &ms))
		return false;
	num_time_text(ms, plain);
	if (len > 20 && text[19] == '.') {
		digits = strspn(text + 20, "0123456789");
		memcpy(fraction, text + 20, digits < 9 ? digits : 9);
	}
	snprintf(ret, KLOG_TIME_LEN + 1, "%.19s.%.9sZ", plain, fraction);
	return true;
}

static void
entry(char tag, const char *text, size_t len, struct buf *out)
{
	char now[KLOG_TIME_LEN + 1];

	klog_time(now);
	buf_addf(out, "%s %c ", now, tag);
	buf_add(out, text, len);
	buf_addch(out, '\n');
}

void
klog_feed(struct buf *keep, const char *data, size_t len,
    struct buf *ret_entries)
{
	while (len > 0) {
		const char *nl = memchr(data, '\n', len);
		size_t n = nl ? (size_t)(nl - data) : len;
		bool piece = keep->len + n > KLOG_ENTRY_MAX;

		if (piece)
			n = KLOG_ENTRY_MAX - keep->len;
		buf_add(keep, data, n);
		data += n;
		len -= n;
		if (piece) {
			entry('P', keep->data, keep->len, ret_entries);
			buf_clear(keep);
		} else if (nl) {
			entry('F', keep->data, keep->len, ret_entries);
			buf_clear(keep);
			data++;
			len--;
		}
	}
}

void
klog_finish(struct buf *keep, struct buf *ret_entries)
{
	if (keep->len > 0)
		entry('P', keep->data, keep->len, ret_entries);
	buf_clear(keep);
}

void
klog_show(struct klog_pick *pick, const char *text, size_t len,
    struct buf *out)
{
	if (len < KLOG_TIME_LEN + 3 || text[KLOG_TIME_LEN] != ' ' ||
	    text[KLOG_TIME_LEN + 2] != ' ')
		return;
	if (*pick->since &&
	    strncmp(text, pick->since, KLOG_TIME_LEN) < 0)
		return;
	if (pick->timestamps && !pick->inside)
		buf_add(out, text, KLOG_TIME_LEN + 1);
	buf_add(out, text + KLOG_TIME_LEN + 3, len - KLOG_TIME_LEN - 3);
	pick->inside = text[KLOG_TIME_LEN + 1] == 'P';
	if (!pick->inside)
		buf_addch(out, '\n');
}

int64_t
klog_tail(int fd, int64_t size, int64_t n)
{
	char block[16384];
	int64_t at = size;

	if (n <= 0)
		return size;
	while (at > 0) {
		int64_t len = at < (int64_t)sizeof block ? at :
		    (int64_t)sizeof block;

		if (pread(fd, block, (size_t)len, at - len) != len)
			return 0;
		for (int64_t i = len - 1; i >= 0; i--)
			/* the last byte ends the last entry */
			if (block[i] == '\n' && at - len + i != size - 1 &&
			    --n == 0)
				return at - len + i + 1;
		at -= len;
	}
	return 0;
}

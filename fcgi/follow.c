#include "config.h"

#include "follow.h"

#define BURST_MS 500		/* of quick answers that cost no wait */
#define PACE_MS 25		/* what each answer costs of it */
#define RETRY_MS 100		/* after a first failure; then doubled */
#define RETRY_CLOSE_MS 1000	/* at most, for one that is followed */
#define RETRY_WEARY_MS 10000	/* and for one that fails for long */
#define WEARY 60		/* failures */
#define FRESH_MS 1500

bool
follow_close(const struct follow *f, const struct feed_stamps *s,
    int64_t now_ms)
{
	if (!f->heard || f->state == LIVY_STARTING || f->state == LIVY_BUSY)
		return true;
	return s->posted > f->next ||
	    (s->asked_ms && now_ms - s->asked_ms < FEED_ASKED_MS);
}

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t
retry_ms(const struct follow *f, bool close)
{
	int64_t ms = (int64_t)RETRY_MS << (f->failures < 12 ?
	    f->failures - 1 : 11);

	if (!close)
		return earlier(ms, FOLLOW_IDLE_MS);
	return earlier(ms, f->failures > WEARY ? RETRY_WEARY_MS :
	    RETRY_CLOSE_MS);
}

int64_t
follow_due(const struct follow *f, const struct feed_stamps *s,
    int64_t now_ms)
{
	bool close = follow_close(f, s, now_ms);
	int64_t due, over;

	if (f->ended_ms == 0)
		return now_ms;
	if (f->failures > 0)
		return f->ended_ms + retry_ms(f, close);
	if (close && s->posted != f->posted)
		return f->ended_ms;
	if (close) {
		over = f->credit_ms - f->ended_ms - BURST_MS;
		return f->ended_ms + (over > 0 ? over : 0);
	}
	due = f->ended_ms + FOLLOW_IDLE_MS + f->jitter % (FOLLOW_IDLE_MS / 10);
	if (s->used_ms > f->used_ms)
		due = now_ms;
	if (f->heartbeat_ms && s->seen_ms > f->seen_ms)
		due = earlier(due, f->told_ms + f->heartbeat_ms / 3);
	return due;
}

int64_t
follow_wait(const struct follow *f, const struct feed_stamps *s,
    int64_t now_ms)
{
	if (f->failures > 0 || !follow_close(f, s, now_ms) ||
	    now_ms - f->ended_ms > FRESH_MS)
		return 0;	/* after a silence, how it is comes first */
	return f->heartbeat_ms ?
	    earlier(FOLLOW_WAIT_MS, f->heartbeat_ms / 3) : FOLLOW_WAIT_MS;
}

void
follow_answered(struct follow *f, const struct feed_stamps *s, int64_t now_ms)
{
	f->failures = 0;
	f->ended_ms = now_ms;
	/* a driver cannot post: what follows from it was asked for by us */
	if (s->posted != f->posted || f->credit_ms < now_ms)
		f->credit_ms = now_ms;
	f->posted = s->posted;
	f->credit_ms += PACE_MS;
}

void
follow_failed(struct follow *f, int64_t now_ms)
{
	f->failures++;
	f->ended_ms = now_ms;
}

/*
 * The feed: what the drivers' agents tell, in shared memory, so that state,
 * statements and progress are read without leaving the machine. One writer,
 * the feeder (feed_write.h); workers read it without a lock and leave stamps
 * in it: that a session was seen, asked about, or used. Sessions are found
 * by id; uid tells a driver from a later one under the same name.
 */
#ifndef FEED_H
#define FEED_H

#include "agent_say.h"
#include "buf.h"
#include "defs.h"

struct feed;

#define FEED_RUN_MAX (4u << 20)	/* longer texts are fetched when asked for */
#define FEED_ASKED_MS 30000	/* so long after an ask it is followed */

/* Bytes to map for so many sessions and bytes of code and output. */
size_t feed_size(int64_t sessions, int64_t bytes);
/* Lays out a fresh mapping; the master, once. */
void feed_format(void *mem, int64_t sessions, int64_t bytes);
/* A handle of any process. poke: an eventfd that wakes the feeder, or -1. */
struct feed *feed_open(void *mem, int poke);
void feed_close(struct feed *f);

struct feed_session {
	enum livy_state state;
	char reason[AGENT_REASON_MAX + 1];
	char instance[AGENT_INSTANCE_MAX + 1];	/* the agent's life */
	int32_t next;		/* id of the next statement */
	int32_t total;		/* how many there are: the newest ones */
	int64_t told_ms;	/* when the agent last spoke, monotonic */
};

/* False if the feeder has not heard of it (yet). */
bool feed_get(struct feed *f, int32_t id, const char *uid,
    struct feed_session *ret) MUST_CHECK;
/* The same, with statements that were posted here just now. */
bool feed_get_soon(struct feed *f, int32_t id, const char *uid,
    int64_t until_ms, struct feed_session *ret) MUST_CHECK;
/* Only its state; busy from the moment a statement was posted here. */
bool feed_get_state(struct feed *f, int32_t id, const char *uid,
    enum livy_state *ret) MUST_CHECK;

enum feed_found {
	FEED_WHOLE,	/* with its code, and its output if it has one */
	FEED_PART,	/* the rest has to be fetched from the agent */
	FEED_ABSENT,
};
/* Copies one out; its code and output lend from strings. */
enum feed_found feed_statement(struct feed *f, int32_t id, const char *uid,
    int32_t sid, struct statement *ret, struct buf *strings) MUST_CHECK;
/*
 * The same, but an output that the feeder fetches is waited for, a moment
 * after the news that there is one: asked for by all it would be fetched by
 * all. So is the news of a statement that was posted here just now. Until
 * until_ms at most: who runs has news again and again.
 */
#define FEED_FETCH_MS 500
enum feed_found feed_statement_soon(struct feed *f, int32_t id,
    const char *uid, int32_t sid, int64_t until_ms, struct statement *ret,
    struct buf *strings) MUST_CHECK;

/*
 * Stamps, by any process, for sessions that the cache knows. A session that
 * nobody has asked about for FEED_ASKED_MS is only told of now and then.
 */
enum feed_stamp_kind {
	FEED_SEEN = 1,		/* its client is alive: Livy's heartbeat */
	FEED_ASKED = 2,		/* its state is of interest */
	FEED_USED = 4,		/* it is not idle */
};
/* Whether it was asked about before, recently. */
bool feed_stamp(struct feed *f, int32_t id, unsigned kinds);
/* A statement was accepted by the agent: readers see the session as busy. */
void feed_posted(struct feed *f, int32_t id, int32_t sid);
/* Waits until the agent has spoken after since_ms, for at most_ms. */
void feed_wait(struct feed *f, int32_t id, const char *uid, int64_t since_ms,
    int64_t most_ms);
void feed_poke(const struct feed *f);

/*
 * What was kept of it when it ended, beside the feed: 1 + how many
 * statements it had then; 0 = nothing yet.
 */
int32_t feed_kept(struct feed *f, int32_t id);
/* False if there is no place to note it. */
bool feed_set_kept(struct feed *f, int32_t id, int32_t kept) MUST_CHECK;

/* What has been stamped; monotonic times, 0 = never. */
struct feed_stamps {
	int64_t seen_ms, asked_ms, used_ms;
	int32_t posted;		/* highest statement posted here + 1 */
};
void feed_stamps(struct feed *f, int32_t id, struct feed_stamps *ret);
/* The session is gone for good: its stamps' place is free. */
void feed_unstamp(struct feed *f, int32_t id);
/* The next session that has stamps, *cursor begins at 0; -1 at the end. */
int32_t feed_next_stamped(struct feed *f, uint32_t *cursor);

#endif

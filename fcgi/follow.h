/*
 * When to ask a driver for news, and for how long: sessions that start, are
 * busy or were asked about lately are followed by requests that wait for a
 * change; an idle one costs a short request a minute, and more only for the
 * heartbeats that it must be told of in time. Who fails is asked less and
 * less. Pure.
 */
#ifndef FOLLOW_H
#define FOLLOW_H

#include "app.h"
#include "feed.h"

#define FOLLOW_IDLE_MS 60000
#define FOLLOW_WAIT_MS 25000	/* of a request that waits for news */

struct follow {
	bool heard;		/* the agent has spoken once */
	enum livy_state state;	/* as it said then */
	int32_t next;		/* as it said: id of the next statement */
	int64_t heartbeat_ms;	/* as it said: its timeout; 0 = none */
	int64_t ended_ms;	/* when the last request ended; 0 = never */
	int64_t credit_ms;	/* answers in quick succession move it on */
	int32_t posted;		/* and who posts a statement sets it back */
	int64_t told_ms;	/* when it was told of a heartbeat */
	int64_t seen_ms;	/* the stamps that it was told of */
	int64_t used_ms;
	int failures;		/* since it answered */
	uint32_t jitter;	/* any number, its own */
};

/* Whether its news are waited for. */
bool follow_close(const struct follow *f, const struct feed_stamps *s,
    int64_t now_ms);
/* When to ask next, monotonic. */
int64_t follow_due(const struct follow *f, const struct feed_stamps *s,
    int64_t now_ms);
/* How many milliseconds that request may wait for a change. */
int64_t follow_wait(const struct follow *f, const struct feed_stamps *s,
    int64_t now_ms);
/* It has answered, or not. */
void follow_answered(struct follow *f, const struct feed_stamps *s,
    int64_t now_ms);
void follow_failed(struct follow *f, int64_t now_ms);

#endif

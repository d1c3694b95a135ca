/*
 * The drivers that the feeder follows: a table by session, kept in step with
 * the cache. The feeder's own memory.
 */
#ifndef DRIVERS_H
#define DRIVERS_H

#include "agent.h"
#include "follow.h"

struct gw;
struct lane;

struct driver {
	int32_t id;
	uint32_t mark;		/* of the round in which it was last there */
	char uid[UID_MAX];
	struct agent_at at;
	struct follow follow;
	int64_t version;	/* of the last answer; -1 = tell all */
	char instance[AGENT_INSTANCE_MAX + 1]; /* the life we know; "" */
	int32_t fetched;	/* the statement that was asked for by itself */
	bool lost;		/* another agent answers now: it is to end */
	bool told;		/* that it does not answer, in the log */
	struct lane *lane;	/* its request under way, or NULL */
};

struct drivers {
	struct driver **item;	/* by ascending id */
	size_t count, room;
	uint32_t mark;
};

struct drivers_listener {
	/* It is to be followed no more, and is freed then. gone: the session
	 * itself is not there any more. */
	void (*on_leave)(void *arg, struct driver *d, bool gone);
	void *arg;
};

/* Takes in what the cache says now. */
void drivers_sync(struct drivers *t, struct gw *gw,
    const struct drivers_listener *to);
void drivers_release(struct drivers *t);

#endif

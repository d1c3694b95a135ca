/*
 * The layout of the feed's shared memory, for its readers (feed.c) and its
 * writer (feed_write.c) alone. Two arenas: a new feeder fills the one that
 * is not complete; until it is, readers find in the other what the last one
 * knew. In each
 *	records: fixed, one a session, each under its own counter; the record
 *	of an id is within FEED_WINDOW places of the one its id names;
 *	strings: runs of code and output, each belonging to one statement.
 * A run is given back only inside its record's counter, so a reader whose
 * record did not change has copied a run that did not either. An arena is
 * emptied as a whole, counters and all: readers look before and after whether
 * view or complete has changed. Stamps are beside the arenas: they outlive
 * every feeder.
 */
#ifndef FEED_SHM_H
#define FEED_SHM_H

#include "feed.h"
#include "shm.h"

#define FEED_MAGIC 0x66656564
#define FEED_VERSION 3
#define FEED_RING 256		/* statements of a session, the newest */
#define FEED_WINDOW 32
#define FEED_NONE UINT32_MAX	/* the length of a run that is not kept */

struct feed_shm {
	uint32_t magic;
	uint32_t version;
	int64_t sessions;
	int64_t bytes;
	_Atomic uint32_t view;		/* generation << 1 | arena written */
	_Atomic bool complete;		/* that arena knows all */
};

struct feed_run {
	uint64_t at;
	uint32_t len;
};

/* Of what the news did not bring: whether the feeder asked for it. */
enum feed_fetch { FETCH_TO_COME, FETCH_UNDER_WAY, FETCH_OVER };

struct feed_slot {
	int32_t number;			/* id of the statement + 1; 0 = none */
	uint8_t state;
	uint8_t fetch;			/* enum feed_fetch */
	char progress[AGENT_PROGRESS_MAX];
	int64_t started, completed, output_bytes;
	struct feed_run code, output;
};

struct feed_record {
	struct seq seq;
	_Atomic int32_t number;		/* id of the session + 1; 0 = none */
	_Atomic int32_t state;		/* these three are true without seq */
	_Atomic int64_t told_ms;
	_Atomic int32_t next;
	int32_t total;
	char uid[UID_MAX];
	char reason[AGENT_REASON_MAX + 1];
	char instance[AGENT_INSTANCE_MAX + 1];
	struct feed_slot ring[FEED_RING];
};

struct feed_stamp_record {
	_Atomic int32_t number;		/* id of the session + 1; 0 = free */
	_Atomic int32_t posted;
	_Atomic int32_t kept;
	_Atomic int64_t seen_ms, asked_ms, used_ms, posted_ms;
};

/* Where things are: counted by each process, never read from the memory. */
struct feed_layout {
	uint32_t places;		/* records; a power of two */
	size_t bytes;			/* of strings */
	size_t stamps;
	size_t strings;			/* in an arena */
	size_t arena;			/* bytes of one */
	size_t first;			/* where the first one is */
};

void feed_layout(struct feed_layout *ret, int64_t sessions, int64_t bytes);

static inline char *
feed_arena(void *mem, const struct feed_layout *l, uint32_t which)
{
	return (char *)mem + l->first + (which & 1) * l->arena;
}

/* The i'th place where an id may be. */
static inline struct feed_record *
feed_place(char *arena, const struct feed_layout *l, int32_t id, uint32_t i)
{
	return (struct feed_record *)(void *)arena +
	    (((uint32_t)id + i) & (l->places - 1));
}

#endif

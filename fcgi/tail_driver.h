/*
 * The log of one driver, as the tailer reads it into one place of what all
 * share (tail.h): what there is, then what comes, on one stream at a time,
 * from the place where the last one broke; events while its container has
 * not started; what is kept of it once its pod is gone.
 */
#ifndef TAIL_DRIVER_H
#define TAIL_DRIVER_H

#include "buf.h"
#include "kube_streams.h"
#include "tail.h"
#include "tail_ring.h"
#include "tail_split.h"

struct conf;

/* Of all drivers. Each has the lane of its place in streams. */
struct tail_reader {
	const struct conf *conf;
	struct tail *tail;
	struct kube_streams *streams;
};

/* What its lane is used for. */
enum tail_doing { DOING_NOTHING, DOING_READ, DOING_FOLLOW, DOING_KEPT,
	DOING_EVENTS };

struct tail_driver {
	const struct tail_reader *r;
	size_t place;
	struct tail_ask ask;
	int64_t wanted_ms;	/* last asked for, monotonic; 0 = unused */
	struct tail_facts facts; /* as published */
	struct tail_writer w;
	struct tail_split split;
	enum tail_doing doing;
	bool numbered;		/* clients may have seen its lines' numbers */
	bool missing;		/* lines after the mark, in this read */
	int64_t unsure_ms;	/* a better mark is waited for until then */
	bool current;		/* read to its end, so it can be followed */
	bool over;		/* it was when this read began */
	bool leave;		/* for another driver */
	bool stopped;		/* by us */
	int64_t over_ms;	/* since when it is known to be over */
	int64_t began_ms, retry_ms, backoff_ms, events_ms;
	struct buf body;	/* of what is kept, of events */
};

/* An all-zero one, with what a tailer that died has read into its place. */
void tail_driver_init(struct tail_driver *d, const struct tail_reader *r,
    size_t place);
/* Frees it for another driver; false: its stream has to end first, soon. */
bool tail_driver_leave(struct tail_driver *d) MUST_CHECK;
/* From now on the log of that one; nothing is under way. */
void tail_driver_begin(struct tail_driver *d, const struct tail_key *key);
/* Somebody wants it, or still does; at_ms: since when, monotonic. */
void tail_driver_ask(struct tail_driver *d, const struct tail_ask *ask,
    int64_t at_ms);
/* Begins what is due if it is wanted; to be called several times a second. */
void tail_driver_step(struct tail_driver *d, int64_t now_ms);

#endif

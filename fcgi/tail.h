/*
 * What is known of drivers' logs, in shared memory: a place for each of a
 * bounded number of drivers, filled by the tailer (tailer.h), read by all.
 * Whoever wants a log asks for it in a box of its own (a worker's is its
 * slot) and repeats that for as long as it wants it; the tailer is woken.
 * Each driver has one stream however many ask, and none once nobody does.
 */
#ifndef TAIL_H
#define TAIL_H

#include "app.h"
#include "defs.h"
#include "tail_ring.h"
#include "tail_split.h"

struct conf;
struct tail;

#define TAIL_BOXES_MORE 8	/* beside the workers': the leader's */
#define TAIL_WHY_MAX 512

/* One run of one driver: an application that runs again has another. */
struct tail_key {
	enum app_kind kind;
	int32_t id;
	uint32_t run;		/* of the pod; 0 = not known */
	char uid[UID_MAX];	/* the application's */
};

struct tail_ask {
	struct tail_key key;
	bool over;		/* its container has ended, or will never run */
	bool kept;		/* its last lines are kept in the cluster */
	struct tail_mark mark;	/* a place whose number is known */
	bool mark_asked;	/* for a later one */
	char ns[KUBE_LABEL_MAX + 1];
	char object[KUBE_LABEL_MAX + 1];
	char pod[KUBE_NAME_MAX + 1];	/* "" = there is none */
};

enum tail_state {
	TAIL_OPENING,	/* nothing is known yet */
	TAIL_LIVE,	/* every line there was at as_of_ms */
	TAIL_ENDED,	/* every line there will be */
	TAIL_WAITING,	/* its container has not started */
	TAIL_GONE,	/* no pod, nothing kept: what was read before it went */
	TAIL_TROUBLE,	/* cannot be read: what was read before */
};

struct tail_facts {
	struct tail_key key;
	enum tail_state state;
	int64_t as_of_ms;	/* monotonic */
	struct tail_span span;
	struct tail_place place; /* the log is read up to there */
	bool unsure;		/* of its numbers: a fresher mark is waited for */
	int64_t unsure_line;	/* than the one of this line */
	int status;		/* of TROUBLE, for a client */
	char why[TAIL_WHY_MAX];	/* of TROUBLE; of WAITING what events say */
};

size_t tail_size(const struct conf *conf, int64_t workers);
void tail_format(void *mem, const struct conf *conf, int64_t workers);
struct tail *tail_open(void *mem, int wake_fd);
void tail_close(struct tail *t);

/* An application's log: false if it has and had no pod. */
bool tail_ask_of(const struct app *app, const struct app_text *text,
    struct tail_ask *ret) MUST_CHECK;
/* Asks in a box, and again: what is not repeated is forgotten. */
void tail_ask(struct tail *t, size_t box, const struct tail_ask *ask);
size_t tail_boxes(const struct tail *t);	/* the last MORE are spare */
/* When an ask last found every place in use; monotonic, 0 = never. */
int64_t tail_full_ms(const struct tail *t);

/* What is known now; *ret_place is where, for tail_lines. */
bool tail_find(const struct tail *t, const struct tail_key *key,
    struct tail_facts *ret, size_t *ret_place) MUST_CHECK;
/* A copy of its lines; release c->bytes. False if there are none by now. */
bool tail_lines(const struct tail *t, size_t place,
    const struct tail_facts *facts, struct tail_copy *ret) MUST_CHECK;
size_t tail_line_bytes(const struct tail *t);	/* longest copy */

/* The tailer's own. */
size_t tail_places(const struct tail *t);
bool tail_asked(const struct tail *t, size_t box, int64_t *ret_at_ms,
    struct tail_ask *ret) MUST_CHECK;
void tail_say_full(struct tail *t);
/* Takes a place over from a tailer that died; false if it is unused. */
bool tail_adopt(struct tail *t, size_t place, struct tail_facts *ret)
    MUST_CHECK;
void tail_publish(struct tail *t, size_t place,
    const struct tail_facts *facts);
void tail_writer(struct tail *t, size_t place, struct tail_writer *ret);

bool tail_same_key(const struct tail_key *a, const struct tail_key *b);

#endif

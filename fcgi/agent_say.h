/*
 * What a driver's agent says (deploy/agent/protocol.md), read as what it is:
 * untrusted. A driver runs its owner's code, so ids must rise and lie in
 * range, words be known, numbers finite, and output be JSON; what the answer
 * says of who it is counts for nothing. Pure.
 */
#ifndef AGENT_SAY_H
#define AGENT_SAY_H

#include "app.h"
#include "jscan.h"

struct buf;

#define AGENT_INSTANCE_MAX 64
#define AGENT_REASON_MAX 512
#define AGENT_PROGRESS_MAX 24

enum statement_state { STATEMENT_WAITING, STATEMENT_RUNNING,
	STATEMENT_AVAILABLE, STATEMENT_CANCELLING, STATEMENT_CANCELLED };

const char *statement_state_word(enum statement_state state);

struct statement {
	int32_t id;
	enum statement_state state;
	char progress[AGENT_PROGRESS_MAX];	/* a number from 0 to 1 */
	int64_t started, completed;		/* epoch ms; 0 = not yet */
	int64_t output_bytes;	/* as the agent keeps it; 0 = none or unsaid */
	/* lent JSON: a string, an object; at NULL = it was not told */
	struct jpart code, output;
};

static inline bool
statement_state_over(enum statement_state state)
{
	return state == STATEMENT_AVAILABLE || state == STATEMENT_CANCELLED;
}

static inline bool
statement_over(const struct statement *s)
{
	return statement_state_over(s->state);
}

/* Reads one statement; false if any of it is not as it must be. */
bool agent_say_statement(struct jpart object, struct statement *ret)
    MUST_CHECK;
/* Appends it as Livy gives it; code and output null where not told. */
void statement_json(const struct statement *s, struct buf *out);

struct agent_state {
	char instance[AGENT_INSTANCE_MAX + 1];
	int64_t version;
	enum livy_state state;
	char reason[AGENT_REASON_MAX + 1];	/* cut to size; "" = none */
	int32_t next;		/* id of the next statement */
	int32_t total;		/* statements that the agent keeps */
	int64_t heartbeat_ms;	/* its timeout; 0 = none */
	struct jpart changed;	/* an array of statements */
};

/* The whole answer of GET /v1/state. */
bool agent_say_state(const char *text, size_t len, struct agent_state *ret)
    MUST_CHECK;

#endif

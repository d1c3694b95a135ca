/*
 * A request that is passed on to a session's agent: the session is found,
 * must take work, its agent is called within the shares of driver and user,
 * and what it refuses is said in Livy's words. For the handlers of
 * statements and files.
 */
#ifndef SESSION_CALL_H
#define SESSION_CALL_H

#include "access.h"
#include "agent.h"
#include "lookup.h"

struct session_call {
	struct gw *gw;
	const struct request *rq;
	enum access_right right;	/* that it takes; to modify, unless set */
	struct item it;
	struct agent_at at;
	struct agent_answer answer;
};
#define SESSION_CALL_INIT(g, r) { .gw = (g), .rq = (r), .it = ITEM_INIT, \
	.answer = AGENT_ANSWER_INIT }
void session_call_release(struct session_call *c);
#define AUTO_CALL __attribute__((cleanup(session_call_release)))

/* Finds it, for one who has that right. */
bool session_call_find(struct session_call *c, const struct target *t,
    struct err *err) MUST_CHECK;
/* 500 in Livy's words unless it is idle or busy. */
bool session_call_ready(const struct session_call *c, struct err *err)
    MUST_CHECK;
/* 400 in Livy's words unless it lives. */
bool session_call_alive(const struct session_call *c, struct err *err)
    MUST_CHECK;

/*
 * Calls its agent; the answer is in c->answer, of a 2xx. What the agent says
 * otherwise is false with err as Livy has it, but for pass, a status that
 * the caller looks at itself (then true).
 */
bool session_call(struct session_call *c, const struct agent_req *req,
    long pass, struct err *err) MUST_CHECK;

#endif

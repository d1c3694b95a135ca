/*
 * The agent, the program that runs a session's statements inside its driver,
 * as the cluster gets it: an immutable ConfigMap in each namespace, named by
 * its contents, so that gateways of different versions serve side by side and
 * a session keeps the agent that it was started with. It is made on first
 * need, by workers; the leader mends and sweeps (chore_session.c,
 * chore_agent.c).
 */
#ifndef SESSION_AGENT_H
#define SESSION_AGENT_H

#include "defs.h"

struct conf;
struct err;
struct gw;

#define AGENT_HASH 12	/* hex digits of it in names and labels */

struct session_agent {
	char hash[AGENT_HASH + 1];
	char map[KUBE_LABEL_MAX + 1];	/* livy-<gateway>-agent-<hash> */
	char *text;
};

/* Reads the file; refuses one that would not fit into a ConfigMap. */
bool session_agent_read(const struct conf *conf,
    struct session_agent **ret_new, struct err *err) MUST_CHECK;
void session_agent_free(struct session_agent *agent);	/* or NULL */

/* Sees to it that a namespace has it; one call now and then. */
bool session_agent_offer(struct gw *gw, const char *ns, int64_t deadline_ms,
    struct err *err) MUST_CHECK;

#endif

/*
 * What a request for a session comes to: the variables of its template, and
 * the labels and annotations that its application carries beyond the common
 * ones. The same for a create and for the command render.
 */
#ifndef SESSION_PLAN_H
#define SESSION_PLAN_H

#include <json-c/json.h>

#include "defs.h"

struct conf;
struct err;
struct request;
struct session_agent;

struct session_plan {
	json_object *vars;	/* session_req.h's, and agentMap, agentPort */
	json_object *labels;
	json_object *notes;
};
#define SESSION_PLAN_INIT { 0 }
void session_plan_release(struct session_plan *plan);
#define AUTO_PLAN __attribute__((cleanup(session_plan_release)))

/* Refuses what Livy refuses, and a proxyUser that the caller may not be. */
bool session_plan(const struct conf *conf, const struct session_agent *agent,
    int32_t key_version, const struct request *rq, struct session_plan *ret,
    struct err *err) MUST_CHECK;

/* Each variable that there is, with a value where one is sure. */
json_object *session_plan_known(void);

#endif

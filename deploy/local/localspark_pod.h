/*
 * The driver pod that spark-submit would create for an application: its own
 * driver template, overwritten and added to in the same places. Pure.
 */
#ifndef LOCALSPARK_POD_H
#define LOCALSPARK_POD_H

#include <json-c/json.h>

#include "defs.h"

struct err;

#define SPARK_CONTAINER "spark-kubernetes-driver"

#define LABEL_APP_NAME "sparkoperator.k8s.io/app-name"
#define LABEL_SUBMISSION "sparkoperator.k8s.io/submission-id"
#define LABEL_LAUNCHED "sparkoperator.k8s.io/launched-by-spark-operator"
#define LABEL_APP_ID "spark-app-selector"

/* One attempt to submit. */
struct submission {
	char id[37];		/* a UUID */
	char app_id[40];	/* "spark-" and 32 hex digits */
};
void submission_new(struct submission *ret);

/* The driver pod's name; lent from the application or ret. */
const char *driver_pod_name(json_object *app, char ret[KUBE_NAME_MAX + 1]);

/*
 * The pod's manifest. A refusal is worded as what spark-submit prints, and
 * leaves nothing.
 */
bool driver_pod(json_object *app, const struct submission *sub,
    json_object **ret_new, struct err *err) MUST_CHECK;

#endif

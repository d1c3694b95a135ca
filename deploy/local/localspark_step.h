/*
 * The operator's state machine: looks at one application and its driver pod
 * and does what comes next: submits, follows the pod, writes the status.
 * Every step can be done again by a successor that knows nothing but the
 * cluster: the driver pod's name is fixed, so there is never a second one.
 */
#ifndef LOCALSPARK_STEP_H
#define LOCALSPARK_STEP_H

#include "defs.h"
#include "localspark_app.h"

struct kube;

struct operator {
	struct kube *kube;
	struct records records;
	int64_t submit_delay_ms; /* how long a spark-submit takes */
	int64_t workers;	/* spark-submits at a time */
	uint64_t turns;		/* given out to the queue */
};

/*
 * Looks at every record that needs it and starts submissions whose turn it
 * is. Returns when something is due next, monotonic.
 */
int64_t operator_run(struct operator *op);

#endif

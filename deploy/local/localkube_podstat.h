/*
 * A pod's status as a kubelet writes it.
 */
#ifndef LOCALKUBE_PODSTAT_H
#define LOCALKUBE_PODSTAT_H

#include <json-c/json.h>

#include "localkube_store.h"

enum kpodstat_state { KPOD_WAITING, KPOD_RUNNING, KPOD_TERMINATED };

struct kpodstat {
	enum kpodstat_state state;
	const char *reason;	/* of waiting or terminated */
	const char *message;	/* NULL: none */
	const char *ip;		/* NULL: not given yet */
	int exit_code;
	int64_t started_ms, finished_ms;	/* of the container */
};

/* Bound to this node, nothing more yet; is: NULL. */
void kpodstat_bind(json_object *pod, const struct kpodstat *is);
void kpodstat_set(json_object *pod, const struct kpodstat *is);

/*
 * Edits the pod in the store if it is still the one with this uid; false if
 * it is not there any more.
 */
typedef void (*kpodstat_edit)(json_object *pod, const struct kpodstat *is);
bool kpodstat_write(struct kstore *s, const struct kver *pod,
    kpodstat_edit edit, const struct kpodstat *is);

#endif

/*
 * Faults on demand: rules, put by the control route, that make matching
 * requests fail in a given way. Any thread may call.
 */
#ifndef LOCALKUBE_FAULT_H
#define LOCALKUBE_FAULT_H

#include <json-c/json.h>

#include "localkube_status.h"

enum kfault_kind {
	KFAULT_NONE,
	KFAULT_STATUS,		/* a Status instead of the work */
	KFAULT_STALL,		/* no answer, for ever or for ms */
	KFAULT_RESET,		/* closed instead of the work */
	KFAULT_RESET_AFTER,	/* the work is done, then closed */
	KFAULT_STATUS_AFTER,	/* the work is done, then a Status */
	KFAULT_SLOW,		/* few bytes at a time, ms between them */
	KFAULT_HALF,		/* half of the answer, then closed */
	KFAULT_WATCH_DELAY,	/* events come ms late */
	KFAULT_GONE,		/* a watch ends with 410 */
};

struct kfault {
	enum kfault_kind kind;
	int status;		/* 0: the kind's own */
	int retry_after_s;
	int64_t ms;		/* 0: the kind's own */
};

/* The whole list, replaced or shown with its hits. */
bool kfault_put(const char *body, size_t len, struct kst *st) MUST_CHECK;
json_object *kfault_show(void);	/* new */
void kfault_clear(void);

/* The first rule for this request, which counts as hit; else KFAULT_NONE. */
struct kfault kfault_take(const char *method, const char *uri, bool watch);
/* For a running watch: a rule that ends it (gone, reset), if rules changed. */
struct kfault kfault_take_live(const char *uri, uint64_t *seen);
uint64_t kfault_generation(void);

/* The Status that a rule asks for. */
bool kfault_status(const struct kfault *f, struct kst *st);

#endif

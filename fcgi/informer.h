/*
 * One collection of the Kubernetes API, kept up with by list and watch: a
 * paged list, a watch from its resourceVersion, bookmarks, 410 -> a list
 * again, back-off with jitter, the end of a watch -> the next at once. Runs
 * on a lane of kube_streams; what it learns goes to its listener. It neither
 * logs nor knows what its objects are.
 */
#ifndef INFORMER_H
#define INFORMER_H

#include <json-c/json.h>

#include "defs.h"
#include "kube.h"

struct informer;
struct kube_streams;

enum informer_change { INFORMER_LISTED, INFORMER_PUT, INFORMER_GONE };

/* What the listener is told; arg is its own. */
struct informer_listener {
	/* a list begins: what is not LISTED until on_list_end is gone */
	void (*on_list_begin)(void *arg);
	void (*on_list_end)(void *arg);
	void (*on_object)(void *arg, enum informer_change change,
	    json_object *object);
	/* its watch is open (again) */
	void (*on_live)(void *arg);
	/* something failed; it goes on in retry_ms */
	void (*on_trouble)(void *arg, enum kube_result result,
	    const char *why, int64_t retry_ms);
	void *arg;
};

struct informer_opts {
	const char *path;	/* of the collection */
	const char *selector;	/* labelSelector */
	int64_t page;		/* objects a page of a list */
	size_t limit;		/* bytes of a page, and of one event */
	int64_t watch_timeout_s; /* what the server is asked for */
	int64_t idle_ms;	/* silence after which a watch is stalled */
	int64_t open_ms;	/* and one without an answer yet, and a list */
	int64_t backoff_ms;	/* first wait after a failure, then doubled */
};

struct informer *informer_new(struct kube_streams *streams, size_t lane,
    const struct informer_opts *opts, const struct informer_listener *to);
void informer_free(struct informer *inf);

/* Does what is due; when to come again at the latest, monotonic ms. */
int64_t informer_tick(struct informer *inf, int64_t now_ms);

/*
 * The server has answered something else that it was asked at asked_ms: what
 * has been silent for long is begun anew. silent_ms: since then a watch that
 * has not spoken may be dead; 0 = there is no doubt.
 */
void informer_answered(struct informer *inf, int64_t asked_ms,
    int64_t silent_ms);
/* Since when it waits for a first byte longer than is usual; 0 = it does not. */
int64_t informer_waits(const struct informer *inf, int64_t now_ms);

struct informer_state {
	bool listed;		/* a whole list has been read */
	bool live;		/* its watch is open now */
	bool refused;		/* not ours to see (403), or not there (404) */
	int64_t spoke_ms;	/* monotonic: the last sign of life; 0 = none */
	int64_t whole_ms;	/* when the last whole list was begun; 0 = none */
};
struct informer_state informer_state(const struct informer *inf);

#endif

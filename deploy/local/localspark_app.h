/*
 * What localspark knows: a record for each application of the namespaces it
 * plays operator for, with its driver pod beside it. Filled from the watches
 * and from the answers to its own calls; an older version never replaces a
 * newer one. It is a memory, not a state: everything is in the cluster.
 */
#ifndef LOCALSPARK_APP_H
#define LOCALSPARK_APP_H

#include <json-c/json.h>

#include "app.h"
#include "defs.h"

struct kube;
struct watch_event;

enum record_stage {
	STAGE_REST,		/* nothing to submit */
	STAGE_QUEUED,		/* waits for a worker */
	STAGE_SUBMITTING,	/* "spark-submit" runs until due_ms */
};

struct record {
	struct record *next;
	char key[2 * KUBE_NAME_MAX + 2];	/* "namespace/name" */
	json_object *app;	/* NULL = only its pod is known */
	json_object *pod;	/* the driver pod; NULL = none known */
	bool pod_gone;		/* it was deleted; pod is what it was last */
	int64_t app_rv, pod_rv;
	uint32_t app_list, pod_list; /* the list that named it last */
	json_object *spec;	/* as seen last, without suspend and TTL */
	enum record_stage stage;
	uint64_t turn;		/* place in the queue */
	int64_t due_ms;		/* monotonic; 0 = nothing is due */
	int64_t started_ms;	/* wall clock, of the submission */
	int64_t backoff_ms;
	bool dirty;		/* to be looked at */
	bool spec_changed;
};

enum source_kind { SOURCE_APPS, SOURCE_PODS };

/* One watch's place among the records. */
struct source {
	enum source_kind kind;
	const char *ns;
	bool synced;		/* a whole list has been read */
	uint32_t list;		/* number of the list being read, or last */
	int64_t list_rv;
	bool listing;
};

struct records {
	struct record *first, **last;
	void *index;		/* tsearch */
	struct source *sources;
	size_t source_count;
};

void records_init(struct records *rs);
/* Takes an event in; false if it makes no sense. */
bool records_event(struct records *rs, struct source *src,
    const struct watch_event *ev);
/* Forgets records that hold nothing any more. */
void records_sweep(struct records *rs);
/* Whether the pods of this record's namespace have been listed. */
bool records_pods_known(const struct records *rs, const struct record *r);

/* Newer versions, as the API server's answers bring them. */
void record_take_app(struct record *r, json_object *take_app);
void record_take_pod(struct record *r, json_object *take_pod);
void record_drop_app(struct record *r);
void record_drop_pod(struct record *r);
/* The pod if it belongs to this very application, not to a namesake. */
json_object *record_own_pod(const struct record *r);
/* The same of a pod that is gone: how it ended may not be written yet. */
json_object *record_lost_pod(const struct record *r);

enum app_phase record_phase(const struct record *r);

#endif

/*
 * A watch's byte stream -> events. Pure: a splitter that is fed arbitrary
 * pieces and gives whole lines, each parsed into an event; and the reading
 * of BOOKMARK and ERROR. Lines over the limit end the stream.
 */
#ifndef KUBE_WATCH_H
#define KUBE_WATCH_H

#include <json-c/json.h>

#include "buf.h"
#include "defs.h"

struct err;

enum watch_type { WATCH_ADDED, WATCH_MODIFIED, WATCH_DELETED, WATCH_BOOKMARK,
	WATCH_ERROR };

struct watch_event {
	enum watch_type type;
	json_object *object;	/* lent for the time of the callback */
	const char *rv;		/* its resourceVersion, "" for an ERROR */
	int64_t code;		/* of an ERROR: the Status code, 410 … */
};

struct watch_split {
	struct buf line;	/* what has come of the next event */
	bool (*on_event)(void *arg, const struct watch_event *ev);
	void *arg;
};

void watch_split_init(struct watch_split *w, size_t line_limit,
    bool (*on_event)(void *, const struct watch_event *), void *arg);
void watch_split_release(struct watch_split *w);
/* False with a reason: bad JSON, too long a line, or on_event said stop. */
bool watch_split_feed(struct watch_split *w, const char *data, size_t len,
    struct err *err) MUST_CHECK;

#endif

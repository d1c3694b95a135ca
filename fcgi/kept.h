/*
 * The last lines of a driver's log that outlive its pod: a ConfigMap
 * "<application>-log", owned by the application, so that it goes with it.
 * Made by the leader's chore below; read by the tailer. The application's
 * own annotations say that it is there and hold its very last lines, for
 * views.
 */
#ifndef KEPT_H
#define KEPT_H

#include <json-c/json.h>

#include "app.h"
#include "tail.h"

#define KEPT_BYTES_MAX (256u << 10)	/* of lines in one */
#define KEPT_OBJECT_MAX (2u << 20)	/* of the object as it is read */

struct conf;
struct err;
struct gw;
struct kept;

/* The ConfigMap's name. */
void kept_name(char ret[KUBE_NAME_MAX + 1], const char *object);

/*
 * Reads one: the number of its first line, which are told, and of all. False
 * if it makes no sense or is of another run (run 0: of whichever).
 */
bool kept_read(json_object *map, uint32_t run, int64_t *ret_first,
    int64_t *ret_total, void (*on_line)(void *arg, const char *, size_t),
    void *arg, struct err *err) MUST_CHECK;

/* The ConfigMap and the application's annotations, for these lines. */
struct kept_log {
	const struct cache_view *view;
	const struct tail_copy *lines;	/* NULL = none could be read */
	int64_t max;			/* lines */
};
json_object *kept_map(const struct conf *conf, const struct kept_log *k);
json_object *kept_notes(const struct kept_log *k);

#endif

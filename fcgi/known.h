/*
 * What the watcher knows: each application of this gateway joined with its
 * driver pod, in the order in which either came. The watcher's own memory,
 * bounded; pure, but for the heap.
 */
#ifndef KNOWN_H
#define KNOWN_H

#include <json-c/json.h>

#include "app.h"

struct err;
struct known;

#define POD_APP_LABEL "sparkoperator.k8s.io/app-name"

/* Who is told: arg is its own. text lends for the time of the call. */
struct known_listener {
	void (*on_change)(void *arg, const struct app *app,
	    const struct app_text *text);
	void (*on_gone)(void *arg, enum app_kind kind, int32_t id);
	void *arg;
};

struct known *known_new(const char *gateway, size_t max,
    const struct known_listener *to);
void known_free(struct known *k);

/*
 * An application, a driver pod, as an object of the API; mark is of the list
 * that it came in. False with the reason if it was passed over: not ours,
 * not sane, no room. One that is being deleted counts as gone.
 */
bool known_app(struct known *k, json_object *obj, uint32_t mark,
    struct err *err) MUST_CHECK;
void known_app_gone(struct known *k, json_object *obj);
bool known_pod(struct known *k, json_object *obj, uint32_t mark,
    struct err *err) MUST_CHECK;
void known_pod_gone(struct known *k, json_object *obj);

/*
 * A list's two ends: what was not put with this mark or later, in ns (NULL:
 * anywhere), is gone.
 */
uint32_t known_mark(struct known *k);
void known_sweep_apps(struct known *k, const char *ns, uint32_t mark);
void known_sweep_pods(struct known *k, const char *ns, uint32_t mark);

bool known_has(const struct known *k, enum app_kind kind, int32_t id)
    MUST_CHECK;
/* Tells of this one again; nothing if it is not known. */
void known_repeat(struct known *k, enum app_kind kind, int32_t id);
size_t known_count(const struct known *k);	/* applications */

#endif

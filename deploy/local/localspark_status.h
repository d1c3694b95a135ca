/*
 * The calls that change the cluster: the status of an application, its
 * driver pod, its end. Each leaves the record as the API server answered.
 */
#ifndef LOCALSPARK_STATUS_H
#define LOCALSPARK_STATUS_H

#include <json-c/json.h>

#include "defs.h"
#include "localspark_app.h"

struct err;
struct kube;

/* A new status begins as a copy of the old one. */
json_object *status_draft(const struct record *r);
void status_phase(json_object *draft, enum app_phase phase, const char *error);
void status_time(json_object *draft, const char *key, int64_t wall_ms);
void status_count(json_object *draft, const char *key); /* plus one */

/*
 * Writes it. False: the application has changed or gone meanwhile (the
 * record knows), or the server cannot be asked (the record waits a little).
 */
bool status_write(struct kube *k, struct record *r, json_object *take_draft)
    MUST_CHECK;

enum pod_made { POD_MADE, POD_TAKEN, POD_REFUSED, POD_LATER };
/*
 * Creates the driver pod, or finds that it exists: MADE if it is this
 * application's (the record has it), TAKEN if it is somebody else's.
 * REFUSED: reason holds the server's words. LATER: the record waits.
 */
enum pod_made pod_make(struct kube *k, struct record *r, json_object *pod,
    struct err *reason) MUST_CHECK;
/* Asks for its deletion; the watch tells when it is gone. */
void pod_delete(struct kube *k, struct record *r, json_object *pod);
void app_delete(struct kube *k, struct record *r);

#endif

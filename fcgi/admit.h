/*
 * Admission: how many applications may be under way in a namespace. One that
 * would be too many is made suspended, which the operator honours, and the
 * leader lets it go when there is room. A replica counts what it has sent
 * itself and what its watch has told of the others', so replicas may together
 * pass the limit by what the others make within the moment that an event
 * takes, never by more than their own limit each.
 */
#ifndef ADMIT_H
#define ADMIT_H

#include <json-c/json.h>

#include "app.h"
#include "defs.h"

struct gw;

/*
 * What is counted together: applications of one namespace. The intent of
 * this worker must be open: it holds the room until the create has arrived.
 */
uint32_t admit_key(const struct app *app);
/* Suspends the manifest if there is no room for it. */
void admit_or_wait(struct gw *gw, json_object *manifest);
/* Room for more, by admit_key; INT64_MAX without a limit. */
int64_t admit_room(struct gw *gw, uint32_t key);

/* Where one that waits stands, as this replica knows it: "3rd of 7". */
struct admit_place {
	int64_t at, of;		/* from 1 */
};
struct admit_place admit_place(struct gw *gw, const struct app *app);

#endif

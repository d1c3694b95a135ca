/*
 * Admission: how many applications may be under way in a namespace, and how
 * many of a team. One that would be too many is made suspended, which the
 * operator honours, and the leader lets it go when there is room. A replica
 * counts what it has sent itself and what its watch has told of the others',
 * so replicas may together pass a limit by what the others make within the
 * moment that an event takes, never by more than their own limit each.
 */
#ifndef ADMIT_H
#define ADMIT_H

#include <json-c/json.h>

#include "app.h"
#include "defs.h"

struct gw;
struct tally;

/*
 * Suspends the manifest if there is no room for it. The intent of this worker
 * must be open: it holds the room until the create has arrived.
 */
void admit_or_wait(struct gw *gw, json_object *manifest);
/*
 * Counts all that this replica knows, but for the caller's own intent; false
 * if some may be missing (cache_each).
 */
bool admit_count(struct gw *gw, struct tally *ret) MUST_CHECK;
/* Whether anything is limited. */
bool admit_limits(const struct gw *gw) MUST_CHECK;

/* Where one that waits stands, as this replica knows it: "3rd of 7". */
struct admit_place {
	int64_t at, of;		/* from 1 */
	int64_t team_most;	/* it waits for its team's limit; 0 = not */
};
struct admit_place admit_place(struct gw *gw, const struct app *app);

#endif

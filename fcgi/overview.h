/*
 * GET /status/api/v1/overview, for the status pages: how fresh the cache is,
 * how many sessions and batches are in which state, the starts that wait
 * longest and the latest failures, with their views. One answer of bounded
 * size however many applications there are, and no call outside. Whoever may
 * see the lists may see it: it says nothing that they do not say to him.
 *
 *   {"now":ms,"watch":{"synced":true,"ageMs":3,"objects":1,"dropped":0},
 *    "sessions":{"total":1,"states":{"starting":1}},"batches":{…},
 *    "waiting":[{"kind":"session","since":ms,"view":{…}}],"failed":[…]}
 *
 * Times are the epoch's milliseconds; since is when it was made, or ended,
 * and 0 where that is not known.
 */
#ifndef OVERVIEW_H
#define OVERVIEW_H

#include "defs.h"
#include "route.h"

bool overview_get(struct gw *gw, const struct request *rq,
    const struct target *t, struct reply *rp, struct err *err) MUST_CHECK;

#endif

/*
 * A session as its clients use it: that they asked, are alive, or made it
 * work is noted in the feed, and after a silence its driver's news are
 * waited for, a short while.
 */
#ifndef LIVE_H
#define LIVE_H

#include "app.h"
#include "defs.h"

struct gw;
struct request;

/*
 * A client asks for this application: a session is followed from now on, and
 * its heartbeat is renewed, unless the request says that it only looks: a
 * status page that is left open keeps no session alive. True if its state may
 * have changed meanwhile.
 */
bool live_heed(struct gw *gw, const struct request *rq,
    const struct app *app);
/* Whether its driver is there to be asked. */
bool live_has_driver(const struct app *app);

#endif

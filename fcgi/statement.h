/*
 * /sessions/{id}/statements and what runs code: post, list, view, cancel,
 * completion, interrupt. Reads come from the feed; what it lacks is asked of
 * the driver's agent by one bounded call. Handlers of route.c's table.
 */
#ifndef STATEMENT_H
#define STATEMENT_H

#include "defs.h"
#include "route.h"

#define STATEMENT_HANDLER(name) \
	bool name(struct gw *gw, const struct request *rq, \
	    const struct target *t, struct reply *rp, struct err *err) \
	    MUST_CHECK

STATEMENT_HANDLER(statement_list);
STATEMENT_HANDLER(statement_create);
STATEMENT_HANDLER(statement_view);
STATEMENT_HANDLER(statement_cancel);
STATEMENT_HANDLER(statement_complete);
STATEMENT_HANDLER(statement_interrupt);

#endif

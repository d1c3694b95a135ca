/*
 * POST …?dryRun=true: what a create would make and why, and whether the
 * cluster would take it, without making anything: no id, no reservation.
 * Used by the creating handlers; Livy has no such parameter.
 */
#ifndef DRYRUN_H
#define DRYRUN_H

#include <json-c/json.h>

#include "app.h"
#include "defs.h"

struct conf;
struct creation;
struct err;
struct manifest;
struct reply;
struct request;

/* Whether it is asked for; 400 for a value that is neither true nor false. */
bool dryrun_wanted(const struct request *rq, bool *ret, struct err *err)
    MUST_CHECK;

/*
 * {"template": file, "manifest": {…}, "fields": {path: what decided it}}, of
 * the id that comes last; of's own id does not matter.
 */
bool dryrun_show(const struct conf *conf, const struct manifest *of,
    json_object **ret_new, struct err *err) MUST_CHECK;

/* The same, after the API server has taken it in a dry run of its own. */
bool dryrun_answer(const struct creation *c, struct reply *rp,
    struct err *err) MUST_CHECK;

#endif

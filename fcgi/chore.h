/*
 * Chores: what one replica does for all of them. Each is a row of the
 * leader's table (leader.c), in a file of its own (chore_*.c). The leader
 * shows every application that the cache holds to each chore in turn; a
 * chore says what is due, and once the Lease is held it is told to act.
 * Every act is idempotent: two leaders for a moment are harmless.
 */
#ifndef CHORE_H
#define CHORE_H

#include <json-c/json.h>

#include "audit.h"
#include "cache.h"
#include "defs.h"

#define CHORE_MS 5000	/* bound of the calls of one act */

struct chores;		/* one look at what is due: leader.c */
struct err;
struct gw;

enum chore_end {
	CHORE_DONE,	/* a line of the audit log */
	CHORE_NOTHING,	/* there is nothing to do, or not yet */
	CHORE_FAILED,	/* err is filled; the same is tried again, later */
};

struct chore {
	enum audit_step step;
	/* a look begins; NULL = nothing is to be done then, as for end */
	void (*begin)(struct chores *due);
	/*
	 * An application, sessions first, ascending. May call chore_add. True
	 * if it is spoken for: no later chore of the table is shown it.
	 * NULL: it is not about single applications.
	 */
	bool (*look)(struct chores *due, const struct app *app);
	void (*end)(struct chores *due);
	/*
	 * Does it, on what the cache says now; reason is for the audit log.
	 * v is NULL for what was added without an application. NULL: none is
	 * ever added.
	 */
	enum chore_end (*act)(struct gw *gw, const struct cache_view *v,
	    struct buf *reason, struct err *err);
	/* it was due, and another replica leads; NULL = ask again soon */
	void (*elsewhere)(struct gw *gw);
};

extern const struct chore chore_admit, chore_agent, chore_fail, chore_keep,
    chore_mark, chore_ready, chore_retire, chore_session, chore_sweep;

/* It is due, for this application (NULL = for none), if there is room. */
void chore_add(struct chores *due, const struct chore *chore,
    const struct app *app_or_null);
/*
 * Whether it failed for this application again and again and is not tried
 * just now, so that others need not wait for it.
 */
bool chore_is_stuck(struct chores *due, const struct chore *chore,
    const struct app *app);
struct gw *chore_gw(const struct chores *due);
/* When this look began: epoch ms. */
int64_t chore_now(const struct chores *due);

/*
 * Whether the agent of this session has been ready once, as the application
 * says or as this replica knows.
 */
bool chore_was_ready(struct gw *gw, const struct app *app);

/*
 * {"metadata":{"uid":…,"annotations":{…}},"spec":{"suspend":…}}: a merge
 * patch of this very application, never of a namesake. Or without a spec.
 */
json_object *chore_notes_body(const struct cache_view *v,
    json_object **ret_notes);
json_object *chore_patch_body(const struct cache_view *v, bool suspend,
    json_object **ret_notes);
void chore_set_now(json_object *notes, const char *key);
/* Sends it; repeated it changes nothing. One that is gone is well, too. */
bool chore_patch(struct gw *gw, const struct cache_view *v,
    json_object *take_body, struct err *err) MUST_CHECK;

#endif

/*
 * What a create must hold before it makes its object: the reservations of
 * its Idempotency-Key and of its name, where it has them. Used by create.c.
 */
#ifndef CLAIM_H
#define CLAIM_H

#include "create.h"
#include "defs.h"
#include "reserve.h"

struct claim {
	struct reservation key, name;	/* object "" = none is needed */
};
#define CLAIM_INIT { .key = { .id = -1 }, .name = { .id = -1 } }

enum claim_result {
	CLAIM_OURS,	/* held: bind an id, create */
	CLAIM_REPEAT,	/* this key's application is there: *ret is it */
	CLAIM_FAILED,	/* err is filled, nothing is held */
};

enum claim_result claim_take(const struct creation *c, int64_t deadline_ms,
    struct claim *ret, struct item *ret_repeat, struct err *err) MUST_CHECK;
/* The id that a predecessor of the same key had bound; -1 = none. */
int32_t claim_id(const struct claim *cl);
bool claim_bind(const struct creation *c, struct claim *cl, int32_t id,
    int64_t deadline_ms, struct err *err) MUST_CHECK;
/*
 * After a create that is known to be there. RESERVE_GONE: what had this key
 * was deleted while this create was on its way, which made it once more;
 * RESERVE_BOUND: that is not known now.
 */
enum reserve_result claim_keep(const struct creation *c, struct claim *cl,
    int64_t deadline_ms) MUST_CHECK;
/* 409: it is not made anew, the client has to say that it wants another. */
bool claim_used_up(const struct creation *c, int32_t id, struct err *err);
/* After a create that is known to have left nothing. */
void claim_drop(const struct creation *c, const struct claim *cl,
    int64_t deadline_ms);
/* Whether an object is this claim's, made by whichever try of its key. */
bool claim_made(const struct claim *cl, const struct item *it);

#endif

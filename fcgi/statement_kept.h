/*
 * The last statements of a session that outlive its driver: a ConfigMap
 * "<application>-statements", owned by the application, so that it goes with
 * it. Every replica that knows them offers them; who knows more wins.
 */
#ifndef STATEMENT_KEPT_H
#define STATEMENT_KEPT_H

#include "buf.h"
#include "cache.h"
#include "defs.h"

struct err;
struct gw;

#define STATEMENT_KEPT_BYTES (200u << 10)

/* The ended sessions that this replica's feed knows; the leader process. */
struct statement_keeper {
	int64_t retry_ms;	/* monotonic: not before, after a failure */
	int64_t turn;		/* the lowest id that may be next */
	bool failed;		/* some did, since it was 0 */
};
void statement_keep(struct gw *gw, struct statement_keeper *k);

/*
 * A list as statement_list_text takes it; false with Livy's 400 if nothing
 * was kept, with a 503 if it cannot be read now.
 */
bool statement_kept_read(struct gw *gw, const struct cache_view *v,
    int64_t deadline_ms, struct buf *ret, struct err *err) MUST_CHECK;

#endif

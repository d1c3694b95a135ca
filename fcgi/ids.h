/*
 * Livy's ids: one counter a kind, rising, never reused, durable in the
 * cluster as a ConfigMap "livy-<gateway>-ids-<kind>" of the home namespace
 * and advanced by compare-and-swap. The last known value is kept in shared
 * memory under a lock that survives its holder, so that a create costs one
 * call and requests of a replica queue instead of racing.
 */
#ifndef IDS_H
#define IDS_H

#include "app.h"

struct conf;
struct err;
struct gw;
struct ids;

size_t ids_size(void);
void ids_format(void *mem);
/* The namespace of counters, reservations and the lease. */
const char *ids_home(const struct conf *conf);
/*
 * The next id of a kind. A lost counter restarts above the highest id that
 * the cache knows. Fails with 503 when the API server cannot be asked by
 * deadline_ms, and with 500 when ids are used up.
 */
bool ids_next(struct gw *gw, enum app_kind kind, int64_t deadline_ms,
    int32_t *ret, struct err *err) MUST_CHECK;
/*
 * The id that this request took last: its create was refused, so nothing of
 * it is there. If it is still the newest, the next create gets it.
 */
void ids_give_back(struct gw *gw, enum app_kind kind, int32_t id,
    int64_t deadline_ms);

#endif

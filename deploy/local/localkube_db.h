/*
 * localkube's objects on disk: one SQLite file, written inside the call that
 * makes the change, so that an answered write survives kill -9. Used by the
 * store alone, under its lock.
 */
#ifndef LOCALKUBE_DB_H
#define LOCALKUBE_DB_H

#include "defs.h"

struct err;
struct kdb;

struct kdb *kdb_open(const char *path, struct err *err) MUST_CHECK;
void kdb_close(struct kdb *db);

/* Calls row for each object, in no order; ret_rv: the last one given out. */
typedef bool (*kdb_row)(void *cls, const char *plural, const char *body,
    size_t len, struct err *err);
bool kdb_load(struct kdb *db, kdb_row row, void *cls, int64_t *ret_rv,
    struct err *err) MUST_CHECK;

/* One transaction: the object (body NULL: none any more) and the sequence. */
bool kdb_write(struct kdb *db, const char *plural, const char *ns,
    const char *name, const char *body, size_t len, int64_t rv,
    struct err *err) MUST_CHECK;

#endif

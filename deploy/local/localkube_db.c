#include "config.h"

#include "localkube_db.h"

#include <sqlite3.h>

#include "buf.h"
#include "err.h"

struct kdb {
	sqlite3 *sql;
	sqlite3_stmt *begin, *put, *drop, *rv, *commit, *rollback;
};

/*
 * What must survive is the death of the process, not of the machine: WAL
 * without waiting for the disk gives that at a few thousand writes a second.
 */
static const char schema[] =
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = OFF;"
    "PRAGMA wal_autocheckpoint = 4000;"
    "CREATE TABLE IF NOT EXISTS object (plural TEXT, ns TEXT, name TEXT,"
    " body BLOB NOT NULL, PRIMARY KEY (plural, ns, name));"
    "CREATE TABLE IF NOT EXISTS sequence (id INTEGER PRIMARY KEY,"
    " rv INTEGER NOT NULL);"
    "INSERT OR IGNORE INTO sequence VALUES (1, 1000);";

static bool
prepare(struct kdb *db, sqlite3_stmt **ret, const char *text)
{
	return sqlite3_prepare_v3(db->sql, text, -1,
	    SQLITE_PREPARE_PERSISTENT, ret, NULL) == SQLITE_OK;
}

struct kdb *
kdb_open(const char *path, struct err *err)
{
	struct kdb *db = mem_alloc(sizeof *db);
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
	    SQLITE_OPEN_NOMUTEX;

	if (sqlite3_open_v2(path, &db->sql, flags, NULL) != SQLITE_OK ||
	    sqlite3_exec(db->sql, schema, NULL, NULL, NULL) != SQLITE_OK ||
	    !prepare(db, &db->begin, "BEGIN IMMEDIATE") ||
	    !prepare(db, &db->put,
	    "INSERT OR REPLACE INTO object VALUES (?1, ?2, ?3, ?4)") ||
	    !prepare(db, &db->drop, "DELETE FROM object"
	    " WHERE plural = ?1 AND ns = ?2 AND name = ?3") ||
	    !prepare(db, &db->rv, "UPDATE sequence SET rv = ?1") ||
	    !prepare(db, &db->commit, "COMMIT") ||
	    !prepare(db, &db->rollback, "ROLLBACK")) {
		err_set(err, 500, "cannot open '%s': %s", path,
		    sqlite3_errmsg(db->sql));
		kdb_close(db);
		return NULL;
	}
	return db;
}

void
kdb_close(struct kdb *db)
{
	if (!db)
		return;
	sqlite3_finalize(db->begin);
	sqlite3_finalize(db->put);
	sqlite3_finalize(db->drop);
	sqlite3_finalize(db->rv);
	sqlite3_finalize(db->commit);
	sqlite3_finalize(db->rollback);
	sqlite3_close(db->sql);
	free(db);
}

bool
kdb_load(struct kdb *db, kdb_row row, void *cls, int64_t *ret_rv,
    struct err *err)
{
	sqlite3_stmt *st = NULL;
	bool ok = true;
	int step;

	if (sqlite3_prepare_v2(db->sql, "SELECT rv FROM sequence", -1, &st,
	    NULL) != SQLITE_OK || sqlite3_step(st) != SQLITE_ROW) {
		sqlite3_finalize(st);
		return err_set(err, 500, "cannot read the sequence: %s",
		    sqlite3_errmsg(db->sql));
	}
	*ret_rv = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	if (sqlite3_prepare_v2(db->sql, "SELECT plural, body FROM object", -1,
	    &st, NULL) != SQLITE_OK)
		return err_set(err, 500, "cannot read objects: %s",
		    sqlite3_errmsg(db->sql));
	while (ok && (step = sqlite3_step(st)) != SQLITE_DONE) {
		if (step != SQLITE_ROW)
			ok = err_set(err, 500, "cannot read objects: %s",
			    sqlite3_errmsg(db->sql));
		else
			ok = row(cls, (const char *)sqlite3_column_text(st, 0),
			    sqlite3_column_blob(st, 1),
			    (size_t)sqlite3_column_bytes(st, 1), err);
	}
	sqlite3_finalize(st);
	return ok;
}

static bool
run(sqlite3_stmt *st)
{
	bool ok = sqlite3_step(st) == SQLITE_DONE;

	sqlite3_reset(st);
	return ok;
}

bool
kdb_write(struct kdb *db, const char *plural, const char *ns,
    const char *name, const char *body, size_t len, int64_t rv,
    struct err *err)
{
	sqlite3_stmt *st = body ? db->put : db->drop;

	sqlite3_bind_text(st, 1, plural, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, ns, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 3, name, -1, SQLITE_STATIC);
	if (body)
		sqlite3_bind_blob(st, 4, body, (int)len, SQLITE_STATIC);
	sqlite3_bind_int64(db->rv, 1, rv);
	if (run(db->begin) && run(st) && run(db->rv) && run(db->commit))
		return true;
	err_set(err, 500, "cannot write to the store: %s",
	    sqlite3_errmsg(db->sql));
	if (!sqlite3_get_autocommit(db->sql))
		run(db->rollback);
	return false;
}

/*
 * The scoreboard: a slot of shared memory for each worker, written by that
 * worker alone (the master writes it only while nobody holds it): what it
 * does and since when. The master kills a worker whose request is past its
 * deadline; workers count the calls that leave the machine, so that whatever
 * hangs outside holds only part of the pool. There are more slots than
 * workers: on a reload old and new ones live side by side.
 */
#ifndef SLOTS_H
#define SLOTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "defs.h"

enum slot_stage { SLOT_FREE, SLOT_IDLE, SLOT_READING, SLOT_WORKING,
	SLOT_CALLING, SLOT_REPLYING };

/*
 * What a worker is about to create, from before the call until the answer is
 * sent. If it dies in between, or cannot tell what became of it, it is kept
 * as an orphan; the watcher, which sees what is there, settles it (settle.c).
 */
struct intent {
	_Atomic bool open;
	_Atomic uint64_t admitted;	/* where it is one more under way, */
	_Atomic uint32_t team;		/* and whose; before admitted is set */
	int kind;			/* enum app_kind */
	int32_t id;
	int64_t since_ms;		/* monotonic */
	char user[128];			/* cut to size: for the audit log */
	char request_id[64];
};

struct slot {
	_Atomic int pid;		/* 0 = nobody */
	_Atomic int stage;		/* enum slot_stage */
	_Atomic int64_t since_ms;	/* monotonic: the request's start */
	_Atomic int64_t upload_ms;	/* it may last so long; 0 = no upload */
	_Atomic uint64_t requests;	/* served */
	_Atomic uint64_t refused;	/* outbound calls refused for room */
	_Atomic int32_t driver;		/* session whose driver is called + 1 */
	_Atomic uint32_t user;		/* hash of the caller's name */
	char request_id[40];
	char method[16];
	char path[128];
	struct intent intent;
};

#define SLOTS_ORPHANS 256

struct orphan {
	struct intent intent;
	_Atomic int by;			/* slot + 1 of who fills it; 0 = none */
	bool told;			/* the watcher: the audit log has it */
};

struct slots {
	int64_t count;
	_Atomic int64_t silent_ms;	/* monotonic: the API server was */
	pthread_mutex_t admission;	/* who counts, and takes the room */
	struct orphan orphan[SLOTS_ORPHANS];
	struct slot slot[];
};

size_t slots_size(int64_t count);
void slots_format(struct slots *s, int64_t count);
/* A new process takes the slot, or its end is seen (pid 0). */
void slot_assign(struct slot *s, pid_t pid);
/* A connection was accepted; the request's words follow once they are read. */
void slot_accepted(struct slot *s, int64_t now_ms);
void slot_begin(struct slot *s, const char *request_id, const char *method,
    const char *path);
void slot_end(struct slot *s);
void slot_intend(struct slot *s, int kind, int32_t id, const char *user,
    const char *request_id);
/* The same of what a master that is gone has left. False: no room. */
bool slot_recover(struct slots *s, const struct intent *in) MUST_CHECK;
/*
 * The next create (*at starts at 0) that was let through, by the hashes of its
 * namespace and team: whether it has arrived is not known yet. Not this slot's
 * (-1 = all count). False at the end.
 */
bool slots_admitted(const struct slots *s, int but_slot, int64_t *at,
    uint32_t *ret_ns, uint32_t *ret_team) MUST_CHECK;
/* It is one of these from now on, until slot_arrived or its intent ends. */
void slot_admit(struct slot *s, uint32_t ns_hash, uint32_t team_hash);
void slot_arrived(struct slot *s);
/*
 * The intent of a slot, if it is open, is an orphan from now on: the master
 * when the worker has ended, or the worker itself. False: there is no room.
 */
bool slot_orphan(struct slots *s, int slot) MUST_CHECK;
/* The same, but the worker goes on with it and tells what became of it. */
bool slot_doubt(struct slots *s, int slot) MUST_CHECK;
/*
 * Takes the right to call outside for this slot; false when limit others
 * hold it. Ends with slot_calling_end, or with the slot's process.
 */
bool slot_calling_begin(struct slots *s, int slot, int64_t limit) MUST_CHECK;
/*
 * The same for a call to a session's driver, of which one driver and one
 * user may have a few at a time.
 */
struct slot_limits {
	int64_t pool, driver, user;
};
enum slot_call { SLOT_CALL_GRANTED, SLOT_CALL_POOL_FULL,
	SLOT_CALL_DRIVER_FULL, SLOT_CALL_USER_FULL };
enum slot_call slot_calling_driver(struct slots *s, int slot, int32_t id,
    const char *user, const struct slot_limits *limits) MUST_CHECK;
void slot_calling_end(struct slots *s, int slot);
/*
 * The request of this slot is an upload and may take so long, unless limit
 * others are under way. Ends with the request.
 */
bool slot_upload_begin(struct slots *s, int slot, int64_t limit,
    int64_t most_ms) MUST_CHECK;

#endif

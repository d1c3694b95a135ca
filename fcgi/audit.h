/*
 * The audit log: one JSON line for each step of each write, appended to a
 * file in one piece (or, without a file, to the log). A create that was
 * intended and has no later line of the same request was cut off by the end
 * of its worker: the watcher says what became of it. Written by workers, the
 * watcher and the leader.
 */
#ifndef AUDIT_H
#define AUDIT_H

#include "app.h"
#include "defs.h"

struct conf;

enum audit_step {
	AUDIT_INTENDED,		/* an id is taken, the create is about to go */
	AUDIT_ACCEPTED,		/* 201 was sent */
	AUDIT_REPEATED,		/* and again, to another try of its key */
	AUDIT_REFUSED,		/* nothing was made */
	AUDIT_UNKNOWN,		/* the client was told that this is not known */
	AUDIT_UNANSWERED,	/* it exists, but no 201 reached the client */
	AUDIT_ABSENT,		/* its worker died and it does not exist */
	AUDIT_DELETED,
	AUDIT_STOPPED,		/* a session, by a client; its record stays */
	AUDIT_RESUMED,		/* admitted by the leader */
	AUDIT_FAILED,		/* stopped by the leader, with a reason */
	AUDIT_RETIRED,		/* deleted at the end of its retention */
	AUDIT_MENDED,		/* a session got what it lacked to start */
};

struct audit {
	enum audit_step step;
	enum app_kind kind;
	int32_t id;
	const char *user;	/* NULL: the gateway itself */
	const char *request_id;	/* NULL: none */
	const char *reason;	/* NULL: none */
};

/* Opens the file, once a process; false with errno. */
bool audit_open(const struct conf *conf) MUST_CHECK;
void audit_write(const struct audit *a);

#endif

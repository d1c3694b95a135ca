/*
 * The shim: one small process a pod that outlives localkube. It runs the
 * container, writes its log, passes on signals, and leaves its end in a file.
 *
 * In the pod's folder: run.json (what to run, read once and removed), state
 * (that it runs), exit (how it ended), log.
 */
#ifndef LOCALKUBE_SHIM_H
#define LOCALKUBE_SHIM_H

#include <sys/types.h>

#include "defs.h"

struct err;

#define KSHIM_LOCK_FD 3	/* the pod's address, held while the shim lives */

int kshim_main(const char *dir);	/* the process; its exit status */

struct kshim_state {
	pid_t pid;
	int64_t born;		/* the process's start time, in ticks */
	int64_t started_ms;
};
struct kshim_exit {
	int code;
	char reason[64];
	char message[1024];
	int64_t started_ms, finished_ms;
};

/* False while there is no such file. */
bool kshim_read_state(const char *dir, struct kshim_state *ret) MUST_CHECK;
bool kshim_read_exit(const char *dir, struct kshim_exit *ret) MUST_CHECK;
/* When a process began, in ticks; 0: there is none. */
int64_t kshim_born(pid_t pid);

/* SIGTERM: the container is asked to end; SIGINT: it is killed. */

#endif

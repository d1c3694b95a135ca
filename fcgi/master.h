/*
 * The master: owns the socket and the shared memory, forks auth, watcher,
 * leader, tailer and workers, replaces those that end (with back-off) or overstay a
 * request's deadline, reloads on SIGHUP, drains on SIGTERM and SIGQUIT. It
 * calls neither libfcgi nor libcurl.
 */
#ifndef MASTER_H
#define MASTER_H

#include "defs.h"

/* Runs until told to end; the process's exit status. */
int master_run(const char *config_path);

#endif

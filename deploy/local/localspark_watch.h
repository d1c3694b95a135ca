/*
 * One watch as a process of its own: lists and watches SparkApplications or
 * driver pods of one namespace and writes what it learns into a pipe, in the
 * form of a watch stream, so that the reader needs kube_watch.h alone. A
 * list is told as two BOOKMARKs around ADDED events: one annotated
 * WATCH_LIST_BEGIN, one WATCH_LIST_END, both with the list's version. What
 * was not told in between, and is not newer than that version, is gone.
 */
#ifndef LOCALSPARK_WATCH_H
#define LOCALSPARK_WATCH_H

#include "defs.h"

struct kube_opts;

#define WATCH_LIST_BEGIN "localspark/list-begin"
#define WATCH_LIST_END "k8s.io/initial-events-end"

/* path: of the list, with its selectors. Ends with its parent. */
void watch_run(const struct kube_opts *opts, const char *path, int fd)
    NORETURN;

#endif

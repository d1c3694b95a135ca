/*
 * An API server that is silent: whether it answers again. A stream that has
 * begun cannot tell silence from rest, and one that waits for its first byte
 * cannot tell a slow server from one that has forgotten it. So while there is
 * a reason to doubt (a call of this replica was left without an answer, or a
 * stream has no first byte yet), and only then, a small question is asked on
 * a lane of its own, again and again until it is answered. What was silent
 * before that question was asked is better begun anew. Used by the watcher.
 */
#ifndef STALL_H
#define STALL_H

#include "defs.h"

struct kube_streams;
struct stall;

/* path: what is asked, small and allowed to us. */
struct stall *stall_new(struct kube_streams *streams, size_t lane,
    const char *path);
void stall_free(struct stall *s);

/*
 * What is doubtful now: since when (monotonic ms), 0 = nothing. Asks if that
 * is due. True once for each answer: it was asked at *ret_asked_ms.
 */
bool stall_over(struct stall *s, int64_t since_ms, int64_t *ret_asked_ms)
    MUST_CHECK;

#endif

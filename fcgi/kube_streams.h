/*
 * Several streams of the Kubernetes API at once, driven by one loop of one
 * process: a fixed number of lanes, each with at most one GET under way on a
 * connection of its own. The watcher's lists and watches.
 */
#ifndef KUBE_STREAMS_H
#define KUBE_STREAMS_H

#include "kube.h"

struct kube_streams;

/* wait_s: what the server asked us to wait, 0 = nothing. */
typedef void kube_lane_end(void *arg, enum kube_result result, int wait_s,
    const struct err *err);

struct kube_streams *kube_streams_new(const struct kube_opts *opts,
    size_t lanes);
void kube_streams_free(struct kube_streams *set);

/*
 * Starts a GET on a free lane; s is copied. It ends, once, in on_end, which
 * may start the next: with KUBE_OK as kube_stream() does, or with what went
 * wrong. Nothing is called before kube_streams_run.
 */
void kube_streams_start(struct kube_streams *set, size_t lane,
    const struct kube_stream *s, kube_lane_end *on_end);

/* A descriptor that ends a run early when it can be read. */
void kube_streams_wake(struct kube_streams *set, int fd);

/* Breaks off what is under way on a lane, without its on_end. */
void kube_streams_stop(struct kube_streams *set, size_t lane);

/* Lets what is under way go on, for timeout_ms at most if nothing comes. */
void kube_streams_run(struct kube_streams *set, int timeout_ms);

#endif

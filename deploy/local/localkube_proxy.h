/*
 * pods/NAME[:PORT]/proxy/PATH: the request goes on to the pod's own address,
 * body and answer in bounded memory both ways, without the client's
 * Authorization. One helper thread a request runs libcurl.
 */
#ifndef LOCALKUBE_PROXY_H
#define LOCALKUBE_PROXY_H

#include <microhttpd.h>

#include "localkube_fault.h"
#include "localkube_store.h"

struct kproxy;

bool kproxy_is_path(const char *uri);
struct kproxy *kproxy_open(struct kstore *s, struct MHD_Connection *c,
    const char *method, const char *uri);
/* Bytes of the request's body; waits while the pod is slower. */
void kproxy_send(struct kproxy *p, const char *data, size_t len);
/* The body is complete: waits for the pod's answer and passes it on. */
enum MHD_Result kproxy_answer(struct kproxy *p, struct MHD_Connection *c,
    const struct kfault *fault);
void kproxy_close(struct kproxy *p);	/* NULL is fine */

#endif

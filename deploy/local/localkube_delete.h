/*
 * Deletion as Kubernetes has it: at once, after a grace period (pods), or
 * when the last finalizer goes; and what follows from it: the garbage
 * collection of objects whose owners are gone.
 */
#ifndef LOCALKUBE_DELETE_H
#define LOCALKUBE_DELETE_H

#include "localkube_store.h"

struct err;

/* grace_s: -1 = the object's own. Retries against other writers. */
enum kstore_result kdelete_object(struct kstore *s, const struct kver *v,
    int64_t grace_s, bool foreground, struct err *err) MUST_CHECK;
/* A write that becomes a removal if nothing holds a deleted object any more. */
enum kstore_result kdelete_or_write(struct kstore *s, struct kver *was,
    json_object *o, struct kver **ret_new, struct err *err) MUST_CHECK;
/* Takes the owner out of its dependents, who then stay. */
void kdelete_orphan(struct kstore *s, const char *uid);

/* Namespaces are there as soon as they are named. */
bool kdelete_need_namespace(struct kstore *s, const char *ns,
    struct err *err) MUST_CHECK;
void kdelete_fill_namespace(json_object *o);
/* Deletes all that is in a namespace. */
void kdelete_contents(struct kstore *s, const char *ns);

/* The collector's thread: runs until kgc_stop. */
void kgc_start(struct kstore *s);
void kgc_stop(void);

#endif

/*
 * A pod's root file system, as arguments of bubblewrap: the machine's own
 * root, read only, with the image's folders, the pod's volumes and a private
 * /tmp put over it.
 */
#ifndef LOCALKUBE_ROOT_H
#define LOCALKUBE_ROOT_H

#include "buf.h"

struct err;

enum kmount_kind {
	KMOUNT_READ, KMOUNT_WRITE,
	KMOUNT_HIDE,		/* an empty folder */
};

struct kmount {
	enum kmount_kind kind;
	char *from;		/* on this machine; NULL when hidden */
	char *to;		/* in the pod */
};

#define KROOT_MAX 128

struct kroot {
	size_t n;
	struct kmount mount[KROOT_MAX];	/* later ones lie over earlier ones */
};

void kroot_release(struct kroot *root);
/* to must be absolute, without dot segments. */
bool kroot_add(struct kroot *root, enum kmount_kind kind, const char *from,
    const char *to, struct err *err) MUST_CHECK;

/*
 * The arguments, each with a NUL behind it. Where a mount point is missing,
 * the nearest folder that is there is taken apart: made anew, with what it
 * holds bound into it, so that the missing part can be made.
 */
bool kroot_args(const struct kroot *root, struct buf *ret, struct err *err)
    MUST_CHECK;

#endif

/*
 * A bounded pipe between two threads, one that writes and one that reads:
 * each waits for the other, until the writer closes it or either is gone.
 */
#ifndef LOCALKUBE_RING_H
#define LOCALKUBE_RING_H

#include <pthread.h>

#include "defs.h"

#define KRING_SIZE (64 * 1024)

struct kring {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	size_t at, len;
	bool closed;		/* no more will be written */
	bool broken;		/* one of the two is gone */
	char data[KRING_SIZE];
};

void kring_init(struct kring *r);
void kring_release(struct kring *r);

/* Bytes read, at most max; 0 at the end, which a break may be. */
size_t kring_read(struct kring *r, char *to, size_t max);
/* All of it; false once the ring is broken. */
bool kring_write(struct kring *r, const char *from, size_t len);
void kring_close(struct kring *r);
void kring_break(struct kring *r);
bool kring_is_broken(struct kring *r);

#endif

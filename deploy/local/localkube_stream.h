/*
 * An answer that is made while it is sent: a watch, a followed log, a proxied
 * body. read blocks until it has bytes; it returns how many, or one of the
 * two ends. Each runs in its connection's own thread.
 */
#ifndef LOCALKUBE_STREAM_H
#define LOCALKUBE_STREAM_H

#include <sys/types.h>

#include "defs.h"

#define KSTREAM_END (-1)	/* the answer is complete */
#define KSTREAM_BROKEN (-2)	/* the connection is cut */

struct kstream {
	ssize_t (*read)(struct kstream *stream, char *to, size_t max);
	void (*free)(struct kstream *stream);
	int fd;			/* the client's socket */
};

/* Whether the peer has closed its end. */
bool kstream_hung_up(int fd);
/* Set once, at the end: every stream then ends soon. */
bool kstream_stopping(void);
void kstream_stop(void);
/* Sleeps, but not past a hang-up or the end; false if that was it. */
bool kstream_sleep(int fd, int64_t ms);

#endif

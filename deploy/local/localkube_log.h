/*
 * A container's log file: one entry a line, "TIME F text", or P in place of F
 * for a piece of a line that is too long for one entry. Written by the shim,
 * read by the log API.
 */
#ifndef LOCALKUBE_LOG_H
#define LOCALKUBE_LOG_H

#include "buf.h"

#define KLOG_ENTRY_MAX (16 * 1024)	/* bytes of text in one entry */
#define KLOG_FILE_MAX (10 * 1024 * 1024) /* then a new file is begun */
#define KLOG_TIME_LEN 30	/* 2026-11-23T17:37:56.160545426Z */

/* Now, in nanoseconds, always of the same length: times compare as text. */
void klog_time(char ret[KLOG_TIME_LEN + 1]);
/* A client's RFC 3339 time in that form. */
bool klog_parse_time(const char *text, char ret[KLOG_TIME_LEN + 1])
    MUST_CHECK;

/* Cuts a program's output into entries; keep holds what has no end yet. */
void klog_feed(struct buf *keep, const char *data, size_t len,
    struct buf *ret_entries);
void klog_finish(struct buf *keep, struct buf *ret_entries);

struct klog_pick {
	char since[KLOG_TIME_LEN + 1];	/* "": from the start */
	bool timestamps;
	bool inside;		/* the last entry was a piece of a line */
};
/*
 * What a reader is shown of one entry (a line of the file without its
 * newline). Entries that are none are passed over.
 */
void klog_show(struct klog_pick *pick, const char *entry, size_t len,
    struct buf *out);

/* Where the last n entries of a file of size bytes begin. */
int64_t klog_tail(int fd, int64_t size, int64_t n);

#endif

/*
 * multipart/form-data read as a stream: one part after the other, headers
 * first, then its bytes in pieces, in a bounded window. The source gives
 * bytes when asked; nothing is read beyond what is needed. Pure.
 */
#ifndef MULTIPART_H
#define MULTIPART_H

#include "defs.h"

#define MULTIPART_BOUNDARY_MAX 200
#define MULTIPART_NAME_MAX 255	/* bytes of a part's name, of a file's */
#define MULTIPART_WINDOW 65536

struct multipart {
	int64_t (*read)(void *arg, char *data, size_t len); /* 0 end, -1 cut */
	void *arg;
	char mark[MULTIPART_BOUNDARY_MAX + 5];	/* CRLF, "--", boundary */
	size_t mark_len;
	char window[MULTIPART_WINDOW];
	size_t start, end;	/* what of the window is unread */
	bool in_part, ended;
	/* the part that multipart_next found */
	char name[MULTIPART_NAME_MAX + 1];
	char file[MULTIPART_NAME_MAX + 1];	/* the file's, as it was sent */
	bool is_file;
};

/* False if content_type is not multipart/form-data with a boundary. */
bool multipart_init(struct multipart *m, const char *content_type,
    int64_t (*read)(void *arg, char *data, size_t len), void *arg) MUST_CHECK;
/* Skips to the next part; false when there is none, or the rest is broken. */
bool multipart_next(struct multipart *m) MUST_CHECK;
/* Bytes of the part, at most len; 0 at its end, -1 if it is cut off. */
int64_t multipart_read(struct multipart *m, char *data, size_t len)
    MUST_CHECK;

#endif

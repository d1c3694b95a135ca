/*
 * Files and folders of localkube's own state: whole, bounded, never half
 * written, and with the modes that were meant whatever the umask is.
 */
#ifndef LOCALKUBE_FILES_H
#define LOCALKUBE_FILES_H

#include <sys/types.h>

#include "buf.h"

struct err;

bool kfiles_mkdir(const char *path, mode_t mode, struct err *err) MUST_CHECK;
/* Parents too, each with the mode; those that are there stay as they are. */
bool kfiles_mkdirs(const char *path, mode_t mode, struct err *err) MUST_CHECK;
/* Replaces the file at once: readers see the old or the new one. */
bool kfiles_write(const char *path, const void *data, size_t len,
    mode_t mode, struct err *err) MUST_CHECK;
bool kfiles_read(const char *path, struct buf *ret, struct err *err)
    MUST_CHECK;
/* All of a folder, whatever modes its owner gave to parts of it. */
void kfiles_remove(const char *path);

/* A relative path that stays below where it starts. */
bool kfiles_is_below(const char *path);

#endif

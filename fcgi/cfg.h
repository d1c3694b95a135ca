/*
 * libconfig files, read strictly: what libconfig lets pass in silence (an
 * integer that wraps, an include, bytes that are not UTF-8) is an error, and
 * errors are collected, a line each, "path:line: text". For conf*.c and
 * tmpl*.c, the only users of libconfig. Pure, but for reading the file.
 */
#ifndef CFG_H
#define CFG_H

#include "buf.h"
#include "defs.h"
#include "err.h"

struct config_t;

#define CFG_FILE_MAX (1 << 20)	/* bytes of a configuration or template */
#define CFG_DEPTH 48		/* groups and lists that may nest */

#define CFG_ERRORS_MAX 1000	/* lines that are kept */
#define CFG_ERRORS_PRINTED 200	/* and of them at most are printed */

struct cfg_errors {
	struct buf text;	/* a line each */
	size_t lines;		/* of it */
	size_t left_out;	/* that are not among them */
	size_t found;		/* each time that one was told, this grows */
};
#define CFG_ERRORS_INIT { .text = BUF_INIT(CFG_ERRORS_MAX * ERR_MSG_MAX) }
void cfg_errors_release(struct cfg_errors *e);
#define AUTO_CFG_ERRORS __attribute__((cleanup(cfg_errors_release)))

/* line 0 = the file as a whole. Always false. */
bool cfg_error(struct cfg_errors *e, const char *path, unsigned line,
    const char *fmt, ...) PRINTF(4, 5);
/* Adds what another reader put in err, already "path:line: text". */
void cfg_error_add(struct cfg_errors *e, const struct err *err);
/* True if there are none; fills err (status 500), with what fits, otherwise. */
bool cfg_errors_none(const struct cfg_errors *e, struct err *err) MUST_CHECK;
/* As many as one will read, and how many more there are. */
void cfg_errors_print(const struct cfg_errors *e, FILE *out);

/* Reads path into an initialised config. */
bool cfg_read(const char *path, struct config_t *config, struct cfg_errors *e)
    MUST_CHECK;
/*
 * The same for a file that may be put together from others of its folder:
 * a line @include "NAME.cfg" stands for that file.
 */
bool cfg_read_parts(const char *path, struct config_t *config,
    struct cfg_errors *e) MUST_CHECK;
/* Whether a name is that of such a part: letters, digits, -, _ and .cfg */
bool cfg_is_part(const char *name);
/* As cfg_read, for text that is already here; path is for messages only. */
bool cfg_read_text(const char *path, const char *text, size_t len,
    struct config_t *config, struct cfg_errors *e) MUST_CHECK;

#endif

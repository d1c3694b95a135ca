/*
 * Log lines on stderr, one write each, safe for many processes on one pipe:
 *   2026-11-23T10:00:00.123Z livy-fcgi worker[4711] info: text
 * Outside text is escaped here, so a line is always one line. Only the
 * program's processes log; pure modules return errors instead. Levels:
 * error = someone must act, warn = degraded and why it goes on, info = life
 * cycle and one access line a request, debug = free.
 */
#ifndef LOG_H
#define LOG_H

#include "defs.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_role(const char *role);	/* "worker"; static; also in ps */
void log_set_level(enum log_level level);
bool log_level_parse(const char *word, enum log_level *ret) MUST_CHECK;
bool log_is_on(enum log_level level);	/* lines of it are written */
/* Id put on each line of this process until the next call; NULL: none. */
void log_request_id(const char *id);

void log_error(const char *fmt, ...) PRINTF(1, 2);
void log_warn(const char *fmt, ...) PRINTF(1, 2);
void log_info(const char *fmt, ...) PRINTF(1, 2);
void log_debug(const char *fmt, ...) PRINTF(1, 2);
/* Logs an error and ends the process with status 1. */
void log_fatal(const char *fmt, ...) PRINTF(1, 2) NORETURN;

#endif

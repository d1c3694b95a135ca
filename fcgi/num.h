/*
 * Strict numbers, durations, sizes and times: the whole text or nothing.
 * Pure, but for the two clocks.
 */
#ifndef NUM_H
#define NUM_H

#include "defs.h"

/* Decimal integer, optional minus, no space, within [min, max]. */
bool num_int(const char *s, int64_t min, int64_t max, int64_t *ret) MUST_CHECK;
/* "250ms", "30s", "5m", "1h", "7d" (a bare number: ms) in milliseconds. */
bool num_duration_ms(const char *s, int64_t *ret) MUST_CHECK;
/* "512", "64k", "4m", "2g" (binary units) in bytes. */
bool num_size(const char *s, int64_t *ret) MUST_CHECK;

/* RFC 3339 time as Kubernetes writes it <-> milliseconds since the epoch. */
bool num_time_ms(const char *s, int64_t *ret) MUST_CHECK;
void num_time_text(int64_t ms, char ret[32]);	/* "2026-11-23T10:00:00Z" */
void num_microtime_text(int64_t ms, char ret[40]); /* with six decimals */

int64_t num_wall_ms(void);	/* clock time: only to be shown or stored */
int64_t num_mono_ms(void);	/* for durations and deadlines */

#endif

/*
 * Shared memory between the master's processes: anonymous mappings made by
 * the master before it forks, read and written by offset. And the sequence
 * counter that lets one writer publish a record to many readers that copy it
 * out and retry. No process ever trusts a pointer found in shared memory.
 */
#ifndef SHM_H
#define SHM_H

#include <stdatomic.h>

#include "defs.h"

/*
 * A zeroed shared mapping of size bytes, fatal if there is none. Pages cost
 * memory once they are written. secret keeps it out of core dumps.
 */
void *shm_map(size_t size, bool secret);
/* Gives the pages of a part back to the system; they read as zero again. */
void shm_forget(void *start, size_t size);

struct seq {
	_Atomic uint32_t n;	/* odd while the writer is inside */
};

/* The writer's side; only one process may write under a given counter. */
void seq_write_begin(struct seq *s);
void seq_write_end(struct seq *s);
/* A new writer's first act: a predecessor may have died inside. */
void seq_reset(struct seq *s);

/*
 * The readers' side:
 *	do { n = seq_read_begin(s); copy...; } while (seq_read_retry(s, n));
 * A reader that finds the writer inside spins a bounded time; seq_read_begin
 * then returns an odd number, for which seq_read_retry is false as well:
 * check seq_is_torn(n) and treat the record as unreadable.
 */
uint32_t seq_read_begin(const struct seq *s);
bool seq_read_retry(const struct seq *s, uint32_t n);
static inline bool
seq_is_torn(uint32_t n)
{
	return n & 1;
}

#endif

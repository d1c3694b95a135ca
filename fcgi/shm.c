#include "config.h"

#include "shm.h"

#include <errno.h>
#include <sched.h>
#include <sys/mman.h>

#include "log.h"

#define SPINS 2000	/* then the writer is dead or starved, not slow */

void *
shm_map(size_t size, bool secret)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		log_fatal("cannot map %zu bytes of shared memory: %s", size,
		    strerror(errno));
	if (secret)
		madvise(p, size, MADV_DONTDUMP);
	return p;
}

void
shm_forget(void *start, size_t size)
{
	if (madvise(start, size, MADV_REMOVE) != 0)
		memset(start, 0, size);
}

void
seq_write_begin(struct seq *s)
{
	uint32_t n = atomic_load_explicit(&s->n, memory_order_relaxed);

	atomic_store_explicit(&s->n, n + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
}

void
seq_write_end(struct seq *s)
{
	uint32_t n = atomic_load_explicit(&s->n, memory_order_relaxed);

	atomic_store_explicit(&s->n, n + 1, memory_order_release);
}

void
seq_reset(struct seq *s)
{
	if (atomic_load(&s->n) & 1)
		atomic_fetch_add(&s->n, 1);
}

uint32_t
seq_read_begin(const struct seq *s)
{
	uint32_t n = 0;

	for (int i = 0; i < SPINS; i++) {
		n = atomic_load_explicit(&s->n, memory_order_acquire);
		if (!(n & 1))
			return n;
		if (i % 64 == 63)
			sched_yield();
	}
	return n | 1;
}

bool
seq_read_retry(const struct seq *s, uint32_t n)
{
	if (n & 1)
		return false;
	atomic_thread_fence(memory_order_acquire);
	return atomic_load_explicit(&s->n, memory_order_relaxed) != n;
}

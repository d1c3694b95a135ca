#include "config.h"

#include "cred.h"

#include "num.h"

#define TRIES 16	/* of a reader that meets the writer again and again */

void
cred_publish(struct cred_shm *shm, const struct cred *cred)
{
	uint32_t generation = atomic_load(&shm->generation);

	seq_reset(&shm->seq);
	if (generation == 0 || memcmp(&shm->cred, cred, sizeof *cred) != 0) {
		seq_write_begin(&shm->seq);
		memcpy(&shm->cred, cred, sizeof *cred);
		if (++generation == 0)
			generation = 1;
		atomic_store(&shm->generation, generation);
		seq_write_end(&shm->seq);
	}
	atomic_store(&shm->refreshed_ms, num_mono_ms());
}

bool
cred_copy(const struct cred_shm *shm, struct cred *ret,
    uint32_t *ret_generation)
{
	uint32_t generation, n;

	for (int i = 0; i < TRIES; i++) {
		n = seq_read_begin(&shm->seq);
		generation = atomic_load(&shm->generation);
		if (generation == 0 || seq_is_torn(n))
			break;
		memcpy(ret, &shm->cred, sizeof *ret);
		if (!seq_read_retry(&shm->seq, n)) {
			*ret_generation = generation;
			return true;
		}
	}
	*ret_generation = 0;
	return false;
}

void
cred_refused(struct cred_shm *shm, uint32_t generation)
{
	atomic_store(&shm->refused, generation);
}

#include "config.h"

#include "localkube_stream.h"

#include <poll.h>

#include "num.h"

static bool stopping;

bool
kstream_hung_up(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLRDHUP };

	return fd >= 0 && poll(&p, 1, 0) > 0 &&
	    (p.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL));
}

bool
kstream_stopping(void)
{
	return __atomic_load_n(&stopping, __ATOMIC_ACQUIRE);
}

void
kstream_stop(void)
{
	__atomic_store_n(&stopping, true, __ATOMIC_RELEASE);
}

bool
kstream_sleep(int fd, int64_t ms)
{
	int64_t until = num_mono_ms() + ms;

	while (num_mono_ms() < until) {
		int64_t left = until - num_mono_ms();

		if (kstream_stopping() || kstream_hung_up(fd))
			return false;
		poll(NULL, 0, left > 100 ? 100 : left > 0 ? (int)left : 0);
	}
	return true;
}

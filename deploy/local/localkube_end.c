#include "config.h"

#include "localkube_kubelet.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>

#include "buf.h"
#include "err.h"
#include "localkube_shim.h"
#include "num.h"

#define TERM_MS 10000	/* then they are killed */
#define LAST_MS 5000	/* then the shims are */
#define LOOK_MS 50

/* Sends the signal to each shim that lives; returns how many those are. */
static size_t
signal_all(const char *pods, int sig)
{
	DIR *dir = opendir(pods);
	struct dirent *e;
	size_t n = 0;

	while (dir && (e = readdir(dir))) {
		AUTO_BUF struct buf path = BUF_INIT(4096);
		struct kshim_state state;

		buf_addf(&path, "%s/%s", pods, e->d_name);
		if (*e->d_name == '.' ||
		    !kshim_read_state(path.data, &state) ||
		    kshim_born(state.pid) != state.born)
			continue;
		n++;
		if (sig)
			kill(state.pid, sig);
	}
	if (dir)
		closedir(dir);
	return n;
}

static bool
all_ended(const char *pods, int64_t ms)
{
	int64_t until = num_mono_ms() + ms;

	while (signal_all(pods, 0) > 0) {
		if (num_mono_ms() >= until)
			return false;
		poll(NULL, 0, LOOK_MS);
	}
	return true;
}

bool
kkubelet_end_all(const char *pods, struct err *err)
{
	static const struct {
		int sig;
		int64_t ms;
	} steps[] = {
		{ SIGTERM, TERM_MS }, { SIGINT, LAST_MS },
		{ SIGKILL, LAST_MS },
	};

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		signal_all(pods, steps[i].sig);
		if (all_ended(pods, steps[i].ms))
			return true;
	}
	return err_set(err, 500, "pods of '%s' still run", pods);
}

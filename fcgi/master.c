#include "config.h"

#include "master.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth.h"
#include "buf.h"
#include "cache.h"
#include "conf.h"
#include "cred.h"
#include "err.h"
#include "feed.h"
#include "feeder.h"
#include "gw.h"
#include "ids.h"
#include "leader.h"
#include "lease.h"
#include "listen.h"
#include "log.h"
#include "num.h"
#include "own.h"
#include "session_agent.h"
#include "session_token.h"
#include "settle.h"
#include "shm.h"
#include "slots.h"
#include "tail.h"
#include "tailer.h"
#include "watcher.h"
#include "worker.h"

#define TICK_MS 200		/* deadlines and respawns are looked at */
#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS 10000
#define STEADY_MS 10000		/* a process that lived so long starts afresh */
#define SPARE_SLOTS 64		/* at least: room to reload into */
#define STOP_HELPER_MS 2000	/* auth and watcher hold nothing worth waiting */

enum role { ROLE_AUTH, ROLE_WATCHER, ROLE_LEADER, ROLE_FEEDER, ROLE_TAILER,
	ROLE_WORKER };

static const char *const role_words[] = { "auth", "watcher", "leader",
	"feeder", "tailer", "worker" };
#define HELPERS 5	/* processes that are no workers */

/* A place for one process: each helper, and one for each worker slot. */
struct child {
	enum role role;
	int slot;		/* a worker's; -1 */
	pid_t pid;		/* 0 = none runs */
	bool wanted;		/* to be started again when it ends */
	int64_t started_ms;
	int64_t retry_ms;	/* not before; 0 = at once */
	int64_t backoff_ms;
	int64_t kill_ms;	/* told to end: SIGKILL from then on; 0 = not */
};

/* What is read beside the configuration, as root where that is needed. */
struct files {
	char *secret;
	struct session_keys *keys;
	struct session_agent *agent;
};

struct master {
	const char *config_path;
	struct conf *conf;
	struct files files;
	struct gw gw;
	struct child *children;
	size_t count;
	sigset_t signals;
	int pid_fd;
};

/* A line for each line of the sentence: a configuration has many faults. */
static void
log_err(const char *what, const struct err *err)
{
	const char *line = err->msg;
	size_t n;

	for (; *line; line += n + (line[n] == '\n')) {
		n = strcspn(line, "\n");
		log_error("%s%.*s", what, (int)n, line);
	}
}

static void NORETURN
child_main(struct master *m, const struct child *c, pid_t parent)
{
	sigset_t none;

	sigemptyset(&none);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);	/* it died before we asked to follow it */
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (m->pid_fd >= 0)
		close(m->pid_fd);
	log_set_level(m->conf->log_level);
	m->gw.slot = c->slot;
	switch (c->role) {
	case ROLE_AUTH:
		auth_main(&m->gw);
	case ROLE_WATCHER:
		watcher_main(&m->gw);
	case ROLE_LEADER:
		leader_main(&m->gw);
	case ROLE_FEEDER:
		feeder_main(&m->gw);
	case ROLE_TAILER:
		tailer_main(&m->gw);
	case ROLE_WORKER:
		worker_main(&m->gw);
	}
	abort();
}

static void
start(struct master *m, struct child *c)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid < 0) {
		log_error("cannot fork: %s", strerror(errno));
		c->retry_ms = num_mono_ms() + 1000;
		return;
	}
	if (pid == 0)
		child_main(m, c, parent);
	c->pid = pid;
	c->started_ms = num_mono_ms();
	c->kill_ms = 0;
	if (c->slot >= 0)
		slot_assign(&m->gw.slots->slot[c->slot], pid);
}

/* Asks a process to end, and sees to it that it does. */
static void
stop(struct child *c, int64_t grace_ms)
{
	if (c->pid == 0)
		return;
	if (c->kill_ms == 0)
		c->kill_ms = num_mono_ms() + grace_ms;
	kill(c->pid, SIGTERM);
}

static void
ended(struct master *m, struct child *c, int status)
{
	int64_t now = num_mono_ms();
	bool expected = c->kill_ms != 0;

	if (c->slot >= 0) {
		slot_assign(&m->gw.slots->slot[c->slot], 0);
		if (!slot_orphan(m->gw.slots, c->slot))
			log_error("what worker %d was creating is not settled: "
			    "see the audit log", (int)c->pid);
	}
	if (!expected && WIFSIGNALED(status))
		log_error("%s %d was ended by signal %d (%s)",
		    role_words[c->role], (int)c->pid, WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
	else if (!expected)
		log_error("%s %d ended with status %d", role_words[c->role],
		    (int)c->pid, WEXITSTATUS(status));
	if (expected || now - c->started_ms >= STEADY_MS)
		c->backoff_ms = 0;
	c->retry_ms = now + c->backoff_ms;
	c->backoff_ms = c->backoff_ms ? c->backoff_ms * 2 : BACKOFF_FIRST_MS;
	if (c->backoff_ms > BACKOFF_MAX_MS)
		c->backoff_ms = BACKOFF_MAX_MS;
	c->pid = 0;
}

static void
reap(struct master *m)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (size_t i = 0; i < m->count; i++)
			if (m->children[i].pid == pid)
				ended(m, &m->children[i], status);
}

/* A worker whose request is past its deadline is lost to everybody else. */
static void
check_deadline(struct master *m, struct child *c, int64_t now)
{
	struct slot *s = &m->gw.slots->slot[c->slot];
	int stage = atomic_load(&s->stage);
	int64_t since = atomic_load(&s->since_ms);
	int64_t most = atomic_load(&s->upload_ms);

	if (most < m->conf->request_deadline_ms)
		most = m->conf->request_deadline_ms;
	if (stage == SLOT_IDLE || stage == SLOT_FREE || now - since < most)
		return;
	log_error("worker %d has been in '%s %.128s' (%s) for %lld ms: killed",
	    (int)c->pid, s->method, s->path, s->request_id,
	    (long long)(now - since));
	kill(c->pid, SIGKILL);
}

static void
tick(struct master *m)
{
	int64_t now = num_mono_ms();

	for (size_t i = 0; i < m->count; i++) {
		struct child *c = &m->children[i];

		if (c->pid == 0) {
			if (c->wanted && now >= c->retry_ms)
				start(m, c);
			continue;
		}
		if (c->kill_ms)
			/* again each tick: it may have been about to wait */
			kill(c->pid, now >= c->kill_ms ? SIGKILL : SIGTERM);
		else if (c->slot >= 0)
			check_deadline(m, c, now);
	}
}

/* Starts n workers in slots that nobody holds. */
static void
start_workers(struct master *m, int64_t n)
{
	for (size_t i = 0; i < m->count && n > 0; i++) {
		struct child *c = &m->children[i];

		if (c->role != ROLE_WORKER || c->pid || c->wanted)
			continue;
		c->wanted = true;
		c->backoff_ms = 0;
		start(m, c);
		n--;
	}
}

/* What shared memory was sized by cannot change while it is in use. */
static bool
same_shape(const struct conf *a, const struct conf *b)
{
	return a->cache_objects == b->cache_objects &&
	    a->feed_sessions == b->feed_sessions &&
	    a->feed_bytes == b->feed_bytes &&
	    a->cache_bytes == b->cache_bytes &&
	    a->log_drivers == b->log_drivers &&
	    a->log_bytes == b->log_bytes && a->log_lines == b->log_lines &&
	    strcmp(a->socket, b->socket) == 0 &&
	    strcmp(a->pid_file, b->pid_file) == 0 &&
	    strcmp(a->user, b->user) == 0 && strcmp(a->group, b->group) == 0;
}

static bool
reload_check(const struct master *m, const struct conf *conf, struct err *err)
{
	int64_t room = m->gw.slots->count;

	for (size_t i = 0; i < m->count; i++)
		if (m->children[i].role == ROLE_WORKER && m->children[i].pid)
			room--;
	if (!same_shape(m->conf, conf))
		return err_set(err, 500, "socket, pid_file, user, group and "
		    "the sizes of cache, feed and logs change by a restart "
		    "only");
	if (conf->workers > room)
		return err_set(err, 500, "there is room for %lld new workers "
		    "only: wait for the old ones, or restart",
		    (long long)room);
	return true;
}

static void
files_free(struct files *f)
{
	if (f->secret)
		explicit_bzero(f->secret, strlen(f->secret));
	free(f->secret);
	session_keys_free(f->keys);
	session_agent_free(f->agent);
}

static bool
read_files(const struct conf *conf, struct files *ret, struct err *err)
{
	return listen_secret(conf, &ret->secret, err) &&
	    session_keys_read(conf->session_key_file, &ret->keys, err) &&
	    session_agent_read(conf, &ret->agent, err);
}

/* Puts what has been read into what new processes are given. */
static void
offer(struct master *m)
{
	m->gw.conf = m->conf;
	m->gw.secret = m->files.secret;
	m->gw.session_keys = m->files.keys;
	m->gw.agent = m->files.agent;
	m->gw.peer_uid = listen_peer(m->conf);
}

/*
 * New workers with the new configuration first, then the old ones end as
 * they have answered what they hold: the socket never stands unserved. A
 * configuration that does not check changes nothing.
 */
static void
reload(struct master *m)
{
	struct err err = ERR_INIT;
	struct conf *conf = NULL;
	struct files files = { 0 };

	if (!conf_load(m->config_path, &conf, &err) ||
	    !read_files(conf, &files, &err) ||
	    !reload_check(m, conf, &err)) {
		log_err("not reloaded, the old configuration stays: ", &err);
		conf_free(conf);
		files_free(&files);
		return;
	}
	for (size_t i = 0; i < m->count; i++)
		if (m->children[i].role == ROLE_WORKER)
			m->children[i].wanted = false;
	conf_free(m->conf);
	files_free(&m->files);
	m->conf = conf;
	m->files = files;
	offer(m);
	log_set_level(conf->log_level);
	start_workers(m, conf->workers);
	for (size_t i = 0; i < m->count; i++) {
		struct child *c = &m->children[i];

		if (c->role != ROLE_WORKER)
			stop(c, STOP_HELPER_MS);
		else if (!c->wanted)
			stop(c, conf->drain_ms);
	}
	log_info("reloaded '%s'", m->config_path);
}

static size_t
running(const struct master *m, bool workers)
{
	size_t n = 0;

	for (size_t i = 0; i < m->count; i++)
		n += m->children[i].pid != 0 &&
		    (m->children[i].role == ROLE_WORKER) == workers;
	return n;
}

/* Sleeps until a signal or the next tick; returns the signal or 0. */
static int
wait_signal(const struct master *m)
{
	const struct timespec wait = { .tv_nsec = TICK_MS * 1000000L };
	int sig = sigtimedwait(&m->signals, NULL, &wait);

	return sig > 0 ? sig : 0;
}

/* Ends the processes of one sort and waits for them. */
static void
stop_all(struct master *m, bool workers, int64_t grace_ms)
{
	for (size_t i = 0; i < m->count; i++) {
		struct child *c = &m->children[i];

		if ((c->role == ROLE_WORKER) != workers)
			continue;
		c->wanted = false;
		stop(c, grace_ms);
	}
	while (running(m, workers) > 0) {
		wait_signal(m);
		reap(m);
		tick(m);
	}
}

static void
supervise(struct master *m)
{
	for (;;) {
		switch (wait_signal(m)) {
		case SIGHUP:
			reload(m);
			break;
		case SIGTERM:
		case SIGINT:
		case SIGQUIT:
			log_info("draining");
			stop_all(m, true, m->conf->drain_ms);
			stop_all(m, false, STOP_HELPER_MS);
			return;
		}
		reap(m);
		tick(m);
	}
}

/* The file stays locked, so a stale one is told from a living master's. */
static bool
write_pid(struct master *m, struct err *err)
{
	const char *path = m->conf->pid_file;
	char text[24];
	int n;

	m->pid_fd = -1;
	if (!*path)
		return true;
	m->pid_fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (m->pid_fd < 0 || flock(m->pid_fd, LOCK_EX | LOCK_NB) != 0)
		return err_set(err, 500, "cannot take the pid file '%s': %s",
		    path, strerror(errno));
	n = snprintf(text, sizeof text, "%d\n", (int)getpid());
	if (ftruncate(m->pid_fd, 0) != 0 || write(m->pid_fd, text, (size_t)n) != n)
		return err_set(err, 500, "cannot write '%s': %s", path,
		    strerror(errno));
	return true;
}

static void
map_memory(struct master *m)
{
	const struct conf *conf = m->conf;
	int64_t spare = conf->workers > SPARE_SLOTS ? conf->workers : SPARE_SLOTS;
	int64_t slots = conf->workers + spare;

	m->gw.cred = shm_map(sizeof *m->gw.cred, /* secret: */ true);
	m->gw.slots = shm_map(slots_size(slots), false);
	slots_format(m->gw.slots, slots);
	m->gw.cache_mem = shm_map(
	    cache_size(conf->cache_objects, conf->cache_bytes), false);
	cache_format(m->gw.cache_mem, conf->cache_objects, conf->cache_bytes);
	m->gw.own_mem = shm_map(own_size(slots), false);
	m->gw.feed_mem = shm_map(
	    feed_size(conf->feed_sessions, conf->feed_bytes), false);
	feed_format(m->gw.feed_mem, conf->feed_sessions, conf->feed_bytes);
	m->gw.feed_poke = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	m->gw.ids_mem = shm_map(ids_size(), false);
	ids_format(m->gw.ids_mem);
	m->gw.tail_mem = shm_map(tail_size(conf, slots), false);
	tail_format(m->gw.tail_mem, conf, slots);
	m->gw.tail_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

static void
make_children(struct master *m)
{
	m->count = HELPERS + (size_t)m->gw.slots->count;
	m->children = mem_alloc(m->count * sizeof *m->children);
	for (size_t i = 0; i < m->count; i++)
		m->children[i] = i < HELPERS ?
		    (struct child){ .role = (enum role)i, .slot = -1,
			.wanted = true } :
		    (struct child){ .role = ROLE_WORKER,
			.slot = (int)(i - HELPERS) };
}

static void
block_signals(struct master *m)
{
	static const int all[] = { SIGHUP, SIGTERM, SIGINT, SIGQUIT, SIGCHLD };

	sigemptyset(&m->signals);
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		sigaddset(&m->signals, all[i]);
	sigprocmask(SIG_BLOCK, &m->signals, NULL);
}

int
master_run(const char *config_path)
{
	struct master m = { .config_path = config_path };
	struct err err = ERR_INIT;

	log_role("master");
	block_signals(&m);
	if (!conf_load(config_path, &m.conf, &err) ||
	    !read_files(m.conf, &m.files, &err) ||
	    !listen_open(m.conf, &m.gw.listen_fd, &err) ||
	    !write_pid(&m, &err) || !listen_drop(m.conf, &err)) {
		log_err("", &err);
		return 1;
	}
	log_set_level(m.conf->log_level);
	offer(&m);
	lease_replica(m.gw.replica, sizeof m.gw.replica);
	map_memory(&m);
	settle_recover(&m.gw);
	make_children(&m);
	tick(&m);	/* the helpers */
	start_workers(&m, m.conf->workers);
	log_info("serving '%s' with %lld workers", m.conf->socket,
	    (long long)m.conf->workers);

	supervise(&m);

	listen_close(m.conf, m.gw.listen_fd);
	if (m.pid_fd >= 0)
		unlink(m.conf->pid_file);
	log_info("ended");
	return 0;
}

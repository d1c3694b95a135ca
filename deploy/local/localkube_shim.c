#include "config.h"

#include "localkube_shim.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buf.h"
#include "err.h"
#include "jv.h"
#include "localkube_files.h"
#include "localkube_log.h"
#include "num.h"

#define RUN_MAX (8 * 1024 * 1024)
#define DRAIN_MS 2000	/* for output that comes after the end */
#define ARGS_FD 4
#define INFO_FD 5

struct shim {
	const char *dir;
	pid_t bwrap;		/* 0 when it has ended */
	pid_t init;		/* the container's first process */
	int out, info, signals, log;
	int64_t log_size, lines;
	char first[512];	/* of the output, for an error at the start */
	char told[512];		/* by bwrap, of the container's processes */
	int64_t started_ms;
	struct buf keep;
};

static int
open_in(const struct shim *s, const char *name, int flags)
{
	AUTO_BUF struct buf path = BUF_INIT(4096);

	buf_addf(&path, "%s/%s", s->dir, name);
	return open(path.data, flags | O_CLOEXEC, 0600);
}

static void
rotate(struct shim *s)
{
	AUTO_BUF struct buf from = BUF_INIT(4096);
	AUTO_BUF struct buf to = BUF_INIT(4096);

	buf_addf(&from, "%s/log", s->dir);
	buf_addf(&to, "%s/log.1", s->dir);
	close(s->log);
	rename(from.data, to.data);
	s->log = open_in(s, "log", O_WRONLY | O_CREAT | O_APPEND);
	s->log_size = 0;
}

static void
write_log(struct shim *s, const struct buf *entries)
{
	size_t done = 0;

	if (s->log_size + (int64_t)entries->len > KLOG_FILE_MAX)
		rotate(s);
	/* a full disk costs log lines, never the container */
	while (done < entries->len) {
		ssize_t n = write(s->log, entries->data + done,
		    entries->len - done);

		if (n <= 0)
			break;
		done += (size_t)n;
	}
	s->log_size += (int64_t)done;
}

static void
note_first(struct shim *s, const char *data, size_t len)
{
	size_t have = strlen(s->first), room = sizeof s->first - 1 - have;

	for (size_t i = 0; i < len; i++)
		s->lines += data[i] == '\n';
	memcpy(s->first + have, data, len < room ? len : room);
}

/* False at the end of the output. */
static bool
read_output(struct shim *s)
{
	AUTO_BUF struct buf entries = BUF_INIT(2 * 1024 * 1024);
	char data[32768];
	ssize_t n = read(s->out, data, sizeof data);

	if (n < 0 && errno == EINTR)
		return true;
	if (n > 0) {
		note_first(s, data, (size_t)n);
		klog_feed(&s->keep, data, (size_t)n, &entries);
	} else {
		klog_finish(&s->keep, &entries);
	}
	write_log(s, &entries);
	return n > 0;
}

/* bwrap says which process is the container's first: {"child-pid": N}. */
static void
read_info(struct shim *s)
{
	size_t have = strlen(s->told);
	ssize_t n = read(s->info, s->told + have, sizeof s->told - 1 - have);
	const char *at = strstr(s->told, "\"child-pid\":");
	int pid;

	if (n > 0)
		return;
	if (at && sscanf(at + strlen("\"child-pid\":"), "%d", &pid) == 1)
		s->init = pid;
	close(s->info);
	s->info = -1;
}

int64_t
kshim_born(pid_t pid)
{
	char path[64], text[1024];
	AUTO_FD int fd = -1;
	unsigned long long born = 0;
	const char *at;
	ssize_t n;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	/* the name, in brackets, may hold anything; a zombie has ended */
	at = strrchr(text, ')');
	if (!at || at[2] == 'Z' || sscanf(at + 2, "%*c %*s %*s %*s %*s %*s "
	    "%*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu",
	    &born) != 1)
		return 0;
	return (int64_t)born;
}

static void
write_json(const struct shim *s, const char *name, json_object *o)
{
	AUTO_BUF struct buf path = BUF_INIT(4096);
	struct err err = ERR_INIT;
	const char *text = jv_print(o);

	buf_addf(&path, "%s/%s", s->dir, name);
	if (!kfiles_write(path.data, text, strlen(text), 0600, &err))
		fprintf(stderr, "localkube shim: %s\n", err.msg);
}

static void
set_int(json_object *o, const char *key, int64_t value)
{
	json_object_object_add(o, key, json_object_new_int64(value));
}

static void
write_state(const struct shim *s)
{
	AUTO_JSON json_object *o = json_object_new_object();

	set_int(o, "pid", getpid());
	set_int(o, "born", kshim_born(getpid()));
	set_int(o, "startedMs", s->started_ms);
	write_json(s, "state", o);
}

static void
write_exit(const struct shim *s, int status)
{
	AUTO_JSON json_object *o = json_object_new_object();
	bool failed_start = status == 1 && s->lines == 1 &&
	    strncmp(s->first, "bwrap: ", 7) == 0;
	const char *reason = failed_start ? "StartError" :
	    status ? "Error" : "Completed";

	set_int(o, "code", failed_start ? 128 : status);
	json_object_object_add(o, "reason", json_object_new_string(reason));
	if (failed_start)
		json_object_object_add(o, "message",
		    json_object_new_string(s->first));
	set_int(o, "startedMs", s->started_ms);
	set_int(o, "finishedMs", num_wall_ms());
	write_json(s, "exit", o);
}

/* The container's main process is the only child of its first one. */
static pid_t
main_process(const struct shim *s)
{
	char path[64], text[64];
	AUTO_FD int fd = -1;
	ssize_t n;
	int pid;

	snprintf(path, sizeof path, "/proc/%d/task/%d/children",
	    (int)s->init, (int)s->init);
	fd = s->init ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	return sscanf(text, "%d", &pid) == 1 ? pid : 0;
}

/*
 * bwrap, before it has told which process is the first inside. That one may
 * already be there and wait for bwrap's word, which would never come.
 */
static void
end_starting(const struct shim *s)
{
	kill(-s->bwrap, SIGKILL);
}

static void
on_signal(struct shim *s, int *ret_status)
{
	struct signalfd_siginfo si;
	pid_t pid;
	int status;

	if (read(s->signals, &si, sizeof si) != sizeof si)
		return;
	switch (si.ssi_signo) {
	case SIGTERM:
		pid = main_process(s);
		if (pid)
			kill(pid, SIGTERM);
		else if (s->bwrap)
			end_starting(s);
		return;
	case SIGINT:
		/* all of its processes go with the first one */
		if (s->init)
			kill(s->init, SIGKILL);
		else if (s->bwrap)
			end_starting(s);
		return;
	default:
		if (waitpid(s->bwrap, &status, WNOHANG) != s->bwrap)
			return;
		s->bwrap = 0;
		*ret_status = WIFSIGNALED(status) ?
		    128 + WTERMSIG(status) : WEXITSTATUS(status);
	}
}

/* Until the container has ended and its output is written. */
static int
attend(struct shim *s)
{
	int64_t until = INT64_MAX;
	bool output = true;
	int status = 1;

	while (s->bwrap || (output && num_mono_ms() < until)) {
		struct pollfd p[3] = {
			{ .fd = output ? s->out : -1, .events = POLLIN },
			{ .fd = s->signals, .events = POLLIN },
			{ .fd = s->info, .events = POLLIN },
		};

		if (poll(p, 3, s->bwrap ? -1 : 100) < 0)
			continue;
		if (p[2].revents)
			read_info(s);
		if (p[0].revents)
			output = read_output(s);
		if (p[1].revents)
			on_signal(s, &status);
		if (!s->bwrap && until == INT64_MAX)
			until = num_mono_ms() + DRAIN_MS;
	}
	return status;
}

/* What bwrap is told that is too long or too private for a command line. */
static int
args_file(json_object *run)
{
	json_object *list = jv_member(run, "root");
	int fd = memfd_create("args", MFD_CLOEXEC);

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		const char *word = jv_text(json_object_array_get_idx(list,
		    i));

		if (write(fd, word, strlen(word) + 1) < 0)
			return -1;
	}
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static char **
words(json_object *list, const char *const *before, size_t n_before)
{
	size_t n = json_object_array_length(list);
	char **v = mem_alloc((n_before + n + 1) * sizeof *v);

	for (size_t i = 0; i < n_before; i++)
		v[i] = mem_strdup(before[i]);
	for (size_t i = 0; i < n; i++)
		v[n_before + i] = mem_strdup(jv_text(
		    json_object_array_get_idx(list, i)));
	return v;
}

static void NORETURN
become(json_object *run, int args, int info, int out)
{
	static const char *const before[] = { "bwrap", "--args", "4",
	    "--info-fd", "5", "--" };
	char **argv = words(jv_member(run, "argv"), before,
	    ARRAY_LEN(before));
	char **env = words(jv_member(run, "env"), NULL, 0);
	sigset_t none;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	/* first out of the way of the numbers that they get */
	args = fcntl(args, F_DUPFD_CLOEXEC, 16);
	info = fcntl(info, F_DUPFD_CLOEXEC, 16);
	out = fcntl(out, F_DUPFD_CLOEXEC, 16);
	close(KSHIM_LOCK_FD);
	dup2(null, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	dup2(args, ARGS_FD);
	dup2(info, INFO_FD);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	umask(022);
	execvpe(argv[0], argv, env);
	fprintf(stderr, "bwrap: cannot be run: %s\n", strerror(errno));
	_exit(1);
}

static bool
start(struct shim *s, json_object *run, struct err *err)
{
	int out[2], info[2], args = args_file(run);

	if (args < 0 || pipe2(out, O_CLOEXEC) != 0 ||
	    pipe2(info, O_CLOEXEC) != 0)
		return err_set(err, 500, "cannot make pipes: %s",
		    strerror(errno));
	s->log = open_in(s, "log", O_WRONLY | O_CREAT | O_APPEND);
	s->started_ms = num_wall_ms();
	s->bwrap = fork();
	if (s->bwrap < 0)
		return err_set(err, 500, "cannot fork: %s", strerror(errno));
	if (s->bwrap == 0) {
		setpgid(0, 0);
		become(run, args, info[1], out[1]);
	}
	setpgid(s->bwrap, s->bwrap);	/* here too: whoever is first */
	close(out[1]);
	close(info[1]);
	close(args);
	s->out = out[0];
	s->info = info[0];
	return true;
}

static bool
read_run(const struct shim *s, json_object **ret_new, struct err *err)
{
	AUTO_BUF struct buf path = BUF_INIT(4096);
	AUTO_BUF struct buf text = BUF_INIT(RUN_MAX);

	buf_addf(&path, "%s/run.json", s->dir);
	if (!kfiles_read(path.data, &text, err))
		return false;
	/* it may hold secrets: gone as soon as it is read */
	unlink(path.data);
	return jv_parse(text.data, text.len, JV_DEPTH_CLIENT, ret_new, err);
}

int
kshim_main(const char *dir)
{
	struct shim s = { .dir = dir, .info = -1 };
	AUTO_JSON json_object *run = NULL;
	struct err err = ERR_INIT;
	sigset_t set;
	int status;

	/* nothing that localkube, or who started it, had open */
	close_range(KSHIM_LOCK_FD + 1, ~0u, 0);
	buf_init(&s.keep, 2 * KLOG_ENTRY_MAX);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_SETMASK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	s.signals = signalfd(-1, &set, SFD_CLOEXEC);
	/* before anything runs, so that it can be found whatever happens */
	s.started_ms = num_wall_ms();
	write_state(&s);
	if (!read_run(&s, &run, &err) || !start(&s, run, &err)) {
		fprintf(stderr, "localkube shim: %s\n", err.msg);
		return 1;
	}
	status = attend(&s);
	write_exit(&s, status);
	buf_release(&s.keep);
	return 0;
}

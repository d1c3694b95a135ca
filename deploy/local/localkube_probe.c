#include "config.h"

#include "localkube_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "err.h"

extern char **environ;

/* A setting of the kernel that forbids user namespaces, if one does. */
static const char *
forbidden_by(void)
{
	static const struct {
		const char *file;
		char bad;
		const char *mend;
	} known[] = {
		{ "/proc/sys/kernel/unprivileged_userns_clone", '0',
		    "sysctl kernel.unprivileged_userns_clone=1" },
		{ "/proc/sys/user/max_user_namespaces", '0',
		    "sysctl user.max_user_namespaces=10000" },
		{ "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
		    '1', "sysctl "
		    "kernel.apparmor_restrict_unprivileged_userns=0" },
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		AUTO_FD int fd = open(known[i].file, O_RDONLY | O_CLOEXEC);
		char c;

		if (fd >= 0 && read(fd, &c, 1) == 1 && c == known[i].bad)
			return known[i].mend;
	}
	return NULL;
}

/* Runs the smallest pod there is; its output is kept for the message. */
static int
try_bwrap(char *ret_text, size_t size, int *ret_status)
{
	static const char *const argv[] = { "bwrap", "--ro-bind", "/", "/",
	    "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp",
	    "--unshare-pid", "--unshare-uts", "--unshare-ipc",
	    "--die-with-parent", "true", NULL };
	posix_spawn_file_actions_t files;
	int out[2], rc;
	ssize_t n;
	pid_t pid;

	*ret_text = '\0';
	if (pipe2(out, O_CLOEXEC) != 0)
		return errno;
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, out[1], STDERR_FILENO);
	rc = posix_spawnp(&pid, argv[0], &files, NULL,
	    (char *const *)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&files);
	close(out[1]);
	if (rc == 0) {
		n = read(out[0], ret_text, size - 1);
		ret_text[n > 0 ? n : 0] = '\0';
		ret_text[strcspn(ret_text, "\n")] = '\0';
		waitpid(pid, ret_status, 0);
	}
	close(out[0]);
	return rc;
}

bool
kprobe_check(struct err *err)
{
	char text[512];
	const char *mend;
	int status = 0, rc;

	if (geteuid() == 0)
		return err_set(err, 500, "it runs what users submit and "
		    "will not do so as root: start it as a user of its own, "
		    "for example by 'setpriv --reuid=USER --regid=GROUP "
		    "--init-groups localkube ...'");
	rc = try_bwrap(text, sizeof text, &status);
	if (rc != 0)
		return err_set(err, 500, "cannot run bwrap: %s: install the "
		    "package bubblewrap", strerror(rc));
	if (status == 0)
		return true;
	mend = forbidden_by();
	return err_set(err, 500, "pods cannot be run here: %s: %s%s", text,
	    mend ? "as root, run " : "user namespaces are not to be had; in "
	    "a container, it must be allowed to make them (for example "
	    "--security-opt seccomp=unconfined)", mend ? mend : "");
}

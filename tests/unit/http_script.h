/*
 * A scripted HTTP server for tests: a child process on a loopback port that
 * answers each request with the next line of its script, whatever was asked,
 * and keeps what it got for the test to look at.
 */
#ifndef HTTP_SCRIPT_H
#define HTTP_SCRIPT_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "defs.h"

#define SCRIPT_MAX 16
#define REQUEST_MAX 4096

enum step_end {
	STEP_KEEP,	/* the connection stays */
	STEP_CLOSE,	/* it is closed after the answer */
	STEP_RESET,	/* it is reset */
	STEP_STALL,	/* no further byte comes */
};

struct step {
	const char *answer;	/* bytes to send; "" = none */
	enum step_end end;
};

struct script_seen {
	_Atomic int requests;
	_Atomic int connections;
	char request[SCRIPT_MAX][REQUEST_MAX];
};

struct script {
	struct script_seen *seen;	/* shared with the child */
	pid_t pid;
	int port;
};

/* One whole request: headers, and a body by Content-Length. */
static bool
script_read(int fd, char *ret)
{
	size_t len = 0, body = 0;
	const char *end, *header;
	ssize_t n;

	for (;;) {
		n = read(fd, ret + len, REQUEST_MAX - 1 - len);
		if (n <= 0)
			return false;
		len += (size_t)n;
		ret[len] = '\0';
		end = strstr(ret, "\r\n\r\n");
		if (!end)
			continue;
		header = strstr(ret, "Content-Length: ");
		if (header && header < end)
			body = strtoul(header + 16, NULL, 10);
		if (len >= (size_t)(end + 4 - ret) + body)
			return true;
	}
}

static void NORETURN
script_serve(int fd, const struct step *steps, size_t count,
    struct script_seen *seen)
{
	struct linger reset = { .l_onoff = 1 };
	size_t next = 0;

	while (next < count) {
		int c = accept(fd, NULL, NULL);

		seen->connections++;
		while (next < count && script_read(c, seen->request[next])) {
			const struct step *s = &steps[next++];

			seen->requests++;
			if (write(c, s->answer, strlen(s->answer)) < 0)
				break;
			if (s->end == STEP_STALL)
				pause();
			if (s->end == STEP_RESET)
				setsockopt(c, SOL_SOCKET, SO_LINGER, &reset,
				    sizeof reset);
			if (s->end != STEP_KEEP)
				break;
		}
		close(c);
	}
	close(fd);	/* from now on: connection refused */
	for (;;)
		pause();
}

static void
script_start(struct script *s, const struct step *steps, size_t count)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof sa;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	s->seen = mmap(NULL, sizeof *s->seen, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (fd < 0 || s->seen == MAP_FAILED || count > SCRIPT_MAX ||
	    bind(fd, (struct sockaddr *)&sa, len) != 0 ||
	    listen(fd, 8) != 0 ||
	    getsockname(fd, (struct sockaddr *)&sa, &len) != 0)
		abort();
	s->port = ntohs(sa.sin_port);
	s->pid = fork();
	if (s->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		script_serve(fd, steps, count, s->seen);
	}
	close(fd);
}

static void
script_stop(struct script *s)
{
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	munmap(s->seen, sizeof *s->seen);
}

#endif

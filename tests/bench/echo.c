/*
 * The yardstick of tests/bench/run: the least that a libfcgi program can do.
 * A pool of processes that accept, read the body if there is one, and answer
 * with the bytes of a file (status, headers, body), made from an answer of
 * the gateway so that both sides send the same.
 *
 *	echo SOCKET PROCESSES FILE
 */
#include "config.h"

#include <fcgiapp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BYTES_MAX (16 << 20)

static char bytes[BYTES_MAX];

static void
serve(int fd, int len)
{
	FCGX_Request rq;
	char body[16384];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	FCGX_Init();
	FCGX_InitRequest(&rq, fd, 0);
	while (FCGX_Accept_r(&rq) == 0) {
		while (FCGX_GetStr(body, sizeof body, rq.in) > 0)
			continue;
		FCGX_PutStr(bytes, len, rq.out);
		FCGX_Finish_r(&rq);
	}
	_exit(0);
}

int
main(int argc, char **argv)
{
	int fd, count, len;
	FILE *f;

	if (argc != 4 || (count = (int)strtol(argv[2], NULL, 10)) < 1) {
		fprintf(stderr, "usage: echo SOCKET PROCESSES FILE\n");
		return 2;
	}
	f = fopen(argv[3], "rb");
	if (!f) {
		perror(argv[3]);
		return 1;
	}
	len = (int)fread(bytes, 1, sizeof bytes, f);
	fclose(f);
	umask(0);
	fd = FCGX_OpenSocket(argv[1], 511);
	for (int i = 0; i < count; i++)
		if (fork() == 0)
			serve(fd, len);
	while (wait(NULL) > 0)
		continue;
	return 0;
}

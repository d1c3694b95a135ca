/*
 * The web server's side of FastCGI for tests: writes one request's records
 * into a socket pair, lets libfcgi take the other end, and reads the answer.
 * One process plays both, so each way has to fit a socket's buffer: 64 KiB do.
 */
#ifndef FCGI_PEER_H
#define FCGI_PEER_H

#include <fcgiapp.h>
#include <fastcgi.h>
#include <sys/socket.h>
#include <unistd.h>

#include "buf.h"
#include "defs.h"

struct peer {
	struct buf out;		/* records to send */
	struct buf stdout_;	/* what the program answered */
	FCGX_Request fcgi;
	int fd;			/* the web server's end */
};

static inline void
peer_record(struct peer *p, int type, const void *data, size_t len)
{
	const unsigned char header[8] = { 1, (unsigned char)type, 0, 1,
		(unsigned char)(len >> 8), (unsigned char)len, 0, 0 };

	buf_add(&p->out, header, sizeof header);
	buf_add(&p->out, data, len);
}

static inline void
peer_length(struct buf *b, size_t n)
{
	const unsigned char four[] = { (unsigned char)(0x80 | n >> 24),
		(unsigned char)(n >> 16), (unsigned char)(n >> 8),
		(unsigned char)n };

	if (n < 128)
		buf_addch(b, (char)n);
	else
		buf_add(b, four, sizeof four);
}

static inline void
peer_begin(struct peer *p)
{
	static const char body[8] = { 0, FCGI_RESPONDER };

	memset(p, 0, sizeof *p);
	p->fd = -1;
	buf_init(&p->out, 64u << 20);
	buf_init(&p->stdout_, 64u << 20);
	peer_record(p, FCGI_BEGIN_REQUEST, body, sizeof body);
}

/* "NAME=value", …, NULL, as one stream. */
static inline void
peer_params(struct peer *p, const char *const *params)
{
	AUTO_BUF struct buf b = BUF_INIT(60000);

	for (; *params; params++) {
		const char *value = strchr(*params, '=') + 1;

		peer_length(&b, (size_t)(value - *params - 1));
		peer_length(&b, strlen(value));
		buf_add(&b, *params, (size_t)(value - *params - 1));
		buf_addstr(&b, value);
	}
	peer_record(p, FCGI_PARAMS, b.data, b.len);
}

static inline void
peer_end_params(struct peer *p)
{
	peer_record(p, FCGI_PARAMS, "", 0);
}

static inline void
peer_body(struct peer *p, const char *body, size_t len)
{
	for (size_t n; len > 0; body += n, len -= n) {
		n = len < 60000 ? len : 60000;
		peer_record(p, FCGI_STDIN, body, n);
	}
	peer_record(p, FCGI_STDIN, "", 0);
}

/*
 * Sends what was built and lets libfcgi read the parameters. With cut, the
 * peer ends the stream after it.
 */
static inline int
peer_accept(struct peer *p, bool cut)
{
	int fds[2];

	FCGX_Init();
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
		return -1;
	p->fd = fds[0];
	if (write(p->fd, p->out.data, p->out.len) != (ssize_t)p->out.len)
		return -1;
	if (cut)
		shutdown(p->fd, SHUT_WR);
	FCGX_InitRequest(&p->fcgi, -1, 0);
	p->fcgi.ipcFd = fds[1];
	p->fcgi.keepConnection = 1;
	return FCGX_Accept_r(&p->fcgi);
}

/* Ends the request; p->stdout_ has what was sent. */
static inline void
peer_finish(struct peer *p)
{
	unsigned char *at, *end;
	char chunk[65536];
	AUTO_BUF struct buf in = BUF_INIT(64u << 20);
	ssize_t n;

	shutdown(p->fd, SHUT_WR);	/* else libfcgi lingers for it */
	FCGX_Finish_r(&p->fcgi);
	if (p->fcgi.ipcFd >= 0)
		close(p->fcgi.ipcFd);
	p->fcgi.ipcFd = -1;
	while ((n = read(p->fd, chunk, sizeof chunk)) > 0)
		buf_add(&in, chunk, (size_t)n);
	at = (unsigned char *)in.data;
	end = at + in.len;
	while (end - at >= 8) {
		size_t len = (size_t)at[4] << 8 | at[5];

		if (at[1] == FCGI_STDOUT)
			buf_add(&p->stdout_, at + 8, len);
		at += 8 + len + at[6];
	}
}

static inline void
peer_release(struct peer *p)
{
	FCGX_Free(&p->fcgi, 1);
	if (p->fd >= 0)
		close(p->fd);
	buf_release(&p->out);
	buf_release(&p->stdout_);
}

#endif

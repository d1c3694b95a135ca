#include "config.h"

#include "worker.h"

#include <errno.h>
#include <fcgiapp.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "audit.h"
#include "cache.h"
#include "conf.h"
#include "err.h"
#include "feed.h"
#include "gw.h"
#include "kube.h"
#include "log.h"
#include "num.h"
#include "own.h"
#include "reply.h"
#include "request.h"
#include "route.h"
#include "slots.h"
#include "tail.h"

#define REPLY_LIMIT (64u << 20)	/* a page of 10,000 views is about 5 MiB */
#define PEER_TIMEOUT_S 5	/* silence of nginx inside a record stream */

static volatile sig_atomic_t ending;

static void
on_end(int sig UNUSED)
{
	ending = 1;
}

/*
 * Signals are let in only while the worker waits for a connection, so that
 * an end asked for in mid-request never cuts a read or a write.
 */
static void
take_signals(sigset_t *ret_waiting)
{
	struct sigaction end = { .sa_handler = on_end };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t mine;

	sigaction(SIGTERM, &end, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGUSR1, &ignore, NULL);
	sigemptyset(&mine);
	sigaddset(&mine, SIGTERM);
	sigprocmask(SIG_SETMASK, &mine, NULL);
	sigemptyset(ret_waiting);
}

static int
listener(int fd)
{
	/* one waiting worker is woken for a connection, not all of them */
	struct epoll_event ev = { .events = EPOLLIN | EPOLLEXCLUSIVE };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) != 0)
		log_fatal("cannot wait on the socket: %s", strerror(errno));
	return ep;
}

/* Whether the process at the other end may talk to us at all. */
static bool
peer_allowed(const struct gw *gw, int fd)
{
	struct ucred peer;
	socklen_t len = sizeof peer;

	if (gw->peer_uid < 0)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return false;
	if ((int64_t)peer.uid == gw->peer_uid || peer.uid == getuid())
		return true;
	log_warn("refused a connection by uid %lld: it is not '%s'",
	    (long long)peer.uid, gw->conf->nginx_user);
	return false;
}

/*
 * A connection, or -1 when told to end or woken for nothing. It is waited for
 * even where one might be there already: signals are let in here alone, and
 * an accept that finds none has made a socket for nothing, which costs more.
 */
static int
next_connection(const struct gw *gw, int ep, const sigset_t *waiting)
{
	const struct timeval timeout = { .tv_sec = PEER_TIMEOUT_S };
	struct epoll_event ev;
	int fd;

	if (epoll_pwait(ep, &ev, 1, -1, waiting) < 1)
		return -1;
	fd = accept4(gw->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE)
			sleep(1);	/* nothing to win by asking faster */
		return -1;
	}
	if (!peer_allowed(gw, fd)) {
		close(fd);
		return -1;
	}
	/* sending is bounded where an answer is long: reply_send() */
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
	return fd;
}

/*
 * Hands libfcgi a connection of ours. It would accept one itself, but then
 * its peer could not be checked and timed before its bytes are parsed.
 * keepConnection makes it keep what ipcFd holds; the listening socket that
 * it was given is none, so it can never fall back to accepting.
 */
static void
adopt(FCGX_Request *fcgi, int fd)
{
	fcgi->ipcFd = fd;
	fcgi->keepConnection = 1;
}

/*
 * Ends a request. libfcgi would shut its connection down and wait until the
 * peer has closed it, too, lest the answer be lost; but a unix socket loses
 * nothing of what was written, unless something is left unread: that alone
 * is for libfcgi.
 */
static void
finish(FCGX_Request *fcgi)
{
	bool plain = !fcgi->keepConnection &&
	    FCGX_HasSeenEOF(fcgi->in) == EOF;

	if (plain)
		fcgi->keepConnection = 1;
	FCGX_Finish_r(fcgi);
	if (!plain || fcgi->ipcFd < 0)
		return;		/* kept, or broken and closed already */
	close(fcgi->ipcFd);
	fcgi->ipcFd = -1;
}

/*
 * Whether a connection that the peer keeps brings another request. While it
 * is idle it binds this worker, so it is kept only where the configuration
 * says that nginx keeps fewer than there are workers; closing it is allowed,
 * and the peer reconnects.
 */
static bool
kept_again(const struct gw *gw, FCGX_Request *fcgi, const sigset_t *waiting)
{
	struct pollfd kept = { .fd = fcgi->ipcFd, .events = POLLIN };

	if (kept.fd < 0)
		return false;
	if (gw->conf->keep_connections > 0 &&
	    ppoll(&kept, 1, NULL, waiting) == 1 && kept.revents == POLLIN)
		return true;
	close(fcgi->ipcFd);
	fcgi->ipcFd = -1;
	return false;
}

static int64_t
micros(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void
access_line(const struct request *rq, const struct reply *rp, int64_t start_us)
{
	int64_t us;

	if (!log_is_on(LOG_INFO))
		return;
	us = micros() - start_us;
	log_info("'%s' %s %s %d %lld.%03lldms", rq->user, rq->sent_method,
	    rq->path, rp->status, (long long)(us / 1000),
	    (long long)(us % 1000));
}

/* A create that was intended is over once its answer is on its way. */
static void
close_intent(struct slot *slot, const struct reply *rp, bool sent)
{
	struct intent *in = &slot->intent;

	if (!atomic_load(&in->open))
		return;
	audit_write(&(struct audit){ .kind = (enum app_kind)in->kind,
	    .step = rp->status == 201 && sent ? AUDIT_ACCEPTED :
	    AUDIT_UNANSWERED, .id = in->id, .user = in->user,
	    .request_id = in->request_id });
	atomic_store(&in->open, false);
}

static void
serve(struct gw *gw, FCGX_Request *fcgi, struct request *rq, struct reply *rp,
    int64_t start_us)
{
	struct slot *slot = &gw->slots->slot[gw->slot];
	struct err err = ERR_INIT;
	bool sent;

	reply_clear(rp);
	if (request_read(rq, fcgi, gw->conf, gw->secret, &err)) {
		log_request_id(rq->id);
		slot_begin(slot, rq->id, rq->method, rq->path);
		if (!route_request(gw, rq, rp, &err))
			reply_err(rp, rq, &err);
	} else {
		log_request_id(rq->id);
		reply_err(rp, rq, &err);
	}
	if (err.status >= 500)
		log_warn("%s", err.msg);
	request_drain(rq);
	atomic_store(&slot->stage, SLOT_REPLYING);
	sent = reply_send(rp, rq, fcgi);
	close_intent(slot, rp, sent);
	if (!sent)
		log_info("the client went away before its answer");
	access_line(rq, rp, start_us);
	log_request_id(NULL);
}

void
worker_main(struct gw *gw)
{
	struct slot *slot = &gw->slots->slot[gw->slot];
	FCGX_Request fcgi;
	struct request rq;
	struct reply rp;
	sigset_t waiting;
	int64_t start_us;
	int ep, fd;

	log_role("worker");
	FCGX_Init();
	take_signals(&waiting);	/* after FCGX_Init, which sets its own */
	FCGX_InitRequest(&fcgi, -1, 0);
	ep = listener(gw->listen_fd);
	gw->own = own_open(gw->own_mem, gw->slots->count);
	gw->cache = cache_open(gw->cache_mem, gw->own);
	gw->feed = feed_open(gw->feed_mem, gw->feed_poke);
	cache_follow(gw->cache, gw->feed);
	gw->kube = gw_client(gw);
	gw->agents = gw_client(gw);
	gw->tail = tail_open(gw->tail_mem, gw->tail_fd);
	if (!audit_open(gw->conf))
		log_error("cannot open the audit log '%s': %s",
		    gw->conf->audit_log, strerror(errno));
	request_init(&rq);
	reply_init(&rp, REPLY_LIMIT);

	while (!ending) {
		if (!kept_again(gw, &fcgi, &waiting)) {
			fd = next_connection(gw, ep, &waiting);
			if (fd < 0)
				continue;
			adopt(&fcgi, fd);
		}
		start_us = micros();
		slot_accepted(slot, start_us / 1000);
		if (FCGX_Accept_r(&fcgi) >= 0) {
			serve(gw, &fcgi, &rq, &rp, start_us);
			finish(&fcgi);
		}
		slot_end(slot);
	}
	request_release(&rq);
	reply_release(&rp);
	kube_free(gw->kube);
	kube_free(gw->agents);
	feed_close(gw->feed);
	cache_close(gw->cache);
	own_close(gw->own);
	tail_close(gw->tail);
	exit(0);
}

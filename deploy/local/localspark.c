/*
 * localspark: the Spark Operator's stand-in. An ordinary API client that
 * turns SparkApplications into driver pods with master local[*] and writes
 * their status as the real operator does. It keeps nothing: ended at any
 * moment and started again, it goes on from what the cluster says.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth.h"
#include "buf.h"
#include "conf.h"
#include "cred.h"
#include "err.h"
#include "gw.h"
#include "kube.h"
#include "kube_watch.h"
#include "kubeconf.h"
#include "localspark_pod.h"
#include "localspark_step.h"
#include "localspark_watch.h"
#include "log.h"
#include "num.h"

#define NAMESPACES_MAX 64
#define LINE_MAX_BYTES (17 << 20)	/* an event of localspark_watch.c */
#define READ_BYTES 65536
#define REBIRTH_MS 200		/* at least, between two births of a watch */

struct options {
	const char *kubeconfig, *ready;
	const char *ns[NAMESPACES_MAX];
	size_t ns_count;
	int64_t submit_delay_ms, workers;
};

/* A watch process and what its pipe feeds. */
struct feed {
	struct source *source;
	struct records *records;
	char path[512];
	pid_t pid;
	int fd;			/* -1 = the process has to be born again */
	int64_t born_ms;
	struct watch_split split;
};

struct program {
	struct options opt;
	struct operator op;
	struct source sources[2 * NAMESPACES_MAX];
	struct feed feeds[2 * NAMESPACES_MAX];
	size_t feed_count;
	struct cred_shm *cred;
	pid_t auth;		/* keeps the credential fresh */
	struct kube_opts kube_opts;
	bool told_ready;
};

static const char usage[] =
    "usage: localspark --kubeconfig FILE --namespace NS [--namespace NS…]\n"
    "           [--submit-delay 300ms] [--workers 10] [--ready FILE]\n"
    "\n"
    "Plays the Spark Operator for the namespaces: a driver pod with master\n"
    "local[*] for each SparkApplication, and its status.\n"
    "  --submit-delay  how long a submission takes\n"
    "  --workers       submissions at a time\n"
    "  --ready         written once everything has been listed\n";

static void NORETURN
usage_error(const char *what)
{
	fprintf(stderr, "localspark: %s\n%s", what, usage);
	exit(2);
}

static const struct option longs[] = {
	{ "kubeconfig", required_argument, NULL, 'k' },
	{ "namespace", required_argument, NULL, 'n' },
	{ "submit-delay", required_argument, NULL, 'd' },
	{ "workers", required_argument, NULL, 'w' },
	{ "ready", required_argument, NULL, 'r' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static void
parse_options(int argc, char **argv, struct options *opt)
{
	int c;

	*opt = (struct options){ .submit_delay_ms = 300, .workers = 10 };
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1)
		if (c == 'k')
			opt->kubeconfig = optarg;
		else if (c == 'n' && strlen(optarg) > KUBE_LABEL_MAX)
			usage_error("a namespace is too long");
		else if (c == 'n' && opt->ns_count < NAMESPACES_MAX)
			opt->ns[opt->ns_count++] = optarg;
		else if (c == 'n')
			usage_error("too many namespaces");
		else if (c == 'r')
			opt->ready = optarg;
		else if (c == 'd' &&
		    num_duration_ms(optarg, &opt->submit_delay_ms))
			;
		else if (c == 'w' && num_int(optarg, 1, 1000, &opt->workers))
			;
		else if (c == 'h' && fputs(usage, stdout) >= 0)
			exit(0);
		else
			usage_error("an option or its value is not known");
	if (optind < argc)
		usage_error("there are arguments too many");
	if (!opt->kubeconfig || opt->ns_count == 0)
		usage_error("--kubeconfig and --namespace are needed");
}

/* A child ends with its parent, and on SIGTERM whatever the parent does. */
static pid_t
fork_child(void)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		log_fatal("cannot fork: %s", strerror(errno));
	if (pid == 0) {
		signal(SIGTERM, SIG_DFL);
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != parent)
			exit(1);
	}
	return pid;
}

static bool
on_event(void *arg, const struct watch_event *ev)
{
	struct feed *f = arg;

	if (!records_event(f->records, f->source, ev))
		log_warn("an event without a name");
	return true;
}

static void
birth(struct program *p, struct feed *f)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) != 0)
		log_fatal("cannot make a pipe: %s", strerror(errno));
	f->born_ms = num_mono_ms();
	f->source->listing = false;
	f->pid = fork_child();
	if (f->pid == 0) {
		for (size_t i = 0; i < p->feed_count; i++)
			if (p->feeds[i].fd >= 0)
				close(p->feeds[i].fd);
		close(fds[0]);
		log_role("spark-watch");
		watch_run(&p->kube_opts, f->path, fds[1]);
	}
	close(fds[1]);
	f->fd = fds[0];
	fcntl(f->fd, F_SETFL, O_NONBLOCK);
	watch_split_release(&f->split);
	watch_split_init(&f->split, LINE_MAX_BYTES, on_event, f);
}

static void
death(struct feed *f)
{
	log_warn("the watch of %s ended", f->path);
	close(f->fd);
	f->fd = -1;
	kill(f->pid, SIGKILL);
	waitpid(f->pid, NULL, 0);
}

static void
add_feed(struct program *p, const char *ns, enum source_kind kind)
{
	AUTO_BUF struct buf path = BUF_INIT(sizeof p->feeds[0].path - 1);
	struct feed *f = &p->feeds[p->feed_count];

	f->source = &p->sources[p->feed_count++];
	*f->source = (struct source){ .kind = kind, .ns = ns };
	f->records = &p->op.records;
	f->fd = -1;
	if (kind == SOURCE_APPS) {
		kube_path_apps(&path, ns, NULL);
	} else {
		kube_path_core(&path, ns, "pods", NULL);
		kube_path_query(&path, "labelSelector",
		    "spark-role=driver," LABEL_LAUNCHED "=true");
	}
	snprintf(f->path, sizeof f->path, "%s", path.data);
	watch_split_init(&f->split, LINE_MAX_BYTES, on_event, f);
}

/* Reads all that is there. */
static void
feed(struct feed *f)
{
	static char data[READ_BYTES];
	struct err err = ERR_INIT;
	ssize_t n;

	while ((n = read(f->fd, data, sizeof data)) > 0)
		if (!watch_split_feed(&f->split, data, (size_t)n, &err)) {
			log_error("watch of %s: %s", f->path, err.msg);
			death(f);
			return;
		}
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		death(f);
}

static void
tell_ready(struct program *p)
{
	AUTO_BUF struct buf temporary = BUF_INIT(4096);
	FILE *file;

	for (size_t i = 0; i < p->feed_count; i++)
		if (!p->sources[i].synced)
			return;
	p->told_ready = true;
	log_info("ready: %zu namespaces", p->opt.ns_count);
	if (!p->opt.ready)
		return;
	buf_addf(&temporary, "%s.new", p->opt.ready);
	file = fopen(temporary.data, "we");
	if (!file || fprintf(file, "%d\n", (int)getpid()) < 0 ||
	    fclose(file) != 0 || rename(temporary.data, p->opt.ready) != 0)
		log_fatal("cannot write '%s': %s", p->opt.ready,
		    strerror(errno));
}

static void
turn(struct program *p, int64_t until_ms)
{
	struct pollfd fds[2 * NAMESPACES_MAX];
	int64_t wait_ms = until_ms - num_mono_ms();

	for (size_t i = 0; i < p->feed_count; i++) {
		if (p->feeds[i].fd < 0 &&
		    num_mono_ms() - p->feeds[i].born_ms >= REBIRTH_MS)
			birth(p, &p->feeds[i]);
		fds[i] = (struct pollfd){ .fd = p->feeds[i].fd,
			.events = POLLIN };
	}
	if (poll(fds, p->feed_count, wait_ms > 0 ? (int)wait_ms : 0) < 0 &&
	    errno != EINTR)
		log_fatal("poll: %s", strerror(errno));
	for (size_t i = 0; i < p->feed_count; i++)
		if (p->feeds[i].fd >= 0 && fds[i].revents)
			feed(&p->feeds[i]);
}

/* The first credential; none is a mistake that is told at once. */
static void
load_credential(struct program *p)
{
	struct err err = ERR_INIT;
	struct cred *cred = mem_alloc(sizeof *cred);

	p->cred = shm_map(sizeof *p->cred, /* secret= */ true);
	if (!kubeconf_load(p->opt.kubeconfig, "", cred, NULL, &err))
		log_fatal("%s", err.msg);
	cred_publish(p->cred, cred);
	explicit_bzero(cred, sizeof *cred);
	free(cred);
}

/* Then it stays fresh as in the gateway. */
static void
keep_credential(struct program *p)
{
	AUTO_FREE char *path = NULL;

	if (p->auth > 0 && waitpid(p->auth, NULL, WNOHANG) == 0)
		return;
	p->auth = fork_child();
	if (p->auth == 0) {
		path = mem_strdup(p->opt.kubeconfig);
		auth_main(&(struct gw){ .cred = p->cred,
		    .conf = &(struct conf){ .kubeconfig = path,
		    .credential = CREDENTIAL_KUBECONFIG } });
	}
}

int
main(int argc, char **argv)
{
	static struct program p;
	int64_t next_ms = 0;

	parse_options(argc, argv, &p.opt);
	log_role("localspark");
	signal(SIGPIPE, SIG_IGN);
	load_credential(&p);
	p.kube_opts = (struct kube_opts){ .cred = p.cred,
		.user_agent = "localspark/" PACKAGE_VERSION,
		.connect_timeout_ms = 2000, .attempt_ms = 10000,
		.reply_limit = 64 << 20 };
	records_init(&p.op.records);
	p.op.records.sources = p.sources;
	p.op.submit_delay_ms = p.opt.submit_delay_ms;
	p.op.workers = p.opt.workers;
	for (size_t i = 0; i < p.opt.ns_count; i++) {
		add_feed(&p, p.opt.ns[i], SOURCE_APPS);
		add_feed(&p, p.opt.ns[i], SOURCE_PODS);
	}
	p.op.records.source_count = p.feed_count;
	for (size_t i = 0; i < p.feed_count; i++)
		birth(&p, &p.feeds[i]);
	p.op.kube = kube_new(&p.kube_opts);
	for (;;) {
		keep_credential(&p);
		turn(&p, next_ms);
		next_ms = operator_run(&p.op);
		if (!p.told_ready)
			tell_ready(&p);
	}
}

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <curl/curl.h>

#include "buf.h"
#include "err.h"
#include "localkube_delete.h"
#include "localkube_files.h"
#include "localkube_http.h"
#include "localkube_kubelet.h"
#include "localkube_logs.h"
#include "localkube_probe.h"
#include "localkube_shim.h"
#include "log.h"
#include "num.h"

#define FILE_MAX (1024 * 1024)

static const char usage[] =
    "Usage: localkube --dir DIR --listen 127.0.0.1:PORT --tls-cert FILE\n"
    "           --tls-key FILE --tokens FILE --images FILE [OPTION...]\n"
    "       localkube --dir DIR stop-pods\n"
    "A Kubernetes API server and kubelet for one machine: what the gateway\n"
    "uses of them, kept in DIR. Pods run as processes of the calling user.\n"
    "\n"
    "  --dir DIR          objects, logs and volumes; made if it is missing\n"
    "  --listen ADDR:PORT loopback only; port 0 takes any that is free\n"
    "  --tls-cert FILE    certificate (PEM)    --tls-key FILE  its key\n"
    "  --tokens FILE      lines of token,user: who may call\n"
    "  --images FILE      JSON: what stands in for each container image\n"
    "  --pod-net NET      addresses of pods (127.88.0.0/16)\n"
    "  --ready FILE       gets the address that is listened on, once it is\n"
    "  --control          serve /localkube/faults: misbehaviour on demand\n"
    "  --verbose          log each request\n"
    "  --help\n"
    "\n"
    "SIGTERM ends localkube; its pods run on and are taken up again by the\n"
    "next start. stop-pods ends the pods of a localkube that is not running.\n";

struct options {
	const char *dir, *listen, *cert, *key, *tokens, *images;
	const char *pod_net, *ready, *command;
	bool control, verbose;
};

struct server {
	struct options opt;
	char *dir, *pods;	/* absolute */
	struct buf cert, key, tokens;
	struct khttp_conf http;
	struct kkubelet_conf kubelet;
	char address[64];
	int lock;
};

static void NORETURN
bad_usage(const char *what, const char *arg)
{
	fprintf(stderr, "localkube: %s%s\nTry 'localkube --help'.\n", what,
	    arg);
	exit(2);
}

/* Options with a value, and where it goes. */
static const struct {
	const char *name;
	size_t at;
} texts[] = {
	{ "dir", offsetof(struct options, dir) },
	{ "listen", offsetof(struct options, listen) },
	{ "tls-cert", offsetof(struct options, cert) },
	{ "tls-key", offsetof(struct options, key) },
	{ "tokens", offsetof(struct options, tokens) },
	{ "images", offsetof(struct options, images) },
	{ "pod-net", offsetof(struct options, pod_net) },
	{ "ready", offsetof(struct options, ready) },
};

static void
read_options(int argc, char **argv, struct options *opt)
{
	struct option longs[ARRAY_LEN(texts) + 4] = {
		{ "control", no_argument, NULL, 'c' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
	};
	int c, i;

	for (size_t n = 0; n < ARRAY_LEN(texts); n++)
		longs[3 + n] = (struct option) { texts[n].name,
		    required_argument, NULL, 0 };
	opt->pod_net = "127.88.0.0/16";
	while ((c = getopt_long(argc, argv, "", longs, &i)) != -1) {
		if (c == '?') {
			fputs("Try 'localkube --help'.\n", stderr);
			exit(2);
		}
		if (c == 'h') {
			fputs(usage, stdout);
			exit(0);
		}
		if (c == 0)
			*(const char **)((char *)opt + texts[i - 3].at) =
			    optarg;
		opt->control |= c == 'c';
		opt->verbose |= c == 'v';
	}
	opt->command = argv[optind];
	if (opt->command && argv[optind + 1])
		bad_usage("too many arguments: ", argv[optind + 1]);
}

static void
check_options(const struct options *opt)
{
	const struct {
		const char *name, *value;
	} needed[] = {
		{ "--listen", opt->listen }, { "--tls-cert", opt->cert },
		{ "--tls-key", opt->key }, { "--tokens", opt->tokens },
		{ "--images", opt->images },
	};

	for (size_t i = 0; i < ARRAY_LEN(needed); i++)
		if (!needed[i].value)
			bad_usage("missing option ", needed[i].name);
}

static bool
parse_listen(struct server *s, struct err *err)
{
	const char *colon = strrchr(s->opt.listen, ':');
	int64_t port;

	if (!colon || (size_t)(colon - s->opt.listen) >= sizeof s->address ||
	    !num_int(colon + 1, 0, 65535, &port))
		return err_set(err, 500, "--listen wants ADDRESS:PORT, not "
		    "'%s'", s->opt.listen);
	snprintf(s->address, sizeof s->address, "%.*s",
	    (int)(colon - s->opt.listen), s->opt.listen);
	s->http.address = s->address;
	s->http.port = (uint16_t)port;
	return true;
}

static bool
parse_net(struct server *s, struct err *err)
{
	AUTO_FREE char *net = mem_strdup(s->opt.pod_net);
	char *slash = strchr(net, '/');
	struct in_addr a;
	int64_t bits;

	if (slash)
		*slash = '\0';
	if (!slash || inet_pton(AF_INET, net, &a) != 1 ||
	    !num_int(slash + 1, 8, 30, &bits) ||
	    ntohl(a.s_addr) >> 24 != 127)
		return err_set(err, 500, "--pod-net wants a part of "
		    "127.0.0.0/8, as 127.88.0.0/16, not '%s'",
		    s->opt.pod_net);
	s->kubelet.net_bits = (int)bits;
	s->kubelet.net = ntohl(a.s_addr) & ~((1u << (32 - bits)) - 1);
	return true;
}

static bool
open_dir(struct server *s, struct err *err)
{
	AUTO_BUF struct buf path = BUF_INIT(4096);

	if (!kfiles_mkdirs(s->opt.dir, 0700, err))
		return false;
	s->dir = realpath(s->opt.dir, NULL);
	if (!s->dir)
		return err_set(err, 500, "cannot use folder '%s': %s",
		    s->opt.dir, strerror(errno));
	buf_addf(&path, "%s/pods", s->dir);
	if (!kfiles_mkdir(path.data, 0700, err))
		return false;
	s->pods = mem_strdup(path.data);
	buf_clear(&path);
	buf_addf(&path, "%s/lock", s->dir);
	s->lock = open(path.data, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->lock < 0)
		return err_set(err, 500, "cannot open '%s': %s", path.data,
		    strerror(errno));
	if (flock(s->lock, LOCK_EX | LOCK_NB) != 0)
		return err_set(err, 500, "another localkube uses '%s'",
		    s->dir);
	return true;
}

static bool
read_files(struct server *s, struct err *err)
{
	buf_init(&s->cert, FILE_MAX);
	buf_init(&s->key, FILE_MAX);
	buf_init(&s->tokens, FILE_MAX);
	if (!kfiles_read(s->opt.cert, &s->cert, err) ||
	    !kfiles_read(s->opt.key, &s->key, err) ||
	    !kfiles_read(s->opt.tokens, &s->tokens, err))
		return false;
	if (access(s->opt.images, R_OK) != 0)
		return err_set(err, 500, "cannot read '%s': %s",
		    s->opt.images, strerror(errno));
	s->http.cert = s->cert.data;
	s->http.key = s->key.data;
	s->http.tokens = s->tokens.data;
	s->http.control = s->opt.control;
	return true;
}

static bool
write_ready(const struct server *s, uint16_t port, struct err *err)
{
	char line[96];

	if (!s->opt.ready)
		return true;
	snprintf(line, sizeof line, "%s:%u\n", s->address, port);
	return kfiles_write(s->opt.ready, line, strlen(line), 0644, err);
}

/* Each watch is a connection; the common limit of 1024 files is few. */
static void
raise_limits(void)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) == 0) {
		lim.rlim_cur = lim.rlim_max < 16384 ? lim.rlim_max : 16384;
		setrlimit(RLIMIT_NOFILE, &lim);
	}
}

static int
wait_for_end(void)
{
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	while (sigwait(&set, &sig) != 0)
		continue;
	return sig;
}

static bool
serve(struct server *s, struct err *err)
{
	AUTO_BUF struct buf path = BUF_INIT(4096);
	struct kstore *store;
	struct khttp *http;
	uint16_t port = 0;
	bool ok;

	buf_addf(&path, "%s/objects.db", s->dir);
	store = kstore_open(path.data, err);
	if (!store)
		return false;
	s->http.store = store;
	s->kubelet = (struct kkubelet_conf) { .store = store, .dir = s->dir,
	    .pods = s->pods, .images = s->opt.images,
	    .net = s->kubelet.net, .net_bits = s->kubelet.net_bits };
	klogs_init(s->pods);
	http = khttp_start(&s->http, &port, err);
	ok = http && write_ready(s, port, err);
	if (ok) {
		kgc_start(store);
		kkubelet_start(&s->kubelet);
		log_info("listening on %s:%u, objects in '%s'", s->address,
		    port, s->dir);
		log_info("ending on signal %d", wait_for_end());
	}
	khttp_stop(http);
	kkubelet_stop();
	kgc_stop();
	kstore_close(store);
	return ok;
}

static bool
run(struct server *s, struct err *err)
{
	if (!s->opt.dir)
		bad_usage("missing option ", "--dir");
	if (s->opt.command && strcmp(s->opt.command, "stop-pods") == 0)
		return open_dir(s, err) && kkubelet_end_all(s->pods, err);
	if (s->opt.command)
		bad_usage("unknown command ", s->opt.command);
	check_options(&s->opt);
	return parse_listen(s, err) && parse_net(s, err) &&
	    kprobe_check(err) && open_dir(s, err) && read_files(s, err) &&
	    serve(s, err);
}

int
main(int argc, char **argv)
{
	struct server s = { .lock = -1 };
	struct err err = ERR_INIT;
	sigset_t set;

	if (argc == 3 && strcmp(argv[1], "shim") == 0)
		return kshim_main(argv[2]);
	log_role("localkube");
	umask(077);
	read_options(argc, argv, &s.opt);
	if (s.opt.verbose)
		log_set_level(LOG_DEBUG);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	raise_limits();
	if (!run(&s, &err)) {
		fprintf(stderr, "localkube: %s\n", err.msg);
		return 1;
	}
	buf_release(&s.cert);
	buf_release(&s.key);
	buf_release(&s.tokens);
	free(s.dir);
	free(s.pods);
	curl_global_cleanup();
	return 0;
}

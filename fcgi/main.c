#include "config.h"

#include <getopt.h>

#include "check.h"
#include "conf.h"
#include "defs.h"
#include "master.h"
#include "render.h"

#define DEFAULT_CONFIG SYSCONFDIR "/livy-fcgi.cfg"

static const char help[] =
	"usage: livy-fcgi [-c FILE]             serve, in the foreground\n"
	"       livy-fcgi [-c FILE] -t          check the configuration\n"
	"       livy-fcgi [-c FILE] [-u USER] [--team LIST] [--explain] "
	"render KIND BODY\n"
	"\n"
	"A Livy-compatible REST service for Spark on Kubernetes, behind\n"
	"nginx.\n"
	"\n"
	"  -c, --config FILE      the configuration, by default\n"
	"                         " DEFAULT_CONFIG "\n"
	"  -t, --test             check configuration and templates, and exit\n"
	"  -u, --user USER        render as if USER had sent the request\n"
	"      --team LIST        and were in these teams, \"data,ml\"\n"
	"      --explain          render tells what decided each field, too\n"
	"      --print-defaults   print every setting with its default\n"
	"  -V, --version          print the version\n"
	"  -h, --help             print this\n"
	"\n"
	"render prints the manifest that a request would create: KIND is batch\n"
	"or session, BODY the file of its JSON body, '-' standard input.\n"
	"\n"
	"Signals: HUP reads the configuration again (an invalid one is\n"
	"refused), TERM and QUIT let running requests end, then stop.\n"
	"\n"
	"Exit status: 0 well, 1 an error, 2 wrong usage. See livy-fcgi(8).\n";

enum { OPTION_PRINT_DEFAULTS = 256, OPTION_EXPLAIN,
	OPTION_TEAM };

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "test", no_argument, NULL, 't' },
	{ "user", required_argument, NULL, 'u' },
	{ "team", required_argument, NULL, OPTION_TEAM },
	{ "explain", no_argument, NULL, OPTION_EXPLAIN },
	{ "print-defaults", no_argument, NULL, OPTION_PRINT_DEFAULTS },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int
usage(const char *text)
{
	fprintf(stderr, "livy-fcgi: %s; try 'livy-fcgi --help'\n", text);
	return 2;
}

/* Output that could not be written is an error, too. */
static int
flushed(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	perror("livy-fcgi: standard output");
	return 1;
}

int
main(int argc, char **argv)
{
	struct render_args args = { .config_path = DEFAULT_CONFIG };
	bool test = false;
	int option;

	while ((option = getopt_long(argc, argv, "c:tu:Vh", options,
	    NULL)) != -1) {
		switch (option) {
		case 'c':
			args.config_path = optarg;
			break;
		case 't':
			test = true;
			break;
		case 'u':
			args.user = optarg;
			break;
		case OPTION_TEAM:
			args.teams = optarg;
			break;
		case OPTION_EXPLAIN:
			args.explain = true;
			break;
		case OPTION_PRINT_DEFAULTS:
			conf_print_defaults(stdout);
			return flushed(0);
		case 'V':
			puts("livy-fcgi " PACKAGE_VERSION);
			return flushed(0);
		case 'h':
			fputs(help, stdout);
			return flushed(0);
		default:
			return usage("wrong option");
		}
	}
	argv += optind;
	argc -= optind;
	if (argc > 0 && strcmp(argv[0], "render") == 0) {
		if (test)
			return usage("-t goes without render");
		if (argc != 3)
			return usage("render needs a kind and a file");
		args.kind = argv[1];
		args.file = argv[2];
		return flushed(render_main(&args));
	}
	if (argc > 0)
		return usage("unknown command");
	if (args.user || args.teams || args.explain)
		return usage("-u, --team and --explain go with render");
	return test ? flushed(check_main(args.config_path)) :
	    master_run(args.config_path);
}

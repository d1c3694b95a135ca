#include "config.h"

#include "check.h"

#include "auth.h"
#include "buf.h"
#include "cfg.h"
#include "conf.h"
#include "conf_choose.h"
#include "cred.h"
#include "err.h"
#include "listen.h"
#include "session_agent.h"
#include "session_token.h"

static void
print_list(const char *label, const struct conf_list *list)
{
	printf("  %s", label);
	for (size_t i = 0; i < list->count; i++)
		printf("%s%s", i ? ", " : " ", list->items[i]);
	putchar('\n');
}

/*
 * A credential that is not there yet is told, not refused: the auth process
 * waits for one, and a configuration may be checked far from its cluster.
 */
static void
check_credential(const struct conf *conf)
{
	struct cred *cred = mem_alloc(sizeof *cred);
	char source[256] = "", home[KUBE_LABEL_MAX + 1];
	struct err err = ERR_INIT;

	if (auth_load(conf, cred, source, home, &err))
		printf("  API server %s, by %s\n", cred->server, source);
	else
		printf("  API server: no credential yet: %s\n", err.msg);
	explicit_bzero(cred, sizeof *cred);
	free(cred);
}

static void
warn(const struct conf *conf)
{
	size_t n;

	if (conf->identity == IDENTITY_NONE)
		puts("  warning: fastcgi.identity is none: whoever reaches "
		    "nginx may do everything");
	if (conf->socket_mode & 07)
		puts("  warning: fastcgi.socket_mode lets every user of this "
		    "machine connect");
	if (conf->stale_ms < conf->watch_idle_ms)
		puts("  warning: cache.stale is less than "
		    "kubernetes.watch_idle: a quiet cluster looks old");
	for (const char *line = conf->warnings; *line; line += n + 1) {
		n = strcspn(line, "\n");
		printf("  warning: %.*s\n", (int)n, line);
	}
}

/* Whether the other files are good; what they hold is not shown. */
static bool
check_files(const struct conf *conf, struct err *err)
{
	struct session_keys *keys = NULL;
	struct session_agent *agent = NULL;
	char *secret = NULL;

	if (!listen_secret(conf, &secret, err))
		return false;
	explicit_bzero(secret, strlen(secret));
	free(secret);
	if (!session_keys_read(conf->session_key_file, &keys, err))
		return false;
	session_keys_free(keys);
	if (!session_agent_read(conf, &agent, err))
		return false;
	session_agent_free(agent);
	return true;
}

int
check_main(const char *config_path)
{
	AUTO_CFG_ERRORS struct cfg_errors errors = CFG_ERRORS_INIT;
	struct conf *conf = NULL;
	struct err err = ERR_INIT;

	if (!conf_read(config_path, &conf, &errors)) {
		cfg_errors_print(&errors, stderr);
		return 1;
	}
	if (!check_files(conf, &err)) {
		fprintf(stderr, "%s: %s\n", config_path, err.msg);
		conf_free(conf);
		return 1;
	}
	printf("%s: ok\n  gateway %s\n", config_path, conf->gateway);
	print_list("namespaces", &conf->namespaces);
	for (int kind = 0; kind < APP_KINDS; kind++)
		printf("  %s template %s/%s\n",
		    app_kind_word((enum app_kind)kind), conf->template_dir,
		    conf->template_file[kind]);
	for (size_t i = 0; i < conf->choices_count; i++)
		printf("  %s template %s/%s by line %u\n",
		    app_kind_word(conf->choices[i].kind), conf->template_dir,
		    conf->choices[i].file, conf->choices[i].line);
	check_credential(conf);
	warn(conf);
	conf_free(conf);
	return 0;
}

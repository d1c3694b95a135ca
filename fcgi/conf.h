/*
 * The configuration: one file, read strictly, checked whole. Every setting
 * is a row of the table in conf_table.c (name, type, default, limits, why);
 * conf/livy-fcgi.cfg, -t and the man page follow that table. Only conf.c and
 * tmpl.c know libconfig. A struct conf is immutable once loaded; the master
 * loads a new one on SIGHUP and passes it to new workers by fork.
 */
#ifndef CONF_H
#define CONF_H

#include "app.h"
#include "defs.h"
#include "log.h"

struct json_object;

struct cfg_errors;
struct conf_choice;
struct err;
struct tmpl;

#define CONF_NAMESPACES_MAX 64

enum conf_identity { IDENTITY_REQUIRED, IDENTITY_NONE };
enum conf_reach { REACH_AUTO, REACH_DIRECT, REACH_PROXY };
enum conf_credential { CREDENTIAL_AUTO, CREDENTIAL_IN_CLUSTER,
	CREDENTIAL_KUBECONFIG };

struct conf_list {
	char **items;
	size_t count;
};

void conf_list_add(struct conf_list *list, const char *item);
void conf_list_free(struct conf_list *list);

struct conf {
	char *path;		/* the file it came from */

	/* who we are */
	char *gateway;		/* id in every object's name, [a-z0-9-]{1,12} */
	char *user, *group;	/* to drop to when started as root; "" = stay */
	char *pid_file;		/* "" = none */
	enum log_level log_level;
	char *audit_log;	/* "" = lines of the log */

	/* the FastCGI side */
	char *socket;		/* path of the unix socket */
	char *socket_group;	/* "" = the process's own */
	int64_t socket_mode;	/* octal text in the file, "0660" */
	int64_t backlog;
	char *nginx_user;	/* the peer that may connect; "" = any */
	char *secret_file;	/* what nginx sends as LIVY_SECRET */
	enum conf_identity identity;
	int64_t workers;
	int64_t outbound_workers; /* of them at most in calls that leave */
	int64_t keep_connections; /* idle ones of nginx, each binds a worker */
	int64_t body_limit;	/* bytes of a request body */
	int64_t code_limit;	/* of one that brings code */
	int64_t upload_limit;	/* of an upload, which is never whole here */
	int64_t upload_deadline_ms;
	int64_t request_deadline_ms; /* then the master kills the worker */
	int64_t drain_ms;	/* longest wait for requests on SIGTERM */

	/* the Kubernetes side */
	enum conf_credential credential;
	char *kubeconfig, *context;
	struct conf_list namespaces; /* where applications may live */
	bool cluster_wide;	/* one pair of watches for all namespaces */
	char *home_namespace;	/* counters and leases; "" = first above */
	int64_t connect_timeout_ms;
	int64_t call_timeout_ms; /* one attempt */
	int64_t call_budget_ms;	/* attempts and waits of one request */
	int64_t list_page;	/* objects a page of a list */
	int64_t watch_timeout_s; /* what we ask the server for */
	int64_t watch_idle_ms;	/* silence after which it is stalled */
	int64_t reply_limit;	/* bytes of one API answer */

	/* the cache */
	int64_t cache_objects;	/* applications it holds */
	int64_t cache_bytes;	/* of their strings */
	int64_t stale_ms;	/* age of the watch that is called stale */

	/* interactive sessions' drivers */
	enum conf_reach reach;
	int64_t driver_calls;	/* workers' calls to one driver at once */
	int64_t user_calls;	/* and of one user */
	int64_t feed_sessions;	/* sessions the feed holds */
	int64_t feed_bytes;	/* of their code and outputs */
	int64_t feed_lanes;	/* requests of the feeder at once */

	/* what clients see */
	bool impersonation;	/* Livy's livy.impersonation.enabled */
	bool access_control;	/* the lists below count, as in Livy */
	struct conf_list superusers, modify_users, view_users, allowed_users;
	bool csrf_protection;	/* writes need X-Requested-By, as in Livy */
	struct conf_list local_dirs; /* local paths clients may name */
	char *default_fs;	/* put before paths without a scheme */
	char *ui_url, *log_url;	/* patterns for appInfo; "" = null */
	char *ended_ui_url, *ended_log_url; /* the same after the end */
	char *executor_log_urls;

	/* drivers' logs */
	int64_t log_drivers;	/* read at once */
	int64_t log_bytes;	/* held of each, */
	int64_t log_lines;	/* and lines at most */
	int64_t log_idle_ms;	/* without a reader, then its stream ends */
	int64_t log_mark_ms;	/* between notes of how far one is counted */
	int64_t kept_lines;	/* kept in the cluster */

	/* interactive sessions */
	char *session_key_file;	/* what their agents' tokens are made with */
	char *agent_file;	/* of the agent itself */
	int64_t agent_port;	/* that it listens on, in its pod */
	bool session_timeout_check; /* Livy's four settings of these names */
	int64_t session_timeout_ms;
	bool session_ttl_check;
	int64_t session_ttl_ms;

	/* the leader's chores */
	int64_t admission_limit; /* under way in a namespace; 0 = any */
	int64_t admission_team_limit; /* and of a team, but for those of */
	struct json_object *admission_team_limits; /* a limit by name */
	int64_t admission_pace_ms; /* between two that are admitted */
	int64_t start_timeout_ms; /* from admission to running; 0 = never */
	int64_t batch_retention_ms; /* after their end */
	int64_t session_retention_ms;
	int64_t key_retention_ms; /* after their application's deletion */

	/* templates */
	char *template_dir;	/* relative: to the config file */
	char *template_file[APP_KINDS];
	struct json_object *vars;	/* the site's own variables, an object */
	struct tmpl *template[APP_KINDS]; /* parsed and checked */
	struct conf_choice *choices; /* rules that choose others */
	size_t choices_count;
	char *warnings;		/* about the templates, a line each */
};

/*
 * Reads and checks the file and the templates it names. On failure errors
 * holds one "path:line: text" a line, all that were found.
 */
bool conf_read(const char *path, struct conf **ret_new,
    struct cfg_errors *errors) MUST_CHECK;
/* The same; err has as many of them as fit. */
bool conf_load(const char *path, struct conf **ret_new, struct err *err)
    MUST_CHECK;
void conf_free(struct conf *conf);
/* Prints each setting, default, limits and why, as a commented config. */
void conf_print_defaults(FILE *out);

#endif

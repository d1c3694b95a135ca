#include "config.h"

#include "conf_table.h"

#include <grp.h>
#include <pwd.h>

#include "conf.h"
#include "num.h"

#define FIELD(member) offsetof(struct conf, member)

static const char *const levels[] = { "error", "warn", "info", "debug", NULL };
static const char *const reaches[] = { "auto", "direct", "proxy", NULL };
static const char *const identities[] = { "required", "none", NULL };
static const char *const credentials[] = { "auto", "in-cluster", "kubeconfig",
	NULL };

/* A DNS label of at most max bytes. */
static bool
is_label(const char *text, size_t max)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return n > 0 && n <= max && !text[n] && text[0] != '-' &&
	    text[n - 1] != '-';
}

static const char *
check_gateway(const char *text)
{
	return is_label(text, 12) ? NULL :
	    "must be 1 to 12 of a-z, 0-9 and inner '-'";
}

static const char *
check_namespace(const char *text)
{
	return is_label(text, KUBE_LABEL_MAX) ? NULL :
	    "is no Kubernetes namespace name";
}

static const char *
check_home(const char *text)
{
	return *text ? check_namespace(text) : NULL;
}

static const char *
check_user(const char *text)
{
	return !*text || getpwnam(text) ? NULL : "is no user of this system";
}

static const char *
check_group(const char *text)
{
	return !*text || getgrnam(text) ? NULL : "is no group of this system";
}

static const char *
check_needed(const char *text)
{
	return *text ? NULL : "must not be empty";
}

static const char *
check_folder(const char *text)
{
	return *text == '/' ? NULL : "must begin with '/'";
}

static const char *
check_caller(const char *text)
{
	return *text ? NULL : "must not be empty";
}

static const char *
check_fs(const char *text)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789+.-");
	size_t len = strlen(text);

	if (n == 0 || strncmp(text + n, "://", 3) != 0)
		return "must be a URI such as \"gs://bucket\"";
	return text[len - 1] == '/' && len > n + 3 ?
	    "must not end with '/'" : NULL;
}

/* A team in LIVY_GROUPS ends at a comma or blank, so none can hold one. */
static const char *
check_team(const char *text)
{
	return !*text || text[strcspn(text, ", \t")] ? "is no team" : NULL;
}

/* A pattern that livy.c fills: the names it knows, or nothing in braces. */
static const char *
check_url(const char *text)
{
	static const char *const known[] = { "{id}", "{kind}", "{appId}",
		"{namespace}", "{object}", "{pod}" };
	size_t i;

	if (*text && strncmp(text, "https://", 8) != 0 &&
	    strncmp(text, "http://", 7) != 0 && *text != '/')
		return "must begin with https://, http:// or '/'";
	for (; (text = strchr(text, '{')); text++) {
		for (i = 0; i < ARRAY_LEN(known); i++)
			if (strncmp(text, known[i], strlen(known[i])) == 0)
				break;
		if (i == ARRAY_LEN(known))
			return "may hold {id}, {kind}, {appId}, {namespace}, "
			    "{object} and {pod} only";
	}
	return NULL;
}

#define MS_DAY 86400000LL
#define MIB 1048576LL

const struct conf_row conf_table[] = {
	{ "gateway", CONF_TEXT, FIELD(gateway), "livy", .check = check_gateway,
	    .why = "this gateway's id in the name of every object it makes" },

	{ "process.user", CONF_TEXT, FIELD(user), "", .check = check_user,
	    .why = "user to become when started as root; empty: stay" },
	{ "process.group", CONF_TEXT, FIELD(group), "", .check = check_group,
	    .why = "group to become then; empty: the user's own" },
	{ "process.pid_file", CONF_PATH, FIELD(pid_file), "",
	    .why = "where the master writes its process id; empty: nowhere" },
	{ "process.log_level", CONF_WORD, FIELD(log_level), "info",
	    .words = levels,
	    .why = "least urgent lines to write to stderr" },
	{ "process.audit_log", CONF_PATH, FIELD(audit_log), "",
	    .why = "file of one JSON line a write; empty: in the log" },

	{ "fastcgi.socket", CONF_PATH, FIELD(socket),
	    "/run/livy-fcgi/fcgi.sock", .check = check_needed,
	    .why = "unix socket that nginx passes requests to" },
	{ "fastcgi.socket_group", CONF_TEXT, FIELD(socket_group), "",
	    .check = check_group,
	    .why = "group of that socket, nginx's; empty: the process's" },
	{ "fastcgi.socket_mode", CONF_MODE, FIELD(socket_mode), "0660",
	    .min = 0, .max = 0777,
	    .why = "its permissions, octal; who can connect can be anyone" },
	{ "fastcgi.backlog", CONF_COUNT, FIELD(backlog), "511",
	    .min = 1, .max = 65535,
	    .why = "connections that may wait for a worker" },
	{ "fastcgi.nginx_user", CONF_TEXT, FIELD(nginx_user), "",
	    .check = check_user,
	    .why = "only this user's processes are answered; empty: any" },
	{ "fastcgi.secret_file", CONF_PATH, FIELD(secret_file), "secret",
	    .check = check_needed,
	    .why = "file of the secret that nginx sends as LIVY_SECRET" },
	{ "fastcgi.identity", CONF_WORD, FIELD(identity), "required",
	    .words = identities,
	    .why = "none: requests without a user are served as nobody's" },
	{ "fastcgi.workers", CONF_COUNT, FIELD(workers), "16",
	    .min = 2, .max = 512,
	    .why = "worker processes; each serves one request at a time" },
	{ "fastcgi.outbound_workers", CONF_COUNT, FIELD(outbound_workers), "12",
	    .min = 1, .max = 511,
	    .why = "of them at most in calls to the cluster; reads go on" },
	{ "fastcgi.keep_connections", CONF_COUNT, FIELD(keep_connections), "0",
	    .min = 0, .max = 511,
	    .why = "idle connections nginx keeps, over all its processes" },
	{ "fastcgi.body_limit", CONF_SIZE, FIELD(body_limit), "1m",
	    .min = 1024, .max = 256 * MIB,
	    .why = "longest request body; nginx has a limit of its own" },
	{ "fastcgi.code_limit", CONF_SIZE, FIELD(code_limit), "16m",
	    .min = 1024, .max = 256 * MIB,
	    .why = "longest body that brings code: statements and jobs" },
	{ "fastcgi.upload_limit", CONF_SIZE, FIELD(upload_limit), "100m",
	    .min = 1024, .max = 65536 * MIB,
	    .why = "longest uploaded file; it is passed on as it comes" },
	{ "fastcgi.upload_deadline", CONF_DURATION, FIELD(upload_deadline_ms),
	    "2m", .min = 1000, .max = MS_DAY,
	    .why = "for a file on its way from nginx to the driver" },
	{ "fastcgi.request_deadline", CONF_DURATION, FIELD(request_deadline_ms),
	    "15s", .min = 100, .max = MS_DAY,
	    .why = "a worker longer at one request is replaced" },
	{ "fastcgi.drain", CONF_DURATION, FIELD(drain_ms), "30s",
	    .min = 0, .max = MS_DAY,
	    .why = "longest wait for running requests at the end" },

	{ "kubernetes.credential", CONF_WORD, FIELD(credential), "auto",
	    .words = credentials,
	    .why = "auto: a named kubeconfig, the pod's account, the default" },
	{ "kubernetes.kubeconfig", CONF_PATH, FIELD(kubeconfig), "",
	    .why = "empty: $KUBECONFIG, then ~/.kube/config" },
	{ "kubernetes.context", CONF_TEXT, FIELD(context), "",
	    .why = "context of the kubeconfig; empty: its current one" },
	{ "kubernetes.namespaces", CONF_LIST, FIELD(namespaces), "default",
	    .min = 1, .max = CONF_NAMESPACES_MAX, .check = check_namespace,
	    .why = "where applications may live; the first for new ones" },
	{ "kubernetes.cluster_wide", CONF_BOOL, FIELD(cluster_wide), "false",
	    .why = "one watch for all namespaces; needs a ClusterRole" },
	{ "kubernetes.home_namespace", CONF_TEXT, FIELD(home_namespace), "",
	    .check = check_home,
	    .why = "of the id counters; empty: the first of namespaces" },
	{ "kubernetes.connect_timeout", CONF_DURATION,
	    FIELD(connect_timeout_ms), "2s", .min = 10, .max = MS_DAY,
	    .why = "to connect to the API server" },
	{ "kubernetes.call_timeout", CONF_DURATION, FIELD(call_timeout_ms),
	    "5s", .min = 10, .max = MS_DAY,
	    .why = "one attempt of one call" },
	{ "kubernetes.call_budget", CONF_DURATION, FIELD(call_budget_ms), "10s",
	    .min = 10, .max = MS_DAY,
	    .why = "all calls, retries and waits of one request" },
	{ "kubernetes.list_page", CONF_COUNT, FIELD(list_page), "500",
	    .min = 1, .max = 10000,
	    .why = "objects a page when the watcher lists" },
	{ "kubernetes.watch_timeout", CONF_SECONDS, FIELD(watch_timeout_s),
	    "5m", .min = 1, .max = 86400,
	    .why = "the server is asked to end a watch after this" },
	{ "kubernetes.watch_idle", CONF_DURATION, FIELD(watch_idle_ms), "90s",
	    .min = 100, .max = MS_DAY,
	    .why = "silence of a watch that means it is dead" },
	{ "kubernetes.reply_limit", CONF_SIZE, FIELD(reply_limit), "64m",
	    .min = 65536, .max = 1024 * MIB,
	    .why = "longest answer that is read; a page of a list is one" },

	{ "cache.objects", CONF_COUNT, FIELD(cache_objects), "20000",
	    .min = 16, .max = 1000000,
	    .why = "applications it holds; beyond, the API is asked" },
	{ "cache.bytes", CONF_SIZE, FIELD(cache_bytes), "64m",
	    .min = 65536, .max = 16384 * MIB,
	    .why = "of their views; memory is used as it fills" },
	{ "cache.stale", CONF_DURATION, FIELD(stale_ms), "2m",
	    .min = 100, .max = MS_DAY,
	    .why = "silence of the watch after which reads are called old" },

	{ "admission.limit", CONF_COUNT, FIELD(admission_limit), "0",
	    .min = 0, .max = 1000000,
	    .why = "under way in a namespace, more wait; 0: no limit" },
	{ "admission.team_limit", CONF_COUNT, FIELD(admission_team_limit), "0",
	    .min = 0, .max = 1000000,
	    .why = "the same of a team in all namespaces; 0: no limit" },
	{ "admission.team_limits", CONF_LIMITS, FIELD(admission_team_limits),
	    "", .min = 0, .max = 1000000, .check = check_team,
	    .why = "single teams' own: ( (\"ml\", 8), (\"ops\", 0) )" },
	{ "admission.pace", CONF_DURATION, FIELD(admission_pace_ms), "500ms",
	    .min = 1, .max = MS_DAY,
	    .why = "between two that are admitted after waiting" },
	{ "admission.start_timeout", CONF_DURATION, FIELD(start_timeout_ms),
	    "0s", .min = 0, .max = 30 * MS_DAY,
	    .why = "a start that takes longer is failed; 0s: never" },

	{ "retention.batches", CONF_DURATION, FIELD(batch_retention_ms), "7d",
	    .min = 1000, .max = 3650 * MS_DAY,
	    .why = "ended batches are kept for so long" },
	{ "retention.sessions", CONF_DURATION, FIELD(session_retention_ms),
	    "10m", .min = 1000, .max = 3650 * MS_DAY,
	    .why = "ended sessions are kept for so long, as Livy does" },
	{ "retention.keys", CONF_DURATION, FIELD(key_retention_ms), "7d",
	    .min = 1000, .max = 3650 * MS_DAY,
	    .why = "used Idempotency-Keys are kept after their batch is deleted" },

	{ "sessions.key_file", CONF_PATH, FIELD(session_key_file),
	    "session.keys", .check = check_needed,
	    .why = "keys of the tokens that sessions' agents ask for" },
	{ "sessions.agent_file", CONF_PATH, FIELD(agent_file), "",
	    .why = "the agent that runs statements; empty: the installed one" },
	{ "sessions.agent_port", CONF_COUNT, FIELD(agent_port), "8997",
	    .min = 1024, .max = 65535,
	    .why = "where it listens, in the driver's pod" },
	{ "sessions.timeout_check", CONF_BOOL, FIELD(session_timeout_check),
	    "true",
	    .why = "idle sessions end, as livy.server.session.timeout-check" },
	{ "sessions.timeout", CONF_DURATION, FIELD(session_timeout_ms), "1h",
	    .min = 0, .max = 3650 * MS_DAY,
	    .why = "after so long, unless idleTimeout says else; 0s: never" },
	{ "sessions.ttl_check", CONF_BOOL, FIELD(session_ttl_check), "false",
	    .why = "sessions end by age, as livy.server.session.ttl-check" },
	{ "sessions.ttl", CONF_DURATION, FIELD(session_ttl_ms), "8h",
	    .min = 0, .max = 3650 * MS_DAY,
	    .why = "at which age, unless their ttl says else; 0s: never" },
	{ "sessions.reach", CONF_WORD, FIELD(reach), "auto", .words = reaches,
	    .why = "drivers: direct by pod address, or the API server's proxy" },
	{ "sessions.driver_calls", CONF_COUNT, FIELD(driver_calls), "4",
	    .min = 1, .max = 511,
	    .why = "workers in calls to one driver at once; beyond: 503" },
	{ "sessions.user_calls", CONF_COUNT, FIELD(user_calls), "8",
	    .min = 1, .max = 511,
	    .why = "workers in calls to drivers for one user; beyond: 503" },
	{ "sessions.feed_sessions", CONF_COUNT, FIELD(feed_sessions), "4096",
	    .min = 16, .max = 100000,
	    .why = "sessions followed; others are shown as starting" },
	{ "sessions.feed_bytes", CONF_SIZE, FIELD(feed_bytes), "64m",
	    .min = 1 * MIB, .max = 16384 * MIB,
	    .why = "of code and outputs kept at hand; the oldest go first" },
	{ "sessions.feed_lanes", CONF_COUNT, FIELD(feed_lanes), "256",
	    .min = 1, .max = 4096,
	    .why = "drivers asked for news at once" },

	{ "livy.impersonation", CONF_BOOL, FIELD(impersonation), "false",
	    .why = "proxyUser and doAs work, as livy.impersonation.enabled" },
	{ "livy.access_control", CONF_BOOL, FIELD(access_control), "false",
	    .why = "only owner, proxyUser and the lists below may read logs "
	    "and change" },
	{ "livy.superusers", CONF_LIST, FIELD(superusers), "",
	    .min = 0, .max = 256, .check = check_caller,
	    .why = "may do all and be anybody; here and below \"*\": all" },
	{ "livy.modify_users", CONF_LIST, FIELD(modify_users), "",
	    .min = 0, .max = 256, .check = check_caller,
	    .why = "may read and change what is others'" },
	{ "livy.view_users", CONF_LIST, FIELD(view_users), "",
	    .min = 0, .max = 256, .check = check_caller,
	    .why = "may read what is others'" },
	{ "livy.allowed_users", CONF_LIST, FIELD(allowed_users), "*",
	    .min = 0, .max = 256, .check = check_caller,
	    .why = "others than these and those above get 403" },
	{ "livy.csrf_protection", CONF_BOOL, FIELD(csrf_protection), "false",
	    .why = "writes need a header X-Requested-By, as "
	    "livy.server.csrf-protection.enabled" },
	{ "livy.local_dirs", CONF_LIST, FIELD(local_dirs), "",
	    .min = 0, .max = 64, .check = check_folder,
	    .why = "folders of file: paths that clients may name" },
	{ "livy.default_fs", CONF_TEXT, FIELD(default_fs), "file://",
	    .check = check_fs,
	    .why = "put before a path without a scheme, as fs.defaultFS" },
	{ "livy.ui_url", CONF_TEXT, FIELD(ui_url), "", .check = check_url,
	    .why = "appInfo.sparkUiUrl, with {id}, {pod} or so; empty: null" },
	{ "livy.log_url", CONF_TEXT, FIELD(log_url), "", .check = check_url,
	    .why = "appInfo.driverLogUrl, the same way; empty: null" },
	{ "livy.ended_ui_url", CONF_TEXT, FIELD(ended_ui_url), "",
	    .check = check_url,
	    .why = "sparkUiUrl after the end, a history server; empty: ui_url" },
	{ "livy.ended_log_url", CONF_TEXT, FIELD(ended_log_url), "",
	    .check = check_url,
	    .why = "driverLogUrl after the end; empty: log_url" },
	{ "livy.executor_log_urls", CONF_TEXT, FIELD(executor_log_urls), "",
	    .check = check_url,
	    .why = "appInfo.executorLogUrls, the same way; empty: null" },

	{ "logs.drivers", CONF_COUNT, FIELD(log_drivers), "32",
	    .min = 1, .max = 1024,
	    .why = "drivers whose logs are read at once, a stream each" },
	{ "logs.bytes", CONF_SIZE, FIELD(log_bytes), "1m",
	    .min = 256 * 1024, .max = 1024 * MIB,
	    .why = "last bytes of each that are held; used as they fill" },
	{ "logs.lines", CONF_COUNT, FIELD(log_lines), "10000",
	    .min = 10, .max = 10000000,
	    .why = "last lines of each that are held, for clients to page" },
	{ "logs.idle", CONF_DURATION, FIELD(log_idle_ms), "30s",
	    .min = 1000, .max = MS_DAY,
	    .why = "a log that nobody reads any more is followed so long" },
	{ "logs.mark", CONF_DURATION, FIELD(log_mark_ms), "30s",
	    .min = 1000, .max = MS_DAY,
	    .why = "a long log's numbers are noted so often for replicas" },
	{ "logs.kept_lines", CONF_COUNT, FIELD(kept_lines), "200",
	    .min = 10, .max = 2000,
	    .why = "last lines of an ended driver that outlive its pod" },

	{ "templates.dir", CONF_PATH, FIELD(template_dir), "templates",
	    .check = check_needed,
	    .why = "folder of the templates" },
	{ "templates.batch", CONF_TEXT, FIELD(template_file[APP_BATCH]),
	    "batch.cfg", .check = check_needed,
	    .why = "the template of batches, a file in that folder" },
	{ "templates.session", CONF_TEXT, FIELD(template_file[APP_SESSION]),
	    "session.cfg", .check = check_needed,
	    .why = "the template of sessions, the same way" },
	{ "templates.choose", CONF_RULES, FIELD(choices), "",
	    .why = "rules for other templates, the first that fits counts",
	    .example =
	    "choose = (\n"
	    "  { kind = \"batch\"; team = \"ml\"; template = \"ml.cfg\"; },\n"
	    "  { kind = \"batch\"; user = [ \"ana\", \"svc-*\" ]; "
	    "queue = \"gpu*\";\n"
	    "    template = \"gpu.cfg\"; } );\n" },

	{ "vars", CONF_VARS, FIELD(vars), "",
	    .why = "values for templates: ( (\"image\", \"spark:4\") )" },
};
const size_t conf_table_rows = ARRAY_LEN(conf_table);

void *
conf_field(struct conf *conf, const struct conf_row *row)
{
	return (char *)conf + row->offset;
}

const char *
conf_form(const struct conf_row *row)
{
	switch (row->type) {
	case CONF_TEXT: return "a text in quotes";
	case CONF_PATH: return "a path in quotes";
	case CONF_COUNT: return "a whole number";
	case CONF_DURATION: case CONF_SECONDS:
		return "a time in quotes, such as \"30s\"";
	case CONF_SIZE: return "a size in quotes, such as \"4m\"";
	case CONF_MODE: return "an octal mode in quotes, such as \"0660\"";
	case CONF_BOOL: return "true or false";
	case CONF_WORD: return "a word in quotes";
	case CONF_LIST: return "a list of texts, such as [ \"a\", \"b\" ]";
	case CONF_VARS:
		return "a list of pairs, such as ( (\"image\", \"spark:4\") )";
	case CONF_LIMITS:
		return "a list of pairs, such as ( (\"ml\", 8) )";
	case CONF_RULES:
		return "a list of groups, such as "
		    "( { kind = \"batch\"; queue = \"gpu*\"; "
		    "template = \"gpu.cfg\"; } )";
	}
	return NULL;
}

void
conf_add_number(struct buf *b, const struct conf_row *row, int64_t n)
{
	static const struct { int64_t factor; const char *suffix; } times[] = {
		{ 86400000, "d" }, { 3600000, "h" }, { 60000, "m" },
		{ 1000, "s" }, { 1, "ms" },
	}, sizes[] = {
		{ 1 << 30, "g" }, { 1 << 20, "m" }, { 1 << 10, "k" }, { 1, "" },
	};
	size_t i = 0;

	switch (row->type) {
	case CONF_DURATION: case CONF_SECONDS:
		if (row->type == CONF_SECONDS)
			n *= 1000;
		while (n % times[i].factor)
			i++;
		i = n ? i : ARRAY_LEN(times) - 2;
		buf_addf(b, "%lld%s", (long long)(n / times[i].factor),
		    times[i].suffix);
		return;
	case CONF_SIZE:
		while (n % sizes[i].factor)
			i++;
		buf_addf(b, "%lld%s", (long long)(n / sizes[i].factor),
		    sizes[i].suffix);
		return;
	case CONF_MODE:
		buf_addf(b, "%04llo", (unsigned long long)n);
		return;
	case CONF_COUNT: case CONF_TEXT: case CONF_PATH: case CONF_BOOL:
	case CONF_WORD: case CONF_LIST: case CONF_VARS: case CONF_LIMITS:
	case CONF_RULES:
		buf_addint(b, n);
	}
}

static bool
octal(const char *text, int64_t *ret)
{
	size_t n = strlen(text);
	int64_t value = 0;

	if (n == 0 || n > 5 || strspn(text, "01234567") != n)
		return false;
	for (; *text; text++)
		value = value * 8 + (*text - '0');
	*ret = value;
	return true;
}

bool
conf_number(const struct conf_row *row, const char *text, int64_t *ret)
{
	int64_t n;

	switch (row->type) {
	case CONF_COUNT:
		return num_int(text, INT64_MIN, INT64_MAX, ret);
	case CONF_DURATION:
		return num_duration_ms(text, ret);
	case CONF_SECONDS:
		if (!num_duration_ms(text, &n) || n % 1000)
			return false;
		*ret = n / 1000;
		return true;
	case CONF_SIZE:
		return num_size(text, ret);
	case CONF_MODE:
		return octal(text, ret);
	case CONF_TEXT: case CONF_PATH: case CONF_BOOL: case CONF_WORD:
	case CONF_LIST: case CONF_VARS: case CONF_LIMITS: case CONF_RULES:
		break;
	}
	return false;
}

#include "config.h"

#include "render.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <unistd.h>

#include "access.h"
#include "batch_req.h"
#include "cfg.h"
#include "conf.h"
#include "conf_choose.h"
#include "dryrun.h"
#include "err.h"
#include "jv.h"
#include "manifest.h"
#include "request.h"
#include "session_agent.h"
#include "session_plan.h"

static bool
read_body(const char *file, struct buf *body, struct err *err)
{
	bool in = strcmp(file, "-") == 0;
	AUTO_FD int opened = in ? -1 : open(file, O_RDONLY | O_CLOEXEC);
	int fd = in ? STDIN_FILENO : opened;
	char *room;
	ssize_t n;

	if (fd < 0)
		return err_set(err, 500, "cannot read '%s': %s", file,
		    strerror(errno));
	do {
		room = buf_room(body, 4096);
		if (!room)
			return err_set(err, 413, "'%s' is longer than "
			    "fastcgi.body_limit", file);
		n = read(fd, room, 4096);
		if (n < 0)
			return err_set(err, 500, "cannot read '%s': %s", file,
			    strerror(errno));
		buf_wrote(body, (size_t)n);
	} while (n > 0);
	return true;
}

/* Who calls this program, as a request's user; "" where nobody signs in. */
static const char *
caller(const struct conf *conf)
{
	const struct passwd *pw = getpwuid(getuid());

	return conf->identity == IDENTITY_NONE || !pw ? "" : pw->pw_name;
}

/* manifest_render, or dryrun_show, which explains it. */
typedef bool renderer(const struct conf *conf, const struct manifest *of,
    json_object **ret_new, struct err *err);

static bool
render_batch(const struct conf *conf, const struct request *rq,
    struct manifest *of, renderer *show, json_object **ret_new,
    struct err *err)
{
	AUTO_JSON json_object *vars = NULL;
	const struct asker by = { rq->user, rq->groups };
	char as[APP_NAME_MAX + 1];

	if (!batch_req_parse(conf, &by, rq->body.data, rq->body.len, &vars,
	    err) || !access_proxy_user(conf, rq, jv_str(vars, "proxyUser"), as,
	    err))
		return false;
	jv_set_str(vars, "proxyUser", as);
	of->vars = vars;
	return show(conf, of, ret_new, err);
}

static bool
render_session(const struct conf *conf, const struct request *rq,
    struct manifest *of, renderer *show, json_object **ret_new,
    struct err *err)
{
	AUTO_PLAN struct session_plan plan = SESSION_PLAN_INIT;
	struct session_agent *agent = NULL;
	bool good;

	if (!session_agent_read(conf, &agent, err))
		return false;
	good = session_plan(conf, agent, /* key_version= */ 1, rq, &plan, err);
	session_agent_free(agent);
	of->vars = plan.vars;
	of->labels = plan.labels;
	of->notes = plan.notes;
	return good && show(conf, of, ret_new, err);
}

static bool (*const renders[APP_KINDS])(const struct conf *conf,
    const struct request *rq, struct manifest *of, renderer *show,
    json_object **ret_new, struct err *err) = {
	[APP_BATCH] = render_batch, [APP_SESSION] = render_session,
};

/* As a worker would, up to the point where it asks the cluster. */
static bool
render(const struct conf *conf, const struct render_args *args,
    enum app_kind kind, json_object **ret_new, struct err *err)
{
	AUTO_FREE struct request *rq = mem_alloc(sizeof *rq);
	struct manifest of = { .kind = kind, .owner = rq->user,
		.request_id = "render" };
	const char *user = args->user ? args->user : caller(conf);
	const char *teams = args->teams;
	bool good;

	if (strlen(user) >= sizeof rq->user)
		return err_set(err, 400, "the user's name is too long");
	memcpy(rq->user, user, strlen(user) + 1);
	if (teams && strlen(teams) >= sizeof rq->groups)
		return err_set(err, 400, "the list of teams is too long");
	if (teams)
		memcpy(rq->groups, teams, strlen(teams) + 1);
	buf_init(&rq->body, (size_t)conf->body_limit + 4096);
	good = read_body(args->file, &rq->body, err) &&
	    renders[kind](conf, rq, &of, args->explain ? dryrun_show :
	    manifest_render, ret_new, err);
	buf_release(&rq->body);
	return good;
}

static bool
find_kind(const char *word, enum app_kind *ret)
{
	for (int kind = 0; kind < APP_KINDS; kind++)
		if (strcmp(word, app_kind_word((enum app_kind)kind)) == 0) {
			*ret = (enum app_kind)kind;
			return true;
		}
	return false;
}

int
render_main(const struct render_args *args)
{
	AUTO_JSON json_object *manifest = NULL;
	AUTO_CFG_ERRORS struct cfg_errors errors = CFG_ERRORS_INIT;
	struct conf *conf = NULL;
	struct err err = ERR_INIT;
	enum app_kind kind;
	bool good;

	if (!find_kind(args->kind, &kind)) {
		fprintf(stderr, "livy-fcgi: cannot render '%s', only 'batch' "
		    "and 'session'\n", args->kind);
		return 2;
	}
	if (!conf_read(args->config_path, &conf, &errors)) {
		cfg_errors_print(&errors, stderr);
		return 1;
	}
	good = render(conf, args, kind, &manifest, &err);
	conf_free(conf);
	if (!good) {
		fprintf(stderr, "%d %s\n", err.status, err.msg);
		return 1;
	}
	puts(json_object_to_json_string_ext(manifest, JSON_C_TO_STRING_PRETTY |
	    JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE));
	return 0;
}

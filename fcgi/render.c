#include "config.h"

#include "render.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <unistd.h>

#include "access.h"
#include "batch_req.h"
#include "conf.h"
#include "err.h"
#include "jv.h"
#include "manifest.h"
#include "request.h"

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

/* As a worker would, up to the point where it asks the cluster. */
static bool
render(const struct conf *conf, const struct render_args *args,
    json_object **ret_new, struct err *err)
{
	AUTO_BUF struct buf body = BUF_INIT((size_t)conf->body_limit + 4096);
	AUTO_JSON json_object *vars = NULL;
	AUTO_FREE struct request *rq = mem_alloc(sizeof *rq);
	const char *user = args->user ? args->user : caller(conf);
	char as[APP_NAME_MAX + 1];

	if (strlen(user) >= sizeof rq->user)
		return err_set(err, 400, "the user's name is too long");
	memcpy(rq->user, user, strlen(user) + 1);
	if (!read_body(args->file, &body, err) ||
	    !batch_req_parse(conf, body.data, body.len, &vars, err) ||
	    !access_proxy_user(conf, rq, jv_str(vars, "proxyUser"), as, err))
		return false;
	jv_set_str(vars, "proxyUser", as);
	return manifest_render(conf, &(struct manifest){ .kind = APP_BATCH,
	    .owner = rq->user, .request_id = "render", .vars = vars },
	    ret_new, err);
}

int
render_main(const struct render_args *args)
{
	AUTO_JSON json_object *manifest = NULL;
	struct conf *conf = NULL;
	struct err err = ERR_INIT;
	bool good;

	if (strcmp(args->kind, "batch") != 0) {
		fprintf(stderr, "livy-fcgi: cannot render '%s', only 'batch'\n",
		    args->kind);
		return 2;
	}
	if (!conf_load(args->config_path, &conf, &err)) {
		fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	good = render(conf, args, &manifest, &err);
	conf_free(conf);
	if (!good) {
		fprintf(stderr, "%d %s\n", err.status, err.msg);
		return 1;
	}
	puts(json_object_to_json_string_ext(manifest, JSON_C_TO_STRING_PRETTY |
	    JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE));
	return 0;
}

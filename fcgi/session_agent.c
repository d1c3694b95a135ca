#include "config.h"

#include "session_agent.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "app.h"
#include "buf.h"
#include "conf.h"
#include "err.h"
#include "gw.h"
#include "jv.h"
#include "kube.h"
#include "num.h"
#include "reserve.h"

#define INSTALLED PKGDATADIR "/livy_agent.py"
#define FILE_NAME "livy_agent.py"	/* in the ConfigMap, for the template */
#define TEXT_MAX (1000u << 10)		/* a ConfigMap holds 1 MiB */
#define OFFERED_MS 60000		/* it may have been swept since */

static bool
read_file(const char *path, struct buf *text, struct err *err)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;
	char *room;

	do {
		room = buf_room(text, 65536);
		if (!room)
			return err_set(err, 500, "the agent '%s' is longer "
			    "than %u bytes", path, TEXT_MAX);
		if (fd < 0 || (n = read(fd, room, 65536)) < 0)
			return err_set(err, 500, "cannot read the agent '%s': "
			    "%s", path, strerror(errno));
		buf_wrote(text, (size_t)n);
	} while (n > 0);
	if (text->len == 0 || text->len > TEXT_MAX)
		return err_set(err, 500, "the agent '%s' is %s", path,
		    text->len == 0 ? "empty" : "longer than a ConfigMap holds");
	return jv_utf8(text->data, text->len) == text->len ||
	    err_set(err, 500, "the agent '%s' is no text", path);
}

bool
session_agent_read(const struct conf *conf, struct session_agent **ret_new,
    struct err *err)
{
	AUTO_BUF struct buf text = BUF_INIT(TEXT_MAX + 65536);
	struct session_agent *a;
	char hash[65];

	if (!read_file(*conf->agent_file ? conf->agent_file : INSTALLED, &text,
	    err))
		return false;
	a = mem_alloc(sizeof *a);
	reserve_hash(text.data, text.len, hash);
	snprintf(a->hash, sizeof a->hash, "%.*s", AGENT_HASH, hash);
	snprintf(a->map, sizeof a->map, "livy-%s-agent-%s", conf->gateway,
	    a->hash);
	a->text = buf_steal(&text);
	*ret_new = a;
	return true;
}

void
session_agent_free(struct session_agent *agent)
{
	if (agent)
		free(agent->text);
	free(agent);
}

static json_object *
object(const struct gw *gw)
{
	const struct session_agent *a = gw->agent;
	json_object *o = gw_object(gw->conf, "v1", "ConfigMap", a->map, "");
	json_object *data = json_object_new_object();

	jv_set_str(jv_get(o, "metadata.labels"), LABEL_AGENT, a->hash);
	json_object_object_add(o, "immutable", json_object_new_boolean(true));
	jv_set_str(data, FILE_NAME, a->text);
	json_object_object_add(o, "data", data);
	return o;
}

static bool
post(struct gw *gw, const char *ns, int64_t deadline_ms, struct err *err)
{
	AUTO_BUF struct buf path = BUF_INIT(1024);
	AUTO_JSON json_object *body = object(gw);
	struct kube_req rq = { .method = "POST", .body = body,
		.deadline_ms = deadline_ms };
	enum kube_result r;

	kube_path_core(&path, ns, "configmaps", NULL);
	rq.path = path.data;
	r = kube_call(gw->kube, &rq, NULL, NULL, err);
	return r == KUBE_OK || r == KUBE_EXISTS || err_wrap(err,
	    "cannot put the session agent into namespace '%s'", ns);
}

bool
session_agent_offer(struct gw *gw, const char *ns, int64_t deadline_ms,
    struct err *err)
{
	/* this process's, when it last knew it to be there */
	static int64_t offered_ms[CONF_NAMESPACES_MAX];
	const struct conf_list *all = &gw->conf->namespaces;
	int64_t now = num_mono_ms();
	size_t i = 0;

	while (i < all->count && strcmp(all->items[i], ns) != 0)
		i++;
	if (i < all->count && offered_ms[i] &&
	    now - offered_ms[i] < OFFERED_MS)
		return true;
	if (!post(gw, ns, deadline_ms, err))
		return false;
	if (i < all->count)
		offered_ms[i] = now;
	return true;
}

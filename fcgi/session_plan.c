#include "config.h"

#include "session_plan.h"

#include "access.h"
#include "app.h"
#include "buf.h"
#include "conf.h"
#include "conf_choose.h"
#include "err.h"
#include "jv.h"
#include "request.h"
#include "reserve.h"
#include "session_agent.h"
#include "session_req.h"

#define HASH_DIGITS 16
#define STATIC_MAX (16u << 20)

/* What a driver that runs cannot be given any more. */
static const char *const fixed[] = { "kind", "proxyUser", "queue",
	"driverMemory", "driverCores", "executorMemory", "executorCores",
	"numExecutors", "jars", "pyFiles", "files", "archives" };

void
session_plan_release(struct session_plan *plan)
{
	json_object_put(plan->vars);
	json_object_put(plan->labels);
	json_object_put(plan->notes);
	*plan = (struct session_plan)SESSION_PLAN_INIT;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The keys of conf in one order, whoever wrote them in which. */
static void
add_conf(struct buf *b, json_object *map)
{
	size_t count = map ? (size_t)json_object_object_length(map) : 0, n = 0;
	AUTO_FREE const char **keys = mem_alloc((count + 1) * sizeof *keys);

	if (map) {
		json_object_object_foreach(map, key, value) {
			(void)value;
			keys[n++] = key;
		}
		qsort(keys, count, sizeof *keys, by_text);
	}
	for (n = 0; n < count; n++) {
		buf_addch(b, ',');
		jv_add_str(b, keys[n]);
		buf_addch(b, ':');
		jv_add_str(b, jv_text(jv_member(map, keys[n])));
	}
}

static void
set_static_hash(json_object *labels, json_object *vars)
{
	AUTO_BUF struct buf b = BUF_INIT(STATIC_MAX);
	char hash[65];

	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		buf_addf(&b, "%s,", json_object_to_json_string_ext(
		    jv_member(vars, fixed[i]), JSON_C_TO_STRING_PLAIN));
	add_conf(&b, jv_member(vars, "conf"));
	json_object_object_foreach(jv_member(vars, "lifted"), name, key) {
		(void)key;
		buf_addf(&b, ",%s=%s", name, json_object_to_json_string_ext(
		    jv_member(vars, name), JSON_C_TO_STRING_PLAIN));
	}
	reserve_hash(b.data, b.len, hash);
	hash[HASH_DIGITS] = '\0';
	jv_set_str(labels, LABEL_STATIC, hash);
}

static void
set_agent(const struct conf *conf, const struct session_agent *agent,
    struct session_plan *p)
{
	char port[16];

	jv_set_str(p->labels, LABEL_AGENT, agent->hash);
	jv_set_str(p->vars, "agentMap", agent->map);
	/* arguments are texts */
	snprintf(port, sizeof port, "%d", (int)conf->agent_port);
	jv_set_str(p->vars, "agentPort", port);
	jv_set_str(p->notes, ANNOTATION_PORT, port);
}

bool
session_plan(const struct conf *conf, const struct session_agent *agent,
    int32_t key_version, const struct request *rq, struct session_plan *ret,
    struct err *err)
{
	AUTO_PLAN struct session_plan p = SESSION_PLAN_INIT;
	AUTO_JSON json_object *echo = NULL;
	const struct asker by = { rq->user, rq->groups };
	char as[APP_NAME_MAX + 1], version[16];

	if (!session_req_parse(conf, &by, rq->body.data, rq->body.len, &p.vars,
	    &echo, err) || !access_proxy_user(conf, rq,
	    jv_str(p.vars, "proxyUser"), as, err))
		return false;
	jv_set_str(p.vars, "proxyUser", as);
	p.labels = json_object_new_object();
	p.notes = json_object_new_object();
	jv_set_str(p.labels, LABEL_SESSION_KIND, jv_str(p.vars, "kind"));
	set_agent(conf, agent, &p);
	set_static_hash(p.labels, p.vars);
	jv_set_str(p.notes, ANNOTATION_ECHO, jv_print(echo));
	snprintf(version, sizeof version, "%d", (int)key_version);
	jv_set_str(p.notes, ANNOTATION_TOKEN_KEY, version);
	*ret = p;
	p = (struct session_plan)SESSION_PLAN_INIT;
	return true;
}

json_object *
session_plan_known(void)
{
	json_object *known = session_req_known();

	jv_set_str(known, "agentMap", "livy-agent");
	jv_set_str(known, "agentPort", "8997");
	return known;
}

#include "config.h"

#include "localkube_podstat.h"

#include "err.h"
#include "jv.h"
#include "localkube_image.h"
#include "log.h"
#include "num.h"

static void
set(json_object *o, const char *key, const char *text)
{
	json_object_object_add(o, key, json_object_new_string(text));
}

static void
set_time(json_object *o, const char *key, int64_t ms)
{
	char text[32];

	num_time_text(ms, text);
	set(o, key, text);
}

static json_object *
member(json_object *o, const char *key, enum json_type type)
{
	json_object *m = jv_member(o, key);

	if (m)
		return m;
	m = type == json_type_array ? json_object_new_array() :
	    json_object_new_object();
	json_object_object_add(o, key, m);
	return m;
}

static void
condition(json_object *status, const char *type, bool holds,
    const char *reason)
{
	json_object *list = member(status, "conditions", json_type_array);
	json_object *c = NULL;
	const char *was;

	for (size_t i = 0; !c && i < json_object_array_length(list); i++) {
		json_object *o = json_object_array_get_idx(list, i);

		if (strcmp(jv_str(o, "type"), type) == 0)
			c = o;
	}
	if (!c) {
		c = json_object_new_object();
		set(c, "type", type);
		json_object_array_add(list, c);
	}
	was = jv_str(c, "status");
	if (!was || strcmp(was, holds ? "True" : "False") != 0)
		set_time(c, "lastTransitionTime", num_wall_ms());
	set(c, "status", holds ? "True" : "False");
	json_object_object_add(c, "lastProbeTime", NULL);
	if (reason && !holds)
		set(c, "reason", reason);
	else
		json_object_object_del(c, "reason");
}

void
kpodstat_bind(json_object *pod, const struct kpodstat *is UNUSED)
{
	json_object *spec = jv_member(pod, "spec");

	set(spec, "nodeName", "local");
	condition(member(pod, "status", json_type_object), "PodScheduled",
	    true, NULL);
}

static json_object *
state(const struct kpodstat *is, const char *id)
{
	json_object *o = json_object_new_object();
	json_object *in = json_object_new_object();

	switch (is->state) {
	case KPOD_WAITING:
		json_object_object_add(o, "waiting", in);
		break;
	case KPOD_RUNNING:
		json_object_object_add(o, "running", in);
		set_time(in, "startedAt", is->started_ms);
		return o;
	case KPOD_TERMINATED:
		json_object_object_add(o, "terminated", in);
		json_object_object_add(in, "exitCode",
		    json_object_new_int(is->exit_code));
		break;
	}
	set(in, "reason", is->reason);
	if (is->message)
		set(in, "message", is->message);
	if (is->state == KPOD_TERMINATED) {
		set_time(in, "startedAt", is->started_ms);
		set_time(in, "finishedAt", is->finished_ms);
		set(in, "containerID", id);
	}
	return o;
}

static json_object *
container(json_object *pod, const struct kpodstat *is)
{
	json_object *c = kimage_container(pod);
	json_object *o = json_object_new_object();
	char id[128], image[1024];

	snprintf(id, sizeof id, "process://%s",
	    jv_str(pod, "metadata.uid"));
	snprintf(image, sizeof image, "process://%s", jv_str(c, "image"));
	set(o, "name", jv_str(c, "name"));
	json_object_object_add(o, "state", state(is, id));
	json_object_object_add(o, "lastState", json_object_new_object());
	json_object_object_add(o, "ready",
	    json_object_new_boolean(is->state == KPOD_RUNNING));
	json_object_object_add(o, "restartCount", json_object_new_int(0));
	set(o, "image", jv_str(c, "image"));
	set(o, "imageID", image);
	if (is->state != KPOD_WAITING)
		set(o, "containerID", id);
	if (is->state != KPOD_TERMINATED)
		json_object_object_add(o, "started",
		    json_object_new_boolean(is->state == KPOD_RUNNING));
	return o;
}

static void
set_address(json_object *status, const char *key, const char *list_key,
    const char *ip)
{
	json_object *list = json_object_new_array();
	json_object *o = json_object_new_object();

	set(status, key, ip);
	set(o, "ip", ip);
	json_object_array_add(list, o);
	json_object_object_add(status, list_key, list);
}

void
kpodstat_set(json_object *pod, const struct kpodstat *is)
{
	json_object *status = member(pod, "status", json_type_object);
	json_object *list = json_object_new_array();
	bool running = is->state == KPOD_RUNNING;
	const char *why = "ContainersNotReady", *phase = "Pending";

	if (running)
		phase = "Running";
	if (is->state == KPOD_TERMINATED) {
		phase = is->exit_code ? "Failed" : "Succeeded";
		why = is->exit_code ? "PodFailed" : "PodCompleted";
	}
	set(status, "phase", phase);
	condition(status, "Initialized", true, NULL);
	condition(status, "Ready", running, why);
	condition(status, "ContainersReady", running, why);
	set_address(status, "hostIP", "hostIPs", "127.0.0.1");
	if (is->ip)
		set_address(status, "podIP", "podIPs", is->ip);
	if (!jv_member(status, "startTime"))
		set_time(status, "startTime", num_wall_ms());
	json_object_array_add(list, container(pod, is));
	json_object_object_add(status, "containerStatuses", list);
}

bool
kpodstat_write(struct kstore *s, const struct kver *pod, kpodstat_edit edit,
    const struct kpodstat *is)
{
	enum kstore_result result = KSTORE_CHANGED;
	struct err err = ERR_INIT;

	while (result == KSTORE_CHANGED) {
		AUTO_KVER struct kver *now = kstore_get(s, pod->res, pod->ns,
		    pod->name);
		AUTO_KVER struct kver *after = NULL;
		AUTO_JSON json_object *o = NULL;

		if (!now || strcmp(now->uid, pod->uid) != 0)
			return false;
		o = kver_json(now);
		edit(o, is);
		result = kstore_write(s, now->res, now, o, &after, &err);
	}
	if (result == KSTORE_FAILED)
		log_error("cannot write the status of pod '%s': %s",
		    pod->name, err.msg);
	return true;
}

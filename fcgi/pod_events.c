#include "config.h"

#include "pod_events.h"

#include "buf.h"
#include "err.h"
#include "jv.h"
#include "kube.h"
#include "num.h"

void
pod_events_path(struct buf *b, const char *ns, const char *pod)
{
	AUTO_BUF struct buf selector = BUF_INIT(KUBE_NAME_MAX + 64);

	kube_path_core(b, ns, "events", NULL);
	buf_addf(&selector, "involvedObject.name=%s,type=Warning", pod);
	kube_path_query(b, "fieldSelector", selector.data);
	kube_path_query(b, "limit", "50");
}

static int64_t
time_of(json_object *event)
{
	static const char *const where[] = { "lastTimestamp", "eventTime",
		"metadata.creationTimestamp" };
	const char *s;
	int64_t ms;

	for (size_t i = 0; i < ARRAY_LEN(where); i++) {
		s = jv_str(event, where[i]);
		if (s && num_time_ms(s, &ms))
			return ms;
	}
	return 0;
}

void
pod_events_last(const char *list, size_t len, char *ret, size_t size)
{
	AUTO_JSON json_object *o = NULL;
	struct err err = ERR_INIT;
	json_object *items, *event, *last = NULL;
	const char *reason, *message;

	*ret = '\0';
	if (!jv_parse(list, len, JV_DEPTH_KUBE, &o, &err))
		return;
	items = jv_get(o, "items");
	for (size_t i = 0; json_object_is_type(items, json_type_array) &&
	    i < json_object_array_length(items); i++) {
		event = json_object_array_get_idx(items, i);
		if (jv_str(event, "reason") &&
		    (!last || time_of(event) >= time_of(last)))
			last = event;
	}
	if (!last)
		return;
	reason = jv_str(last, "reason");
	message = jv_str(last, "message");
	snprintf(ret, size, "%s%s%s", reason, message && *message ? ": " : "",
	    message ? message : "");
	ret[jv_utf8(ret, strlen(ret))] = '\0';
	for (char *p = ret; *p; p++)
		if ((unsigned char)*p < 0x20)
			*p = ' ';
}

#include "config.h"

#include "kube_streams.h"

#include <assert.h>

#include "err.h"
#include "kube_http.h"

struct lane {
	struct kube *kube;
	struct kube_stream stream;
	char *path;			/* the stream's, ours */
	kube_lane_end *on_end;
	struct kube_http http;
	struct kube_answer answer;
	struct kube_transfer transfer;
	bool busy;
	bool sent;		/* the transfer is in the multi handle */
};

struct kube_streams {
	CURLM *multi;
	int wake_fd;
	size_t count;
	struct lane lane[];
};

struct kube_streams *
kube_streams_new(const struct kube_opts *opts, size_t lanes)
{
	struct kube_streams *set = mem_alloc(sizeof *set +
	    lanes * sizeof set->lane[0]);

	set->count = lanes;
	set->wake_fd = -1;
	for (size_t i = 0; i < lanes; i++) {
		struct kube *k = kube_new(opts);

		/* the first lane's multi handle drives them all */
		if (i == 0)
			set->multi = k->multi;
		else
			curl_multi_cleanup(k->multi);
		k->multi = set->multi;
		set->lane[i].kube = k;
	}
	return set;
}

void
kube_streams_free(struct kube_streams *set)
{
	if (!set)
		return;
	for (size_t i = set->count; i-- > 0;) {
		struct lane *l = &set->lane[i];

		if (l->sent) {
			curl_multi_remove_handle(set->multi, l->kube->easy);
			buf_release(&l->answer.body);
		}
		free(l->path);
		if (i > 0)
			l->kube->multi = NULL;
		kube_free(l->kube);
	}
	free(set);
}

void
kube_streams_wake(struct kube_streams *set, int fd)
{
	set->wake_fd = fd;
}

void
kube_streams_start(struct kube_streams *set, size_t lane,
    const struct kube_stream *s, kube_lane_end *on_end)
{
	struct lane *l = &set->lane[lane];

	assert(lane < set->count && !l->busy);
	free(l->path);
	l->path = mem_strdup(s->path);
	l->stream = *s;
	l->stream.path = l->path;
	l->on_end = on_end;
	l->busy = true;
}

void
kube_streams_stop(struct kube_streams *set, size_t lane)
{
	struct lane *l = &set->lane[lane];

	if (l->sent) {
		kube_http_end(&l->transfer, CURLE_OK);
		buf_release(&l->answer.body);
	}
	l->busy = l->sent = false;
}

/* Frees the lane and tells its user, who may start on it again. */
static void
lane_end(struct lane *l, enum kube_result result, int wait_s,
    const struct err *err)
{
	buf_release(&l->answer.body);
	l->busy = l->sent = false;
	l->on_end(l->stream.arg, result, wait_s, err);
}

static void
lane_judge(struct lane *l)
{
	struct kube_verdict v;
	struct err err = ERR_INIT;

	kube_judge("GET", l->kube->host, &l->answer, &v, &err);
	if (!*l->answer.failure && l->answer.status == 401) {
		cred_refused(l->kube->opts.cred, l->kube->generation);
		v.result = KUBE_AWAY;	/* the next credential may do */
	}
	lane_end(l, v.result, v.wait_s, &err);
}

static void
lane_finish(struct lane *l, CURLcode rc)
{
	struct err none = ERR_INIT;

	if (kube_http_end(&l->transfer, rc))
		lane_end(l, KUBE_OK, 0, &none);
	else
		lane_judge(l);
}

/* Puts what was started on the wire. */
static void
lane_send(struct lane *l)
{
	struct err err = ERR_INIT;

	l->http = (struct kube_http){ .method = "GET", .path = l->path,
		.accept = l->stream.accept ? l->stream.accept :
		    "application/json", .stream = &l->stream };
	if (!kube_credential(l->kube, &err)) {
		lane_end(l, KUBE_AWAY, 0, &err);
		return;
	}
	l->sent = kube_http_start(l->kube, &l->http, &l->answer,
	    &l->transfer);
	if (l->sent)
		curl_easy_setopt(l->kube->easy, CURLOPT_PRIVATE, l);
	else
		lane_judge(l);
}

void
kube_streams_run(struct kube_streams *set, int timeout_ms)
{
	struct curl_waitfd wake = { .fd = set->wake_fd,
		.events = CURL_WAIT_POLLIN };
	int running, left;
	CURLMsg *msg;
	CURLcode rc;
	char *lane;

	for (size_t i = 0; i < set->count; i++)
		if (set->lane[i].busy && !set->lane[i].sent)
			lane_send(&set->lane[i]);
	curl_multi_poll(set->multi, &wake, set->wake_fd >= 0, timeout_ms,
	    NULL);
	curl_multi_perform(set->multi, &running);
	while ((msg = curl_multi_info_read(set->multi, &left)) != NULL) {
		if (msg->msg != CURLMSG_DONE)
			continue;
		rc = msg->data.result;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &lane);
		lane_finish((struct lane *)(void *)lane, rc);
	}
	for (size_t i = 0; i < set->count; i++)
		if (set->lane[i].sent &&
		    !kube_http_look_up(&set->lane[i].transfer))
			lane_finish(&set->lane[i], CURLE_OK);
}

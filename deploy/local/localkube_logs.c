#include "config.h"

#include "localkube_logs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "jv.h"
#include "localkube_log.h"
#include "num.h"

#define READ_BLOCK (64 * 1024)
#define FOLLOW_MS 40	/* between looks at a log that grows */
#define ENTRY_ROOM (KLOG_ENTRY_MAX + 256)

static char *pods_dir;

struct logs {
	struct kstream stream;
	char *dir;		/* the pod's own */
	int fd;
	int64_t left;		/* bytes of limitBytes; -1: no limit */
	bool follow;
	bool last;		/* the container had ended before this read */
	struct klog_pick pick;
	struct buf raw, out;
	size_t sent;		/* bytes of out */
};

void
klogs_init(const char *dir)
{
	pods_dir = mem_strdup(dir);
}

static bool
ended(const struct logs *l)
{
	AUTO_BUF struct buf path = BUF_INIT(4096);

	buf_addf(&path, "%s/exit", l->dir);
	if (access(path.data, F_OK) == 0)
		return true;
	return access(l->dir, F_OK) != 0;
}

static int
open_log(const struct logs *l)
{
	AUTO_BUF struct buf path = BUF_INIT(4096);

	buf_addf(&path, "%s/log", l->dir);
	return open(path.data, O_RDONLY | O_CLOEXEC);
}

/* After the end of one file: whether another has taken its place. */
static bool
next_file(struct logs *l)
{
	struct stat mine, now;
	int fd = open_log(l);

	if (fd < 0)
		return false;
	if (fstat(l->fd, &mine) != 0 || fstat(fd, &now) != 0 ||
	    mine.st_ino == now.st_ino) {
		close(fd);
		return false;
	}
	close(l->fd);
	l->fd = fd;
	return true;
}

static void
show_lines(struct logs *l)
{
	char *nl;
	size_t done = 0;

	while ((nl = memchr(l->raw.data + done, '\n', l->raw.len - done))) {
		size_t n = (size_t)(nl - l->raw.data) - done;

		klog_show(&l->pick, l->raw.data + done, n, &l->out);
		done += n + 1;
	}
	buf_shift(&l->raw, done);
}

/* More into out; false at the end of what there is. */
static bool
fill(struct logs *l)
{
	char *room = buf_room(&l->raw, READ_BLOCK);
	ssize_t n = room ? read(l->fd, room, READ_BLOCK) : -1;

	if (n > 0) {
		buf_wrote(&l->raw, (size_t)n);
		show_lines(l);
		return true;
	}
	return n == 0 && l->follow && next_file(l);
}

static ssize_t
logs_read(struct kstream *stream, char *to, size_t max)
{
	struct logs *l = (struct logs *)stream;
	size_t n;

	if (l->left == 0)
		return KSTREAM_END;
	while (l->sent == l->out.len) {
		buf_clear(&l->out);
		l->sent = 0;
		if (!buf_ok(&l->raw))
			return KSTREAM_END;
		if (fill(l))
			continue;
		if (!l->follow || l->last)
			return KSTREAM_END;
		/* what came between the read and the end is read once more */
		l->last = ended(l);
		if (!l->last && !kstream_sleep(stream->fd, FOLLOW_MS))
			return KSTREAM_END;
	}
	n = l->out.len - l->sent;
	n = n < max ? n : max;
	if (l->left >= 0 && (int64_t)n > l->left)
		n = (size_t)l->left;
	memcpy(to, l->out.data + l->sent, n);
	l->sent += n;
	l->left -= l->left > 0 ? (int64_t)n : 0;
	return (ssize_t)n;
}

static void
logs_free(struct kstream *stream)
{
	struct logs *l = (struct logs *)stream;

	if (l->fd >= 0)
		close(l->fd);
	buf_release(&l->raw);
	buf_release(&l->out);
	free(l->dir);
	free(l);
}

struct options {
	int64_t tail, limit;	/* -1: none */
	struct klog_pick pick;
};

static bool
read_since(const struct kreq *rq, struct options *ret, json_object *causes,
    struct kst *st)
{
	const char *at = kquery_get(&rq->query, "sinceTime");
	int64_t seconds;
	char now[32];

	if (!kapi_int(rq, "sinceSeconds", -1, &seconds, st))
		return false;
	if (seconds != -1 && at && *at) {
		kst_cause(causes, "FieldValueForbidden", "[]", "Forbidden: "
		    "at most one of `sinceTime` or `sinceSeconds` may be "
		    "specified");
	} else if (at && *at) {
		if (!klog_parse_time(at, ret->pick.since))
			return kst_set(st, 400, "BadRequest", "parsing time "
			    "\"%s\" as \"2006-01-02T15:04:05Z07:00\": cannot "
			    "parse", at);
	} else if (kquery_get(&rq->query, "sinceSeconds") && seconds <= 0) {
		kst_cause(causes, "FieldValueInvalid", "sinceSeconds",
		    "Invalid value: %lld: must be greater than 0",
		    (long long)seconds);
	} else if (seconds > 0) {
		num_time_text(num_wall_ms() - seconds * 1000, now);
		return klog_parse_time(now, ret->pick.since);
	}
	return true;
}

static bool
read_options(const struct kreq *rq, struct options *ret, struct kst *st)
{
	AUTO_JSON json_object *causes = json_object_new_array();

	memset(ret, 0, sizeof *ret);
	ret->pick.timestamps = kquery_true(&rq->query, "timestamps");
	if (!kapi_int(rq, "tailLines", -1, &ret->tail, st) ||
	    !kapi_int(rq, "limitBytes", -1, &ret->limit, st))
		return false;
	if (kquery_get(&rq->query, "tailLines") && ret->tail < 0)
		kst_cause(causes, "FieldValueInvalid", "tailLines",
		    "Invalid value: %lld: must be greater than or equal to 0",
		    (long long)ret->tail);
	if (kquery_get(&rq->query, "limitBytes") && ret->limit <= 0)
		kst_cause(causes, "FieldValueInvalid", "limitBytes",
		    "Invalid value: %lld: must be greater than 0",
		    (long long)ret->limit);
	if (!read_since(rq, ret, causes, st))
		return false;
	return json_object_array_length(causes) == 0 ||
	    kst_invalid(st, "PodLogOptions", "", rq->path.name, causes);
}

static bool
check_container(const struct kreq *rq, json_object *pod, struct kst *st)
{
	json_object *list = jv_get(pod, "spec.containers");
	json_object *status = jv_get(pod, "status.containerStatuses");
	const char *asked = kquery_get(&rq->query, "container");
	const char *name = jv_str(json_object_array_get_idx(list, 0), "name");
	const char *waiting;

	if (asked && *asked && strcmp(asked, name) != 0)
		return kst_set(st, 400, "BadRequest",
		    "container %s is not valid for pod %s", asked,
		    rq->path.name);
	waiting = !status ? "ContainerCreating" : jv_str(
	    json_object_array_get_idx(status, 0), "state.waiting.reason");
	if (waiting)
		return kst_set(st, 400, "BadRequest",
		    "container \"%s\" in pod \"%s\" is waiting to start: %s",
		    name, rq->path.name, waiting);
	if (kquery_true(&rq->query, "previous"))
		return kst_set(st, 400, "BadRequest", "previous terminated "
		    "container \"%s\" in pod \"%s\" not found", name,
		    rq->path.name);
	return true;
}

bool
klogs_open(struct kstore *s, const struct kreq *rq, struct kreply *rp UNUSED,
    struct kstream **ret, struct kst *st)
{
	AUTO_KVER struct kver *v = NULL;
	AUTO_JSON json_object *pod = NULL;
	AUTO_BUF struct buf dir = BUF_INIT(4096);
	struct options opt;
	struct stat sb;
	struct logs *l;

	v = kstore_get(s, rq->path.res, rq->path.ns, rq->path.name);
	if (!v)
		return kst_not_found(st, rq->path.res, rq->path.name);
	pod = kver_json(v);
	if (!read_options(rq, &opt, st) || !check_container(rq, pod, st))
		return false;
	buf_addf(&dir, "%s/%s", pods_dir, v->uid);
	l = mem_alloc(sizeof *l);
	l->stream.read = logs_read;
	l->stream.free = logs_free;
	l->dir = buf_steal(&dir);
	l->follow = kquery_true(&rq->query, "follow");
	l->pick = opt.pick;
	l->left = opt.limit;
	buf_init(&l->raw, READ_BLOCK + ENTRY_ROOM);
	buf_init(&l->out, 4 * (READ_BLOCK + ENTRY_ROOM));
	l->fd = open_log(l);
	if (l->fd >= 0 && opt.tail >= 0 && fstat(l->fd, &sb) == 0)
		lseek(l->fd, klog_tail(l->fd, sb.st_size, opt.tail),
		    SEEK_SET);
	*ret = &l->stream;
	return true;
}

#include "config.h"

#include "settle.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit.h"
#include "buf.h"
#include "cache.h"
#include "conf.h"
#include "err.h"
#include "gw.h"
#include "jv.h"
#include "log.h"
#include "num.h"
#include "slots.h"

#define GRACE_MS 30000	/* an event may be late, a create in a queue */
#define TAIL_BYTES (256 << 10)	/* of the audit log, read at a start */

static bool
settle_one(const struct gw *gw, struct cache *cache, const struct intent *in,
    int64_t well_since_ms)
{
	int64_t from = in->since_ms > well_since_ms ? in->since_ms :
	    well_since_ms;
	AUTO_VIEW struct cache_view v = CACHE_VIEW_INIT;
	struct audit a = { .kind = (enum app_kind)in->kind, .id = in->id,
		.user = in->user, .request_id = in->request_id };

	if (cache_get(cache, a.kind, a.id, &v) == CACHE_FOUND &&
	    v.text.request_id &&
	    strcmp(v.text.request_id, in->request_id) == 0)
		a.step = AUDIT_UNANSWERED;
	else if (well_since_ms && num_mono_ms() - from >
	    gw->conf->request_deadline_ms + GRACE_MS)
		a.step = AUDIT_ABSENT;
	else
		return false;
	audit_write(&a);
	log_warn("%s %d of request %s, whose worker died, %s",
	    app_kind_word(a.kind), (int)a.id, a.request_id,
	    a.step == AUDIT_UNANSWERED ? "exists, and its client does not know"
	    : "was not made");
	return true;
}

void
settle_orphans(const struct gw *gw, struct cache *cache,
    int64_t well_since_ms)
{
	struct intent *in;

	for (size_t i = 0; i < SLOTS_ORPHANS; i++) {
		in = &gw->slots->orphan[i];
		if (atomic_load(&in->open) && settle_one(gw, cache, in,
		    well_since_ms))
			atomic_store(&in->open, false);
	}
}

/* Intents that no later line of the log has closed, the newest ones. */
struct left {
	struct intent intent[SLOTS_ORPHANS];
	size_t count;
};

static struct intent *
left_of(struct left *l, const char *request_id)
{
	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->intent[i].request_id, request_id) == 0)
			return &l->intent[i];
	return NULL;
}

static void
left_drop(struct left *l, struct intent *in)
{
	size_t after = (size_t)(l->intent + l->count - 1 - in);

	memmove(in, in + 1, after * sizeof *in);
	l->count--;
}

static void
left_note(struct left *l, json_object *line)
{
	const char *request = jv_str(line, "request");
	const char *step = jv_str(line, "step");
	const char *kind = jv_str(line, "kind");
	const char *user = jv_str(line, "user");
	struct intent *in = request ? left_of(l, request) : NULL;

	if (in)
		left_drop(l, in);
	if (!request || !step || !kind || strcmp(step, "intended") != 0)
		return;
	if (l->count == ARRAY_LEN(l->intent))
		left_drop(l, l->intent);
	in = &l->intent[l->count++];
	*in = (struct intent){ .id = (int32_t)jv_int(line, "id", -1),
		.kind = strcmp(kind, app_kind_word(APP_SESSION)) == 0 ?
		    APP_SESSION : APP_BATCH, .since_ms = num_mono_ms() };
	snprintf(in->user, sizeof in->user, "%s", user ? user : "");
	snprintf(in->request_id, sizeof in->request_id, "%s", request);
}

/* The last whole lines of a file, as much as is read of it. */
static bool
read_tail(const char *path, struct buf *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	ssize_t n = -1;
	char *room;

	if (fd < 0)
		return false;
	room = buf_room(ret, TAIL_BYTES);
	if (room && fstat(fd, &st) == 0)
		n = pread(fd, room, TAIL_BYTES, st.st_size > TAIL_BYTES ?
		    st.st_size - TAIL_BYTES : 0);
	close(fd);
	if (n > 0)
		buf_wrote(ret, (size_t)n);
	return n > 0;
}

void
settle_recover(const struct gw *gw)
{
	AUTO_BUF struct buf tail = BUF_INIT(TAIL_BYTES + 1);
	AUTO_FREE struct left *left = mem_alloc(sizeof *left);
	const char *line, *end;
	size_t n;

	if (!*gw->conf->audit_log || !read_tail(gw->conf->audit_log, &tail))
		return;
	for (line = tail.data; *line; line = end + (*end == '\n')) {
		AUTO_JSON json_object *o = NULL;
		struct err half = ERR_INIT;	/* the first one may be cut */

		n = strcspn(line, "\n");
		end = line + n;
		if (jv_parse(line, n, 2, &o, &half) && o)
			left_note(left, o);
	}
	for (size_t i = 0; i < left->count; i++)
		if (!slot_recover(gw->slots, &left->intent[i]))
			return;
}

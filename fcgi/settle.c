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
#include "remove.h"
#include "reserve.h"
#include "slots.h"

#define GRACE_MS 30000	/* an event may be late, a create in a queue */
#define CALLS_MS 2000	/* longest that chores wait for it */
#define RETRY_MS 5000	/* after calls that failed, for the same one */
#define TAIL_BYTES (256 << 10)	/* of the audit log, read at a start */

static void
tell(struct orphan *o, enum audit_step step)
{
	const struct intent *in = &o->intent;

	if (o->told)
		return;
	o->told = true;
	audit_write(&(struct audit){ .step = step,
	    .kind = (enum app_kind)in->kind, .id = in->id, .user = in->user,
	    .request_id = in->request_id });
	log_warn("%s %d of request %s, whose client was not told, %s",
	    app_kind_word((enum app_kind)in->kind), (int)in->id,
	    in->request_id, step == AUDIT_ABSENT ? "was not made" : "exists");
}

static bool
is_there(struct cache *cache, const struct intent *in, struct cache_view *ret)
{
	return cache_get(cache, (enum app_kind)in->kind, in->id, ret) ==
	    CACHE_FOUND && ret->text.request_id &&
	    strcmp(ret->text.request_id, in->request_id) == 0;
}

/* True: nothing more can become of it. */
static bool
settle_one(const struct gw *gw, struct cache *cache, struct orphan *o,
    int64_t well_since_ms, int64_t spoke_ms)
{
	struct intent *in = &o->intent;
	int64_t deadline_ms = gw->conf->request_deadline_ms;
	int64_t from = in->since_ms > well_since_ms ? in->since_ms :
	    well_since_ms;
	bool late = well_since_ms && num_mono_ms() - from >
	    deadline_ms + GRACE_MS && spoke_ms > in->since_ms + deadline_ms;
	AUTO_VIEW struct cache_view v = CACHE_VIEW_INIT;

	if (!is_there(cache, in, &v)) {
		if (late)
			tell(o, AUDIT_ABSENT);
		return late;
	}
	atomic_store(&in->admitted, 0);
	tell(o, AUDIT_UNANSWERED);
	/* with a key it may be deleted by then, and arrive once more */
	return late || !v.text.key;
}

void
settle_orphans(const struct gw *gw, struct cache *cache,
    int64_t well_since_ms, int64_t spoke_ms)
{
	for (size_t i = 0; i < SLOTS_ORPHANS; i++) {
		struct orphan *o = &gw->slots->orphan[i];

		if (atomic_load(&o->intent.open) && settle_one(gw, cache, o,
		    well_since_ms, spoke_ms))
			atomic_store(&o->intent.open, false);
	}
}

/* A key is marked as used up before its application goes. */
static bool
remove_again(struct gw *gw, const struct cache_view *v)
{
	int64_t deadline_ms = num_mono_ms() + CALLS_MS;
	struct err err = ERR_INIT;
	bool used_up = false;

	if (!reserve_used_up(gw, v->text.key, v->app.id, deadline_ms,
	    &used_up, &err) || (used_up && !remove_app(gw, v, deadline_ms,
	    &err))) {
		log_debug("the key of %s %d: %s", app_kind_word(v->app.kind),
		    (int)v->app.id, err.msg);
		return false;
	}
	if (used_up)
		audit_write(&(struct audit){ .step = AUDIT_DELETED,
		    .kind = v->app.kind, .id = v->app.id,
		    .reason = "it was made once more after its deletion" });
	return true;
}

void
settle_made_again(struct gw *gw)
{
	/* of the leader process: those that were looked at */
	static char seen[SLOTS_ORPHANS][UID_MAX];
	static int64_t again_ms[SLOTS_ORPHANS];	/* not before */

	for (size_t i = 0; i < SLOTS_ORPHANS; i++) {
		struct intent *in = &gw->slots->orphan[i].intent;
		AUTO_VIEW struct cache_view v = CACHE_VIEW_INIT;

		if (!atomic_load(&in->open) || num_mono_ms() < again_ms[i] ||
		    !is_there(gw->cache, in, &v) || !v.text.key ||
		    strcmp(seen[i], v.app.uid) == 0)
			continue;
		if (!remove_again(gw, &v)) {
			/* other chores, and other orphans, come before it */
			again_ms[i] = num_mono_ms() + RETRY_MS;
			return;
		}
		memcpy(seen[i], v.app.uid, sizeof seen[i]);
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

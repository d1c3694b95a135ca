#include "config.h"

#include "slots.h"

#include "app.h"
#include "num.h"

size_t
slots_size(int64_t count)
{
	return sizeof(struct slots) + (size_t)count * sizeof(struct slot);
}

void
slots_format(struct slots *s, int64_t count)
{
	pthread_mutexattr_t attr;

	s->count = count;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&s->admission, &attr);
	pthread_mutexattr_destroy(&attr);
}

void
slot_assign(struct slot *s, pid_t pid)
{
	atomic_store(&s->driver, 0);
	atomic_store(&s->upload_ms, 0);
	atomic_store(&s->stage, pid ? SLOT_IDLE : SLOT_FREE);
	atomic_store(&s->pid, pid);
}

void
slot_accepted(struct slot *s, int64_t now_ms)
{
	s->request_id[0] = s->method[0] = s->path[0] = '\0';
	atomic_store(&s->since_ms, now_ms);
	atomic_store(&s->stage, SLOT_READING);
}

/* Cut to size; no format is read, as each request comes by here. */
static void
copy(char *to, size_t size, const char *from)
{
	if (!memccpy(to, from, '\0', size))
		to[size - 1] = '\0';
}

void
slot_begin(struct slot *s, const char *request_id, const char *method,
    const char *path)
{
	copy(s->request_id, sizeof s->request_id, request_id);
	copy(s->method, sizeof s->method, method);
	copy(s->path, sizeof s->path, path);
	atomic_store(&s->stage, SLOT_WORKING);
}

void
slot_end(struct slot *s)
{
	atomic_fetch_add(&s->requests, 1);
	atomic_store(&s->stage, SLOT_IDLE);
	atomic_store(&s->upload_ms, 0);
}

/*
 * The slot says that it is calling before it counts, so of two that race for
 * the last place at least one sees the other.
 */
bool
slot_calling_begin(struct slots *s, int slot, int64_t limit)
{
	int64_t calling = 0;

	atomic_store(&s->slot[slot].stage, SLOT_CALLING);
	for (int64_t i = 0; i < s->count; i++)
		if (atomic_load(&s->slot[i].stage) == SLOT_CALLING)
			calling++;
	if (calling <= limit)
		return true;
	atomic_store(&s->slot[slot].stage, SLOT_WORKING);
	atomic_fetch_add(&s->slot[slot].refused, 1);
	return false;
}

enum slot_call
slot_calling_driver(struct slots *s, int slot, int32_t id, const char *user,
    const struct slot_limits *limits)
{
	struct slot *mine = &s->slot[slot];
	uint32_t hash = app_hash(user);
	int64_t driver = 0, users = 0;

	atomic_store(&mine->driver, id + 1);
	atomic_store(&mine->user, hash);
	if (!slot_calling_begin(s, slot, limits->pool)) {
		atomic_store(&mine->driver, 0);
		return SLOT_CALL_POOL_FULL;
	}
	for (int64_t i = 0; i < s->count; i++) {
		const struct slot *o = &s->slot[i];

		if (atomic_load(&o->stage) != SLOT_CALLING ||
		    atomic_load(&o->driver) == 0)
			continue;
		driver += atomic_load(&o->driver) == id + 1;
		users += atomic_load(&o->user) == hash;
	}
	if (driver <= limits->driver && users <= limits->user)
		return SLOT_CALL_GRANTED;
	slot_calling_end(s, slot);
	atomic_fetch_add(&mine->refused, 1);
	return driver > limits->driver ? SLOT_CALL_DRIVER_FULL :
	    SLOT_CALL_USER_FULL;
}

void
slot_calling_end(struct slots *s, int slot)
{
	atomic_store(&s->slot[slot].driver, 0);
	atomic_store(&s->slot[slot].stage, SLOT_WORKING);
}

bool
slot_upload_begin(struct slots *s, int slot, int64_t limit, int64_t most_ms)
{
	int64_t uploads = 0;

	atomic_store(&s->slot[slot].upload_ms, most_ms);
	for (int64_t i = 0; i < s->count; i++)
		uploads += atomic_load(&s->slot[i].upload_ms) != 0;
	if (uploads <= limit)
		return true;
	atomic_store(&s->slot[slot].upload_ms, 0);
	atomic_fetch_add(&s->slot[slot].refused, 1);
	return false;
}

void
slot_intend(struct slot *s, int kind, int32_t id, const char *user,
    const char *request_id)
{
	struct intent *in = &s->intent;

	atomic_store(&in->open, false);
	atomic_store(&in->admitted, 0);
	in->kind = kind;
	in->id = id;
	in->since_ms = num_mono_ms();
	snprintf(in->user, sizeof in->user, "%s", user);
	snprintf(in->request_id, sizeof in->request_id, "%s", request_id);
	atomic_store(&in->open, true);
}

void
slot_admit(struct slot *s, uint32_t ns_hash, uint32_t team_hash)
{
	atomic_store(&s->intent.team, team_hash);
	atomic_store(&s->intent.admitted, (uint64_t)ns_hash + 1);
}

void
slot_arrived(struct slot *s)
{
	atomic_store(&s->intent.admitted, 0);
}

bool
slots_admitted(const struct slots *s, int but_slot, int64_t *at,
    uint32_t *ret_ns, uint32_t *ret_team)
{
	const struct intent *in;
	uint64_t word;
	int64_t i;

	while (*at < s->count + SLOTS_ORPHANS) {
		i = (*at)++;
		in = i < s->count ? &s->slot[i].intent :
		    &s->orphan[i - s->count].intent;
		word = i != but_slot && atomic_load(&in->open) ?
		    atomic_load(&in->admitted) : 0;
		if (word == 0)
			continue;
		*ret_ns = (uint32_t)(word - 1);
		*ret_team = atomic_load(&in->team);
		return true;
	}
	return false;
}

static bool
is_free(struct orphan *o)
{
	return !atomic_load(&o->intent.open);
}

/* Whoever wins the swap may fill it, if nobody has done so just before. */
static struct orphan *
orphan_take(struct slots *s, int by)
{
	for (size_t i = 0; i < SLOTS_ORPHANS; i++) {
		struct orphan *o = &s->orphan[i];
		int nobody = 0;

		if (!is_free(o) ||
		    !atomic_compare_exchange_strong(&o->by, &nobody, by))
			continue;
		if (is_free(o))
			return o;
		atomic_store(&o->by, 0);
	}
	return NULL;
}

static bool
orphan_add(struct slots *s, int by, const struct intent *from, bool told)
{
	struct orphan *o = orphan_take(s, by);
	struct intent *to;

	if (!o)
		return false;
	to = &o->intent;
	atomic_store(&to->team, atomic_load(&from->team));
	/* what is told by its worker counts there */
	atomic_store(&to->admitted, told ? 0 : atomic_load(&from->admitted));
	to->kind = from->kind;
	to->id = from->id;
	to->since_ms = from->since_ms;
	memcpy(to->user, from->user, sizeof to->user);
	memcpy(to->request_id, from->request_id, sizeof to->request_id);
	o->told = told;
	atomic_store(&to->open, true);
	atomic_store(&o->by, 0);
	return true;
}

bool
slot_recover(struct slots *s, const struct intent *in)
{
	return orphan_add(s, (int)s->count + 1, in, false);
}

bool
slot_orphan(struct slots *s, int slot)
{
	struct intent *in = &s->slot[slot].intent;
	bool room = true;

	/* a worker that died while it did the same */
	for (size_t i = 0; i < SLOTS_ORPHANS; i++) {
		int by = slot + 1;

		atomic_compare_exchange_strong(&s->orphan[i].by, &by, 0);
	}
	if (atomic_load(&in->open))
		room = orphan_add(s, slot + 1, in, false);
	if (room)
		atomic_store(&in->open, false);
	return room;
}

bool
slot_doubt(struct slots *s, int slot)
{
	return orphan_add(s, slot + 1, &s->slot[slot].intent, true);
}

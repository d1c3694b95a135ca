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
	s->count = count;
}

void
slot_assign(struct slot *s, pid_t pid)
{
	atomic_store(&s->driver, 0);
	atomic_store(&s->stage, pid ? SLOT_IDLE : SLOT_FREE);
	atomic_store(&s->pid, pid);
}

void
slot_accepted(struct slot *s)
{
	s->request_id[0] = s->method[0] = s->path[0] = '\0';
	atomic_store(&s->since_ms, num_mono_ms());
	atomic_store(&s->stage, SLOT_READING);
}

void
slot_begin(struct slot *s, const char *request_id, const char *method,
    const char *path)
{
	snprintf(s->request_id, sizeof s->request_id, "%s", request_id);
	snprintf(s->method, sizeof s->method, "%s", method);
	snprintf(s->path, sizeof s->path, "%s", path);
	atomic_store(&s->stage, SLOT_WORKING);
}

void
slot_end(struct slot *s)
{
	atomic_fetch_add(&s->requests, 1);
	atomic_store(&s->stage, SLOT_IDLE);
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

void
slot_intend(struct slot *s, int kind, int32_t id, const char *user,
    const char *request_id)
{
	struct intent *in = &s->intent;

	atomic_store(&in->open, false);
	in->kind = kind;
	in->id = id;
	in->since_ms = num_mono_ms();
	snprintf(in->user, sizeof in->user, "%s", user);
	snprintf(in->request_id, sizeof in->request_id, "%s", request_id);
	atomic_store(&in->open, true);
}

bool
slot_orphan(struct slots *s, int slot)
{
	struct intent *from = &s->slot[slot].intent;
	struct intent *to;

	if (!atomic_load(&from->open))
		return true;
	for (size_t i = 0; i < SLOTS_ORPHANS; i++) {
		to = &s->orphan[i];
		if (atomic_load(&to->open))
			continue;
		to->kind = from->kind;
		to->id = from->id;
		to->since_ms = from->since_ms;
		memcpy(to->user, from->user, sizeof to->user);
		memcpy(to->request_id, from->request_id,
		    sizeof to->request_id);
		atomic_store(&from->open, false);
		atomic_store(&to->open, true);
		return true;
	}
	return false;
}

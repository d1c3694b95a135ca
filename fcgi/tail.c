#include "config.h"

#include "tail.h"

#include <assert.h>
#include <unistd.h>

#include "buf.h"
#include "conf.h"
#include "num.h"
#include "shm.h"

#define ALIGN 4096

struct box {
	struct seq seq;
	_Atomic int64_t at_ms;	/* 0 = never asked */
	struct tail_ask ask;
};

struct place {
	struct seq seq;
	_Atomic uint32_t used;
	struct tail_facts facts;
	struct tail_floor floor;
};

struct tail_shm {
	int64_t boxes, places, bytes, lines;
	_Atomic int64_t full_ms;
};

struct tail {
	struct tail_shm *shm;
	struct box *box;
	struct place *place;
	char *bytes;
	size_t boxes, places, size;
	int64_t lines;
	int wake_fd;
};

static size_t
aligned(size_t n)
{
	return (n + ALIGN - 1) / ALIGN * ALIGN;
}

static size_t
boxes_at(void)
{
	return aligned(sizeof(struct tail_shm));
}

static size_t
places_at(int64_t boxes)
{
	return aligned(boxes_at() + (size_t)boxes * sizeof(struct box));
}

static size_t
bytes_at(int64_t boxes, int64_t places)
{
	return aligned(places_at(boxes) +
	    (size_t)places * sizeof(struct place));
}

size_t
tail_size(const struct conf *conf, int64_t workers)
{
	return bytes_at(workers + TAIL_BOXES_MORE, conf->log_drivers) +
	    (size_t)conf->log_drivers * (size_t)conf->log_bytes;
}

void
tail_format(void *mem, const struct conf *conf, int64_t workers)
{
	struct tail_shm *shm = mem;

	shm->boxes = workers + TAIL_BOXES_MORE;
	shm->places = conf->log_drivers;
	shm->bytes = conf->log_bytes;
	shm->lines = conf->log_lines;
}

struct tail *
tail_open(void *mem, int wake_fd)
{
	struct tail *t = mem_alloc(sizeof *t);
	struct tail_shm *shm = mem;

	t->shm = shm;
	t->boxes = (size_t)shm->boxes;
	t->places = (size_t)shm->places;
	t->size = (size_t)shm->bytes;
	t->lines = shm->lines;
	t->box = (struct box *)((char *)mem + boxes_at());
	t->place = (struct place *)((char *)mem + places_at(shm->boxes));
	t->bytes = (char *)mem + bytes_at(shm->boxes, shm->places);
	t->wake_fd = wake_fd;
	return t;
}

void
tail_close(struct tail *t)
{
	free(t);
}

bool
tail_same_key(const struct tail_key *a, const struct tail_key *b)
{
	return a->id == b->id && a->kind == b->kind && a->run == b->run &&
	    strcmp(a->uid, b->uid) == 0;
}

bool
tail_ask_of(const struct app *app, const struct app_text *text,
    struct tail_ask *ret)
{
	bool kept = app->kept && app->kept_run == app->pod_run;

	if (!text->pod && !kept)
		return false;
	*ret = (struct tail_ask){ .key = { .kind = app->kind,
		.id = app->id, .run = app->pod_run },
		.over = app->exit_code >= 0 || app_ended(app),
		.kept = kept };
	if (app->mark_run && app->mark_run == app->pod_run)
		ret->mark = (struct tail_mark){ app->mark_ns, app->mark_same,
			app->mark_line };
	ret->mark_asked = app->mark_asked;
	snprintf(ret->key.uid, sizeof ret->key.uid, "%s", app->uid);
	snprintf(ret->ns, sizeof ret->ns, "%s", text->ns);
	snprintf(ret->object, sizeof ret->object, "%s", text->object);
	snprintf(ret->pod, sizeof ret->pod, "%s", text->pod ? text->pod : "");
	return true;
}

void
tail_ask(struct tail *t, size_t box, const struct tail_ask *ask)
{
	struct box *b = &t->box[box];
	int64_t before = atomic_load(&b->at_ms), now = num_mono_ms();
	const uint64_t one = 1;

	assert(box < t->boxes);
	seq_reset(&b->seq);	/* the box's last owner may have died inside */
	seq_write_begin(&b->seq);
	b->ask = *ask;
	seq_write_end(&b->seq);
	/* a second one in this millisecond is another one */
	atomic_store(&b->at_ms, now > before ? now : before + 1);
	/* it looks by itself now and then, should this fail */
	if (write(t->wake_fd, &one, sizeof one) < 0)
		return;
}

size_t
tail_boxes(const struct tail *t)
{
	return t->boxes;
}

size_t
tail_places(const struct tail *t)
{
	return t->places;
}

size_t
tail_line_bytes(const struct tail *t)
{
	return t->size;
}

int64_t
tail_full_ms(const struct tail *t)
{
	return atomic_load(&t->shm->full_ms);
}

void
tail_say_full(struct tail *t)
{
	atomic_store(&t->shm->full_ms, num_mono_ms());
}

bool
tail_asked(const struct tail *t, size_t box, int64_t *ret_at_ms,
    struct tail_ask *ret)
{
	const struct box *b = &t->box[box];
	uint32_t n;

	*ret_at_ms = atomic_load(&b->at_ms);
	if (*ret_at_ms == 0)
		return false;
	do {
		n = seq_read_begin(&b->seq);
		*ret = b->ask;
	} while (seq_read_retry(&b->seq, n));
	return !seq_is_torn(n);
}

static bool
read_facts(const struct place *p, struct tail_facts *ret)
{
	uint32_t n;

	if (!atomic_load(&p->used))
		return false;
	do {
		n = seq_read_begin(&p->seq);
		*ret = p->facts;
	} while (seq_read_retry(&p->seq, n));
	return !seq_is_torn(n);
}

bool
tail_find(const struct tail *t, const struct tail_key *key,
    struct tail_facts *ret, size_t *ret_place)
{
	for (size_t i = 0; i < t->places; i++)
		/* a first look without a copy: the id is one word */
		if (t->place[i].facts.key.id == key->id &&
		    read_facts(&t->place[i], ret) &&
		    tail_same_key(&ret->key, key)) {
			*ret_place = i;
			return true;
		}
	return false;
}

bool
tail_lines(const struct tail *t, size_t place, const struct tail_facts *facts,
    struct tail_copy *ret)
{
	const struct place *p = &t->place[place];
	struct tail_facts now;

	/* the place may be another driver's by the time all is copied */
	return tail_ring_copy(&p->floor, t->bytes + place * t->size, t->size,
	    &facts->span, ret) && read_facts(p, &now) &&
	    tail_same_key(&now.key, &facts->key);
}

bool
tail_adopt(struct tail *t, size_t place, struct tail_facts *ret)
{
	struct place *p = &t->place[place];
	bool torn = atomic_load(&p->seq.n) & 1;

	seq_reset(&p->seq);
	if (torn)
		atomic_store(&p->used, 0);
	*ret = p->facts;
	return atomic_load(&p->used);
}

void
tail_publish(struct tail *t, size_t place, const struct tail_facts *facts)
{
	struct place *p = &t->place[place];

	seq_write_begin(&p->seq);
	p->facts = *facts;
	seq_write_end(&p->seq);
	atomic_store(&p->used, 1);
}

void
tail_writer(struct tail *t, size_t place, struct tail_writer *ret)
{
	*ret = (struct tail_writer){ .floor = &t->place[place].floor,
		.bytes = t->bytes + place * t->size, .size = t->size,
		.lines_max = t->lines };
}

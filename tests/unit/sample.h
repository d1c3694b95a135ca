/*
 * Applications for tests: an app, its strings and its view, made of an id
 * and a round so that a reader can tell whether what it got belongs
 * together.
 */
#ifndef SAMPLE_H
#define SAMPLE_H

#include "app.h"
#include "buf.h"
#include "cache.h"
#include "livy.h"

struct sample {
	struct app app;
	struct app_text text;
	struct livy_view view;
	struct buf part[4];
	char object[64], name[64], owner[64];
};

/* Fills s; long_by bytes make its log longer. Release with sample_release. */
static inline void
sample_init(struct sample *s, enum app_kind kind, int32_t id, unsigned round,
    size_t long_by)
{
	memset(s, 0, sizeof *s);
	for (int i = 0; i < 4; i++)
		buf_init(&s->part[i], 1 << 20);
	s->app.kind = kind;
	s->app.id = id;
	s->app.phase = PHASE_RUNNING;
	s->app.state = round % 2 ? LIVY_RUNNING : LIVY_STARTING;
	s->app.exit_code = (int32_t)round;
	snprintf(s->app.uid, sizeof s->app.uid, "uid-%d", (int)id);
	snprintf(s->object, sizeof s->object, "livy-gw-b-%d", (int)id);
	snprintf(s->name, sizeof s->name, "name %d", (int)id);
	snprintf(s->owner, sizeof s->owner, "owner %u", round);
	s->text.object = s->object;
	s->text.ns = "default";
	s->text.name = s->name;
	s->text.owner = s->owner;
	s->view = (struct livy_view){ &s->part[0], &s->part[1], &s->part[2],
		&s->part[3] };
	buf_addf(&s->part[0], "{\"id\":%d,\"r\":%u,\"state\":\"", (int)id,
	    round);
	buf_addf(&s->part[1], "\",\"r\":%u,\"log\":[", round);
	buf_addf(&s->part[2], "\"%u", round);
	for (size_t i = 0; i < long_by; i++)
		buf_addch(&s->part[2], (char)('a' + round % 26));
	buf_addstr(&s->part[2], "\"");
	buf_addf(&s->part[3], "],\"r\":%u}", round);
}

static inline void
sample_release(struct sample *s)
{
	for (int i = 0; i < 4; i++)
		buf_release(&s->part[i]);
}

#define AUTO_SAMPLE __attribute__((cleanup(sample_release)))

/* The view of such an application as a whole, appended. */
static inline void
sample_json(const struct sample *s, struct buf *out)
{
	buf_add(out, s->part[0].data, s->part[0].len);
	buf_addstr(out, livy_state_word(s->app.state));
	for (int i = 1; i < 4; i++)
		buf_add(out, s->part[i].data, s->part[i].len);
}

#endif

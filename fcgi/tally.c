#include "config.h"

#include "tally.h"

#include <json-c/json.h>

#include "app.h"
#include "conf.h"

/* Where a hash is, or would be; NULL if all places are taken by others. */
static const struct tally_count *
place_of(const struct tally_count *counts, uint32_t hash)
{
	const struct tally_count *c;

	for (uint32_t i = 0; i < TALLY_MAX; i++) {
		c = &counts[(hash + i) % TALLY_MAX];
		if (c->under_way == 0 || c->hash == hash)
			return c;
	}
	return NULL;
}

static int64_t
any_if_0(int64_t limit)
{
	return limit == 0 ? INT64_MAX : limit;
}

static int64_t
team_most(const struct conf *conf, uint32_t team)
{
	if (team == 0)
		return INT64_MAX;
	json_object_object_foreach(conf->admission_team_limits, name, limit)
		if (app_hash(name) == team)
			return any_if_0(json_object_get_int64(limit));
	return any_if_0(conf->admission_team_limit);
}

static int64_t
ns_most(const struct conf *conf)
{
	return any_if_0(conf->admission_limit);
}

void
tally_begin(struct tally *t, const struct conf *conf)
{
	memset(t, 0, sizeof *t);
	t->conf = conf;
}

static void
count(struct tally_count *counts, uint32_t hash)
{
	const struct tally_count *c = place_of(counts, hash);

	if (!c)
		return;
	counts[c - counts].hash = hash;
	counts[c - counts].under_way++;
}

static void
count_waiting(struct tally *t, uint32_t ns, uint32_t team)
{
	struct tally_pair *p;

	for (uint32_t i = 0; i < TALLY_MAX; i++) {
		p = &t->pair[(ns + team + i) % TALLY_MAX];
		if (p->waiting > 0 && (p->ns != ns || p->team != team))
			continue;
		p->ns = ns;
		p->team = team;
		p->waiting++;
		return;
	}
	t->left_out++;
}

void
tally_add(struct tally *t, uint32_t ns, uint32_t team, bool waits)
{
	if (waits) {
		count_waiting(t, ns, team);
		return;
	}
	count(t->ns, ns);
	if (team != 0)
		count(t->team, team);
}

/* A hash that found no place has no room: it waits until others are gone. */
static int64_t
room_of(const struct tally_count *counts, uint32_t hash, int64_t most)
{
	const struct tally_count *c = place_of(counts, hash);

	if (most == INT64_MAX)
		return INT64_MAX;
	return c ? most - c->under_way : 0;
}

struct tally_room
tally_room(const struct tally *t, uint32_t ns, uint32_t team)
{
	struct tally_room r = { .ns_most = ns_most(t->conf),
		.team_most = team_most(t->conf, team) };

	r.ns = room_of(t->ns, ns, r.ns_most);
	r.team = room_of(t->team, team, r.team_most);
	return r;
}

bool
tally_may_go(const struct tally *t, uint32_t ns, uint32_t team)
{
	struct tally_room r = tally_room(t, ns, team);

	return r.ns > 0 && r.team > 0;
}

bool
tally_may_begin(const struct tally *t, uint32_t ns, uint32_t team)
{
	struct tally_room r = tally_room(t, ns, team);
	const struct tally_pair *p = t->pair;

	if (r.ns <= 0 || r.team <= 0)
		return false;
	if (r.ns_most == INT64_MAX && r.team_most == INT64_MAX)
		return true;
	if (t->left_out > 0)	/* one of those may go before it */
		return false;
	for (; p < t->pair + TALLY_MAX; p++)
		if (p->waiting > 0 &&
		    ((p->ns == ns && r.ns_most != INT64_MAX) ||
		    (p->team == team && r.team_most != INT64_MAX)) &&
		    tally_may_go(t, p->ns, p->team))
			return false;
	return true;
}

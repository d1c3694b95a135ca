/*
 * Counts for admission: how many applications are under way in each namespace
 * and for each team, which of them wait, and whether there is room for one
 * more. Namespaces and teams are told apart by app_hash; team 0 = none, which
 * has no limit. Pure: admit.c fills it.
 */
#ifndef TALLY_H
#define TALLY_H

#include "defs.h"

struct conf;

#define TALLY_MAX 1024	/* teams, and pairs that wait; a power of two */

struct tally_count {
	uint32_t hash;
	uint32_t under_way;	/* 0 = a free place */
};

/* Those that wait in one namespace for one team. */
struct tally_pair {
	uint32_t ns, team;
	uint32_t waiting;	/* 0 = a free place */
};

struct tally {
	const struct conf *conf;
	struct tally_count ns[TALLY_MAX], team[TALLY_MAX];
	struct tally_pair pair[TALLY_MAX];
	int64_t left_out;	/* that wait and found no place */
};

/* Room for one more and how many may be under way; INT64_MAX = any. */
struct tally_room {
	int64_t ns, team;
	int64_t ns_most, team_most;
};

void tally_begin(struct tally *t, const struct conf *conf);
void tally_add(struct tally *t, uint32_t ns, uint32_t team, bool waits);
struct tally_room tally_room(const struct tally *t, uint32_t ns,
    uint32_t team);
/* Whether one that waits there could go. */
bool tally_may_go(const struct tally *t, uint32_t ns, uint32_t team);
/*
 * The same for one that is new: those that wait, could go and would take the
 * room of the same namespace or team go before it.
 */
bool tally_may_begin(const struct tally *t, uint32_t ns, uint32_t team);

#endif

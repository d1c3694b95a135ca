#include "config.h"

#include "leader.h"

#include <signal.h>

#include "audit.h"
#include "buf.h"
#include "cache.h"
#include "chore.h"
#include "conf.h"
#include "err.h"
#include "feed.h"
#include "gw.h"
#include "lease.h"
#include "log.h"
#include "num.h"
#include "own.h"
#include "settle.h"
#include "slots.h"
#include "statement_kept.h"
#include "tail.h"

#define LOOK_MS 250	/* how often the cache is looked at */
#define ROUND 64	/* acts of one look, then the cache is read again */
#define SORE_MAX 256	/* failed acts that are remembered */
#define SORE_FIRST_MS 1000
#define STUCK_MS (4 * SORE_FIRST_MS)	/* three failures in a row */
#define SORE_LONGEST_MS 60000
#define REASON_BYTES 4096

/* In the order in which an application is shown to them. */
static const struct chore *const table[] = {
	/* these speak for none */
	&chore_agent, &chore_keep, &chore_mark, &chore_session, &chore_ready,
	&chore_retire, &chore_fail, &chore_admit, &chore_sweep,
};

struct due {
	const struct chore *chore;
	enum app_kind kind;
	int32_t id;		/* -1 = no application */
};

/* What failed is not tried at each look, nor does it stand before others. */
struct sore {
	struct due due;		/* chore NULL = free */
	int64_t wait_ms;
	int64_t until_ms;	/* monotonic */
};

struct chores {
	struct gw *gw;
	struct lease lease;
	struct due due[ROUND];
	size_t count;
	struct sore sore[SORE_MAX];
	int64_t now_ms;		/* epoch, of this look */
	int64_t idle_ms;	/* monotonic: since when nothing was due */
	int64_t warned_ms;
};

static volatile sig_atomic_t stopped;

static void
on_signal(int sig UNUSED)
{
	stopped = 1;
}

struct gw *
chore_gw(const struct chores *due)
{
	return due->gw;
}

int64_t
chore_now(const struct chores *due)
{
	return due->now_ms;
}

static bool
same(const struct due *a, const struct due *b)
{
	return a->chore == b->chore && a->kind == b->kind && a->id == b->id;
}

static struct sore *
sore_of(struct chores *l, const struct due *d)
{
	for (size_t i = 0; i < SORE_MAX; i++)
		if (same(&l->sore[i].due, d))
			return &l->sore[i];
	return NULL;
}

void
chore_add(struct chores *l, const struct chore *chore,
    const struct app *app_or_null)
{
	struct due d = { .chore = chore, .id = -1 };
	const struct sore *sore;

	if (app_or_null) {
		d.kind = app_or_null->kind;
		d.id = app_or_null->id;
	}
	sore = sore_of(l, &d);
	if (l->count < ROUND && (!sore || num_mono_ms() >= sore->until_ms))
		l->due[l->count++] = d;
}

bool
chore_is_stuck(struct chores *l, const struct chore *chore,
    const struct app *app)
{
	struct due d = { .chore = chore, .kind = app->kind, .id = app->id };
	const struct sore *sore = sore_of(l, &d);

	return sore && sore->wait_ms >= STUCK_MS &&
	    num_mono_ms() < sore->until_ms;
}

/* Each time twice as long; the one that is due next makes room. */
static void
sore_note(struct chores *l, const struct due *d, enum chore_end end)
{
	struct sore *s = sore_of(l, d), *oldest = l->sore;

	if (end != CHORE_FAILED) {
		if (s)
			*s = (struct sore){ 0 };
		return;
	}
	for (size_t i = 0; !s && i < SORE_MAX; i++)
		if (l->sore[i].until_ms < oldest->until_ms)
			oldest = &l->sore[i];
	if (!s) {
		s = oldest;
		*s = (struct sore){ .due = *d };
	}
	s->wait_ms = s->wait_ms ? s->wait_ms * 2 : SORE_FIRST_MS;
	if (s->wait_ms > SORE_LONGEST_MS)
		s->wait_ms = SORE_LONGEST_MS;
	s->until_ms = num_mono_ms() + s->wait_ms;
}

static bool
show(void *arg, const struct app *app)
{
	struct chores *l = arg;

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i]->look && table[i]->look(l, app))
			break;
	return true;
}

/*
 * All that is due now, sessions first: somebody waits for them. A look that
 * did not see all decides nothing: what it missed would be taken as gone.
 */
static void
look_for_chores(struct chores *l)
{
	l->count = 0;
	l->now_ms = num_wall_ms();
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i]->begin)
			table[i]->begin(l);
	if (!cache_each(l->gw->cache, APP_SESSION, show, l) ||
	    !cache_each(l->gw->cache, APP_BATCH, show, l)) {
		l->count = 0;
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i]->end)
			table[i]->end(l);
}

/* One act, on what the cache says now. */
static bool
do_one(struct chores *l, const struct due *d, struct err *err)
{
	AUTO_BUF struct buf reason = BUF_INIT(REASON_BYTES);
	AUTO_VIEW struct cache_view v = CACHE_VIEW_INIT;
	enum chore_end end = CHORE_NOTHING;

	if (d->id < 0)
		end = d->chore->act(l->gw, NULL, &reason, err);
	else if (cache_get(l->gw->cache, d->kind, d->id, &v) == CACHE_FOUND)
		end = d->chore->act(l->gw, &v, &reason, err);
	sore_note(l, d, end);
	if (end == CHORE_DONE && d->id >= 0)
		audit_write(&(struct audit){ .step = d->chore->step,
		    .kind = d->kind, .id = d->id,
		    .reason = reason.len ? reason.data : NULL });
	return end != CHORE_FAILED;
}

static void
warn(struct chores *l, const struct err *err)
{
	int64_t now = num_mono_ms();

	if (l->warned_ms && now - l->warned_ms < 60000)
		return;
	l->warned_ms = now;
	log_warn("chores have to wait: %s", err->msg);
}

static void
round_of(struct chores *l)
{
	struct cache_health health;
	struct err err = ERR_INIT;
	bool held = false;

	cache_health(l->gw->cache, &health);
	if (!health.synced)
		return;
	look_for_chores(l);
	if (l->count > 0)
		l->idle_ms = num_mono_ms();
	else if (l->lease.held_ms && num_mono_ms() - l->idle_ms >
	    LEASE_IDLE_MS)
		lease_release(l->gw, &l->lease);
	if (l->count == 0)
		return;
	if (!lease_hold(l->gw, &l->lease, &held, &err)) {
		warn(l, &err);
		return;
	}
	for (size_t i = 0; !held && i < l->count; i++)
		if (l->due[i].chore->elsewhere)
			l->due[i].chore->elsewhere(l->gw);
	for (size_t i = 0; held && !stopped && i < l->count; i++) {
		if (!lease_is_ours(&l->lease))
			return;
		err = (struct err)ERR_INIT;
		if (!do_one(l, &l->due[i], &err))
			warn(l, &err);
	}
}

void
leader_main(struct gw *gw)
{
	const struct timespec pause = { .tv_nsec = LOOK_MS * 1000000L };
	struct chores l = { .gw = gw };
	struct statement_keeper keeper = { 0 };

	log_role("leader");
	signal(SIGTERM, on_signal);
	signal(SIGPIPE, SIG_IGN);
	gw->own = own_open(gw->own_mem, gw->slots->count);
	gw->cache = cache_open(gw->cache_mem, gw->own);
	gw->feed = feed_open(gw->feed_mem, gw->feed_poke);
	gw->tail = tail_open(gw->tail_mem, gw->tail_fd);
	gw->kube = gw_client(gw);
	if (!audit_open(gw->conf))
		log_error("cannot open the audit log '%s'",
		    gw->conf->audit_log);
	lease_init(&l.lease, gw->replica);
	while (!stopped) {
		round_of(&l);
		/* what this replica knows nobody else may: with no lease */
		statement_keep(gw, &keeper);
		settle_made_again(gw);
		if (!stopped)
			nanosleep(&pause, NULL);
	}
	lease_release(gw, &l.lease);
	exit(0);
}

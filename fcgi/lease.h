/*
 * The Lease "livy-<gateway>-leader" of the home namespace: which replica
 * does the chores. Held only while there is something to do, so a gateway at
 * rest makes no call. Rules as in client-go: a holder is gone when its Lease
 * has not changed for its duration by our own clock. The identity is that of
 * the replica, so a new leader process goes on with the Lease of the one
 * before it. Used by the leader process alone.
 */
#ifndef LEASE_H
#define LEASE_H

#include "defs.h"

struct err;
struct gw;

#define LEASE_S 15	/* how long a silent holder is believed */
#define LEASE_RENEW_MS 5000
#define LEASE_IDLE_MS 4000	/* + LEASE_RENEW_MS: while it is still ours */
#define LEASE_LOOK_MS 1500	/* how often another's is looked at */

struct lease {
	char me[128];		/* our identity: see lease_replica */
	char holder[128];	/* as last seen; "" = nobody */
	char rv[64];
	char renewed[40];	/* renewTime as last seen */
	int64_t changed_ms;	/* monotonic: when we saw that change */
	int64_t held_ms;	/* monotonic: our last renewal; 0 = not ours */
	int64_t asked_ms;	/* monotonic: our last look at another's */
	int64_t transitions;
};

/*
 * Host, pid of the master, its start and chance: the same for all that this
 * master starts, and for no other one.
 */
void lease_replica(char *ret, size_t size);
void lease_init(struct lease *l, const char *replica);
/*
 * Takes or renews it, where that is due. True with *ret_held: false means
 * that another replica holds it. False when the API cannot be asked.
 */
bool lease_hold(struct gw *gw, struct lease *l, bool *ret_held,
    struct err *err) MUST_CHECK;
/* Whether our last renewal is recent enough to act on. */
bool lease_is_ours(const struct lease *l);
/* Gives it back, so that another need not wait for its end. */
void lease_release(struct gw *gw, struct lease *l);

#endif

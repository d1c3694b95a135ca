/*
 * The feed's writer, the feeder's alone: one process, which fills a fresh
 * arena after each start while readers still see what the last one knew.
 * When code and outputs pass their room, the oldest ones that are over go;
 * readers then fetch them from the agent.
 */
#ifndef FEED_WRITE_H
#define FEED_WRITE_H

#include "agent_say.h"
#include "defs.h"

struct feed_writer;

struct feed_writer *feed_writer_new(void *mem);
void feed_writer_free(struct feed_writer *w);

/*
 * What the agent of a session said: its state and all statements that have
 * changed. False if there is no room for one more session.
 */
bool feed_put(struct feed_writer *w, int32_t id, const char *uid,
    const struct agent_state *say) MUST_CHECK;
/* A state that the feeder concludes itself, statements stay as they are. */
void feed_put_state(struct feed_writer *w, int32_t id, enum livy_state state,
    const char *reason);
/* A statement that was fetched by itself: its code and output. */
void feed_put_statement(struct feed_writer *w, int32_t id,
    const struct statement *s);
void feed_remove(struct feed_writer *w, int32_t id);
/*
 * The newest statement whose code, or whose output though it is over and
 * short enough to be kept, is missing and was not asked for yet; -1 = none.
 */
int32_t feed_missing(const struct feed_writer *w, int32_t id);
/*
 * It is being asked for: that is done once as it waits or runs, and once when
 * it is over. Whatever came of it, nobody waits for it any longer then.
 */
void feed_fetch_begin(struct feed_writer *w, int32_t id, int32_t sid);
void feed_fetch_over(struct feed_writer *w, int32_t id, int32_t sid);

/* Every session there is has been put: the last feeder's arena may go. */
void feed_complete(struct feed_writer *w);

#endif

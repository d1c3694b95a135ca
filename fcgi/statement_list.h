/*
 * Statements as Livy lists them: a page of what the feed knows, of what an
 * agent answered, or of what was kept when the session ended.
 */
#ifndef STATEMENT_LIST_H
#define STATEMENT_LIST_H

#include "agent_say.h"
#include "defs.h"

struct buf;
struct err;
struct feed;
struct request;

/* What is asked for: [from, from+size) in this order. */
struct statement_page {
	int64_t from, size;
	bool desc;
};
bool statement_page_read(const struct request *rq, struct statement_page *ret,
    struct err *err) MUST_CHECK;

/*
 * A statement of a session that is over: what still ran then never ends, and
 * what was not kept never comes. Clients who wait for it must learn that.
 * text keeps the words.
 */
void statement_end(const struct app *app, struct statement *s,
    struct buf *text);

/*
 * {"total_statements":…,"statements":[…]} from the feed; false if it does
 * not have all of it, though the driver does.
 */
bool statement_list_feed(struct feed *feed, const struct app *app,
    const struct statement_page *p, struct buf *out) MUST_CHECK;
/*
 * The same from a text of that form that somebody else made: read statement
 * by statement and written anew, cut to the page unless it is NULL.
 */
bool statement_list_text(const char *text, size_t len,
    const struct statement_page *p, struct buf *out) MUST_CHECK;
/* One statement of such a text, its code and output lent. */
bool statement_list_find(const char *text, size_t len, int32_t sid,
    struct statement *ret) MUST_CHECK;

/*
 * All that the feed has of a session that is over, the newest ones as far as
 * they have room in limit bytes; false if that is nothing.
 */
bool statement_list_kept(struct feed *feed, const struct app *app,
    size_t limit, struct buf *out) MUST_CHECK;

#endif

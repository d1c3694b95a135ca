/*
 * The table behind the configuration: one row a setting. conf.c reads by it,
 * conf_print_defaults and the checks of sample and man page follow it.
 */
#ifndef CONF_TABLE_H
#define CONF_TABLE_H

#include "buf.h"
#include "defs.h"

struct conf;

enum conf_type {
	CONF_TEXT,
	CONF_PATH,		/* relative: to the folder of the file */
	CONF_COUNT,
	CONF_DURATION,		/* "30s", kept in milliseconds */
	CONF_SECONDS,		/* "5m", kept in seconds */
	CONF_SIZE,		/* "4m", kept in bytes */
	CONF_MODE,		/* "0660" */
	CONF_BOOL,
	CONF_WORD,		/* one of words, kept as its place among them */
	CONF_LIST,		/* of texts */
	CONF_VARS,		/* list of pairs, kept as a JSON object */
	CONF_LIMITS,		/* pairs of a name and a number, the same */
	CONF_RULES,		/* list of groups, kept by conf_choose.c */
};

struct conf_row {
	const char *name;	/* "group.setting", or "setting" alone */
	enum conf_type type;
	size_t offset;		/* of its field in struct conf */
	const char *fallback;	/* a CONF_LIST: its one item, "" = none */
	int64_t min, max;	/* of numbers in the unit kept; of lists */
	const char *const *words;	/* of a CONF_WORD, NULL at the end */
	/* What is wrong with a text or an item, NULL if nothing is. */
	const char *(*check)(const char *text);
	const char *why;	/* one line */
	const char *example;	/* more lines, indented as they are; or NULL */
};

extern const struct conf_row conf_table[];
extern const size_t conf_table_rows;

/* The field of a row. */
void *conf_field(struct conf *conf, const struct conf_row *row);
/* How a row's type is written: "a time in quotes, such as \"30s\"". */
const char *conf_form(const struct conf_row *row);
/* Appends a number of a row's unit as one would write it: 30s, 4m, 0660. */
void conf_add_number(struct buf *b, const struct conf_row *row, int64_t n);
/* Reads such a number; false if text is not one. */
bool conf_number(const struct conf_row *row, const char *text, int64_t *ret)
    MUST_CHECK;

#endif

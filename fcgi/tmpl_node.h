/*
 * A template's tree as it was read, with file and line of every value, kept
 * apart from libconfig so that a template can extend another: trees are
 * merged before anything is rendered. For tmpl*.c. Pure.
 */
#ifndef TMPL_NODE_H
#define TMPL_NODE_H

#include "defs.h"

struct cfg_errors;
struct config_setting_t;

enum tnode_kind {
	TNODE_GROUP,	/* items have names */
	TNODE_LIST,	/* items have none */
	TNODE_MAP,	/* a list with pairs: their names, or NULL: to spread */
	TNODE_TEXT, TNODE_INT, TNODE_FLOAT, TNODE_BOOL,
};

struct tnode {
	enum tnode_kind kind;
	char *name;		/* of a group's member, a pair's key */
	char *label;		/* the setting it is or is in, for messages */
	char *file;
	unsigned line;
	char *text;
	int64_t number;		/* of an integer, a boolean */
	double real;
	struct tnode **items;
	size_t count;
};

/* path: the file of settings that no include brought. */
struct tnode *tnode_new(const char *path, struct config_setting_t *s,
    struct cfg_errors *errors);
void tnode_free(struct tnode *n);
void auto_tnode(struct tnode **n);
#define AUTO_TNODE __attribute__((cleanup(auto_tnode)))

/* A path without its folder, which is nothing to tell clients. */
const char *tnode_file_name(const char *path);
struct tnode *tnode_member(const struct tnode *n, const char *name);
/* By names with dots between. */
struct tnode *tnode_find(const struct tnode *n, const char *path);
/* The same, taken out of its group; NULL if it is not there. */
struct tnode *tnode_take(struct tnode *n, const char *name);

/*
 * What a template that extends another makes of it. Takes both.
 *	groups	member by member
 *	maps	pair by pair: a new value keeps the place of the old, new
 *		keys come last; a map that spreads something replaces
 *	lists	of groups that have a mountPath or a name: by that; other
 *		lists replace
 *	else	the new value replaces the old
 * "${inherited}" stands for the old value, or its items, in the new one.
 */
struct tnode *tnode_merge(struct tnode *old, struct tnode *new);
bool tnode_is_inherited(const struct tnode *n);

#endif

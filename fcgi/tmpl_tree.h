/*
 * A template's tree -> a JSON tree: group -> object, list -> array, map ->
 * object with free keys; placeholders in texts are replaced and never parsed
 * again. For tmpl.c, and for conf.c (literal values, no placeholders). Pure.
 */
#ifndef TMPL_TREE_H
#define TMPL_TREE_H

#include <json-c/json.h>

#include "defs.h"

struct cfg_errors;
struct config_setting_t;
struct err;
struct tnode;

#define TMPL_NAME_MAX 64	/* bytes of a variable's name */
#define TMPL_TEXT_MAX (1 << 20)	/* bytes that a text may become */

struct tmpl_tree {
	json_object *vars;	/* null or absent = unset, */
	json_object *defaults;	/* then this one's; both may be NULL */
	bool literal;		/* texts stay as they are */
	/*
	 * What decided each value, if it is asked for: trace gets, by the
	 * path of a field, {"at": "FILE:LINE", "by": words}; origins says
	 * where each variable is from, default_origins each default.
	 */
	json_object *trace, *origins, *default_origins;
};

/* Whether text is a variable's name: a letter, then letters, digits, '_'. */
bool tmpl_is_name(const char *text, size_t len);

/*
 * Checks what does not depend on values: lists of pairs, the form of
 * placeholders, none in keys. known NULL = any name will do; else each must
 * be a member of it or of defaults.
 */
void tmpl_tree_check(const struct tmpl_tree *t, const struct tnode *n,
    json_object *known, struct cfg_errors *errors);

/*
 * Renders n; *ret_new is NULL if it is a lone placeholder without value or a
 * group whose condition does not hold.
 */
bool tmpl_tree_render(const struct tmpl_tree *t, const struct tnode *n,
    json_object **ret_new, struct err *err) MUST_CHECK;

/* The same with each text as it stands. */
bool tmpl_tree_literal(const char *path, struct config_setting_t *s,
    json_object **ret_new, struct err *err) MUST_CHECK;

#endif

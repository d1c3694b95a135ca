/*
 * A libconfig tree -> a JSON tree, the heart of a template: group -> object,
 * array and list -> array, list of pairs -> map with free keys; placeholders
 * in texts are replaced and never parsed again. For tmpl.c, and for conf.c
 * (literal values, no placeholders). Pure.
 */
#ifndef TMPL_TREE_H
#define TMPL_TREE_H

#include <json-c/json.h>

#include "defs.h"

struct cfg_errors;
struct config_setting_t;
struct err;

#define TMPL_NAME_MAX 64	/* bytes of a variable's name */
#define TMPL_TEXT_MAX (1 << 20)	/* bytes that a text may become */

struct tmpl_tree {
	const char *path;	/* of the template, for messages */
	json_object *vars;	/* null or absent = unset, */
	json_object *defaults;	/* then this one's; both may be NULL */
	bool literal;		/* texts stay as they are */
};

/* Whether text is a variable's name: a letter, then letters, digits, '_'. */
bool tmpl_is_name(const char *text, size_t len);

/*
 * Checks what does not depend on values: lists of pairs, the form of
 * placeholders, none in keys. known NULL = any name will do; else each must
 * be a member of it or of defaults.
 */
void tmpl_tree_check(const struct tmpl_tree *t, struct config_setting_t *s,
    json_object *known, struct cfg_errors *errors);

/* Renders s; *ret_new is NULL if it is a lone placeholder without value. */
bool tmpl_tree_render(const struct tmpl_tree *t, struct config_setting_t *s,
    json_object **ret_new, struct err *err) MUST_CHECK;

/* The same with each text as it stands. */
bool tmpl_tree_literal(const char *path, struct config_setting_t *s,
    json_object **ret_new, struct err *err) MUST_CHECK;

#endif

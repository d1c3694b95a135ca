/*
 * The policy of a template: which conf keys clients may set, which become
 * variables, which Secrets they may name. For tmpl.c. Pure.
 */
#ifndef TMPL_POLICY_H
#define TMPL_POLICY_H

#include <json-c/json.h>

#include "defs.h"

struct cfg_errors;
struct err;
struct tnode;

/* Lists lent from the template's tree; NULL = there is no such list. */
struct tmpl_policy {
	const struct tnode *refused, *allowed;
	const struct tnode *secret_conf; /* that only looks like a secret */
	const struct tnode *secrets;	/* names of Secrets */
	const struct tnode *lift;	/* (key, variable[, type]) */
	const struct tnode *newer;	/* fields that crd.h knows not yet */
};

/* Finds and checks the lists of a policy. */
void tmpl_policy_read(struct tmpl_policy *p, const struct tnode *policy,
    struct cfg_errors *errors);

bool tmpl_policy_allows(const struct tmpl_policy *p, const char *key);
/* Whether a list of patterns has one for this word. NULL has none. */
bool tmpl_policy_matches(const struct tnode *patterns, const char *word);

bool tmpl_policy_take(const struct tmpl_policy *p, json_object *vars,
    struct err *err) MUST_CHECK;

/* Adds each variable that is lifted, null, or with a value of its type. */
void tmpl_policy_known(const struct tmpl_policy *p, bool set,
    json_object *vars);

#endif

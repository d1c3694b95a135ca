/*
 * templates.choose: the rules by which a request gets a template of its own.
 * For conf.c, which reads them, and for what reads requests and renders.
 */
#ifndef CONF_CHOOSE_H
#define CONF_CHOOSE_H

#include "conf.h"

struct buf;
struct config_setting_t;
struct err;
struct tmpl;

/* Who asks, as nginx vouches for it; "" = nobody, no teams. */
struct asker {
	const char *user;
	const char *teams;	/* the list of LIVY_GROUPS: "data,ml" */
};

/*
 * A rule: what is NULL or empty does not matter. A pattern's last character
 * can be '*'; of a list one must fit.
 */
struct conf_choice {
	enum app_kind kind;
	struct conf_list user, team, queue;	/* patterns */
	char *conf_key;
	char *conf_value;	/* a pattern; NULL = whatever it is */
	char *file;		/* of the template */
	unsigned line;		/* of the rule */
	struct tmpl *template;
};

/* Reads the rules into conf. */
void conf_choose_read(struct conf *conf, const char *path,
    struct config_setting_t *list, struct cfg_errors *errors);
void conf_choose_free(struct conf *conf);
/* Adds a line for each rule that never counts. */
void conf_choose_warn(const struct conf *conf, struct buf *warnings);

/*
 * Decides which template a request gets, notes its file's name as the
 * variable "template", the rule that chose it (its line and text, unset
 * where none did) as "rule" and the asker's team, the one that the rule asked
 * for or else the first, as "team", and applies the template's policy to the request's conf
 * (see tmpl_take_conf): 400 for what it refuses. by NULL: nobody.
 */
bool conf_policy(const struct conf *conf, enum app_kind kind,
    const struct asker *by, json_object *vars, struct err *err) MUST_CHECK;
/* The template that was decided on; the kind's own if none was. */
const struct tmpl *conf_chosen(const struct conf *conf, enum app_kind kind,
    json_object *vars);

#endif

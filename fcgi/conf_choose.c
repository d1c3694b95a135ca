#include "config.h"

#include "conf_choose.h"

#include <libconfig.h>

#include "buf.h"
#include "cfg.h"
#include "conf.h"
#include "jv.h"
#include "tmpl.h"

#define CHOICES_MAX 64

static bool
read_kind(struct conf_choice *c, const char *text)
{
	for (int kind = 0; kind < APP_KINDS; kind++)
		if (strcmp(text, app_kind_word((enum app_kind)kind)) == 0) {
			c->kind = (enum app_kind)kind;
			return true;
		}
	return false;
}

static void
read_conf(struct conf_choice *c, const char *text)
{
	const char *equals = strchr(text, '=');

	c->conf_key = equals ? mem_strndup(text, (size_t)(equals - text)) :
	    mem_strdup(text);
	if (equals)
		c->conf_value = mem_strdup(equals + 1);
}

/* One "name = text" of a rule; NULL or what is wrong with it. */
static const char *
read_member(struct conf_choice *c, const char *name, const char *text)
{
	if (!text || !*text)
		return "must be a text";
	if (strcmp(name, "kind") == 0)
		return read_kind(c, text) ? NULL :
		    "must be \"batch\" or \"session\"";
	if (strcmp(name, "queue") == 0)
		c->queue = mem_strdup(text);
	else if (strcmp(name, "conf") == 0)
		read_conf(c, text);
	else if (strcmp(name, "template") == 0)
		c->file = mem_strdup(text);
	else
		return "is unknown (there are kind, queue, conf, template)";
	return NULL;
}

static void
read_rule(struct conf_choice *c, const char *path, config_setting_t *rule,
    struct cfg_errors *errors)
{
	config_setting_t *s;
	const char *wrong;

	c->line = config_setting_source_line(rule);
	if (!config_setting_is_group(rule)) {
		cfg_error(errors, path, c->line, "templates.choose must be a "
		    "list of { kind = \"batch\"; queue = \"...\"; template = "
		    "\"...\"; }");
		return;
	}
	for (int i = 0; i < config_setting_length(rule); i++) {
		s = config_setting_get_elem(rule, (unsigned)i);
		wrong = read_member(c, config_setting_name(s),
		    config_setting_get_string(s));
		if (wrong)
			cfg_error(errors, path, config_setting_source_line(s),
			    "templates.choose: %s %s", config_setting_name(s),
			    wrong);
	}
	if (!config_setting_get_member(rule, "kind") || !c->file)
		cfg_error(errors, path, c->line,
		    "templates.choose: a rule needs a kind and a template");
}

void
conf_choose_read(struct conf *conf, const char *path, config_setting_t *list,
    struct cfg_errors *errors)
{
	int count = config_setting_length(list);

	if (count > CHOICES_MAX) {
		cfg_error(errors, path, config_setting_source_line(list),
		    "templates.choose has %d rules, must have 0 to %d", count,
		    CHOICES_MAX);
		return;
	}
	conf_choose_free(conf);
	conf->choices = mem_alloc(((size_t)count + 1) *
	    sizeof *conf->choices);
	for (int i = 0; i < count; i++)
		read_rule(&conf->choices[conf->choices_count++], path,
		    config_setting_get_elem(list, (unsigned)i), errors);
}

void
conf_choose_free(struct conf *conf)
{
	for (size_t i = 0; i < conf->choices_count; i++) {
		struct conf_choice *c = &conf->choices[i];

		free(c->queue);
		free(c->conf_key);
		free(c->conf_value);
		free(c->file);
		tmpl_free(c->template);
	}
	free(conf->choices);
	conf->choices = NULL;
	conf->choices_count = 0;
}

static bool
fits(const char *pattern, const char *text)
{
	size_t len = strlen(pattern);

	if (!text)
		return false;
	if (len > 0 && pattern[len - 1] == '*')
		return strncmp(pattern, text, len - 1) == 0;
	return strcmp(pattern, text) == 0;
}

static bool
applies(const struct conf_choice *c, json_object *vars)
{
	json_object *map = jv_member(vars, "conf");

	if (c->queue && !fits(c->queue, jv_str(vars, "queue")))
		return false;
	if (!c->conf_key)
		return true;
	return jv_member(map, c->conf_key) && (!c->conf_value ||
	    fits(c->conf_value, jv_text(jv_member(map, c->conf_key))));
}

const struct tmpl *
conf_chosen(const struct conf *conf, enum app_kind kind, json_object *vars)
{
	const char *file = jv_str(vars, "template");

	for (size_t i = 0; file && i < conf->choices_count; i++)
		if (conf->choices[i].kind == kind &&
		    strcmp(conf->choices[i].file, file) == 0 &&
		    strcmp(conf->template_file[kind], file) != 0)
			return conf->choices[i].template;
	return conf->template[kind];
}

bool
conf_policy(const struct conf *conf, enum app_kind kind, json_object *vars,
    struct err *err)
{
	const char *file = conf->template_file[kind];
	const struct tmpl *t;

	for (size_t i = 0; i < conf->choices_count; i++)
		if (conf->choices[i].kind == kind &&
		    applies(&conf->choices[i], vars)) {
			file = conf->choices[i].file;
			break;
		}
	jv_set_str(vars, "template", file);
	t = conf_chosen(conf, kind, vars);
	return !t || tmpl_take_conf(t, vars, err);
}

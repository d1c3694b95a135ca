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

/* A team in LIVY_GROUPS ends at a comma, so none can hold one. */
static bool
is_team(const char *text)
{
	return !text[strcspn(text, ", \t")];
}

/* One "name = text" of a rule; NULL or what is wrong with it. */
static const char *
read_member(struct conf_choice *c, const char *name, const char *text)
{
	const struct {
		const char *name;
		char **field;
	} texts[] = {
		{ "user", &c->user }, { "team", &c->team },
		{ "queue", &c->queue }, { "template", &c->file },
	};

	if (!text || !*text)
		return "must be a text";
	if (strcmp(name, "kind") == 0)
		return read_kind(c, text) ? NULL :
		    "must be \"batch\" or \"session\"";
	if (strcmp(name, "team") == 0 && !is_team(text))
		return "must be one team, without blanks and commas";
	if (strcmp(name, "conf") == 0) {
		read_conf(c, text);
		return NULL;
	}
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (strcmp(name, texts[i].name) == 0) {
			*texts[i].field = mem_strdup(text);
			return NULL;
		}
	return "is unknown (there are kind, user, team, queue, conf, "
	    "template)";
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

		free(c->user);
		free(c->team);
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

/* Teams are told apart by commas, with blanks or without. */
static bool
has_team(const char *teams, const char *team)
{
	size_t len = strlen(team), n;

	for (; *teams; teams += n + (teams[n] != '\0')) {
		n = strcspn(teams, ", \t");
		if (n == len && memcmp(teams, team, n) == 0)
			return true;
	}
	return false;
}

static bool
asked_by(const struct conf_choice *c, const struct asker *by)
{
	return (!c->user || strcmp(c->user, by->user) == 0) &&
	    (!c->team || has_team(by->teams, c->team));
}

static bool
applies(const struct conf_choice *c, const struct asker *by,
    json_object *vars)
{
	json_object *map = jv_member(vars, "conf");

	if (!asked_by(c, by) ||
	    (c->queue && !fits(c->queue, jv_str(vars, "queue"))))
		return false;
	if (!c->conf_key)
		return true;
	return jv_member(map, c->conf_key) && (!c->conf_value ||
	    fits(c->conf_value, jv_text(jv_member(map, c->conf_key))));
}

/* Whether what fits b fits a, too; NULL fits all. */
static bool
covers(const char *a, const char *b, bool patterns)
{
	size_t len = b ? strlen(b) : 0;

	if (!a || !b)
		return !a;
	if (!patterns || len == 0 || b[len - 1] != '*')
		return patterns ? fits(a, b) : strcmp(a, b) == 0;
	/* "gpu-*" is in "gpu*", not the other way round */
	return a[strlen(a) - 1] == '*' && strncmp(a, b, strlen(a) - 1) == 0;
}

static bool
covered(const struct conf_choice *a, const struct conf_choice *b)
{
	return a->kind == b->kind && covers(a->user, b->user, false) &&
	    covers(a->team, b->team, false) &&
	    covers(a->queue, b->queue, true) &&
	    covers(a->conf_key, b->conf_key, false) &&
	    covers(a->conf_value, b->conf_value, true);
}

void
conf_choose_warn(const struct conf *conf, struct buf *warnings)
{
	const struct conf_choice *c = conf->choices, *before;

	for (size_t i = 0; i < conf->choices_count; i++) {
		if (conf->identity == IDENTITY_NONE && (c[i].user ||
		    c[i].team))
			buf_addf(warnings, "%s:%u: templates.choose: this "
			    "rule never counts: nobody signs in\n",
			    conf->path, c[i].line);
		for (before = c; before < c + i && !covered(before, c + i);)
			before++;
		if (before < c + i)
			buf_addf(warnings, "%s:%u: templates.choose: this "
			    "rule never counts: what fits it fits the one of "
			    "line %u\n", conf->path, c[i].line, before->line);
	}
}

static void
add_member(struct buf *b, const char *name, const char *text)
{
	if (text)
		buf_addf(b, "%s%s = \"%s\"", b->len > 0 ? ", " : "", name,
		    text);
}

/* "livy-fcgi.cfg:7: team = "data", queue = "gpu*"" */
static void
note_rule(const struct conf *conf, const struct conf_choice *c,
    json_object *vars)
{
	AUTO_BUF struct buf members = BUF_INIT(CFG_FILE_MAX);
	AUTO_BUF struct buf b = BUF_INIT(CFG_FILE_MAX);
	const char *file = strrchr(conf->path, '/');

	add_member(&members, "user", c->user);
	add_member(&members, "team", c->team);
	add_member(&members, "queue", c->queue);
	add_member(&members, "conf", c->conf_key);
	if (c->conf_value)
		buf_addf(&members, " = \"%s\"", c->conf_value);
	buf_addf(&b, "%s:%u: %s", file ? file + 1 : conf->path, c->line,
	    members.len > 0 ? members.data : "every request of its kind");
	jv_set_str(vars, "rule", b.data);
}

static void
note_team(const char *team, size_t len, json_object *vars)
{
	if (len > 0)
		json_object_object_add(vars, "team",
		    json_object_new_string_len(team, (int)len));
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

static const struct conf_choice *
choose(const struct conf *conf, enum app_kind kind, const struct asker *by,
    json_object *vars)
{
	for (size_t i = 0; i < conf->choices_count; i++)
		if (conf->choices[i].kind == kind &&
		    applies(&conf->choices[i], by, vars))
			return &conf->choices[i];
	return NULL;
}

bool
conf_policy(const struct conf *conf, enum app_kind kind,
    const struct asker *by, json_object *vars, struct err *err)
{
	static const struct asker nobody = { "", "" };
	const struct conf_choice *c;
	const struct tmpl *t;
	const char *teams;

	if (!by)
		by = &nobody;
	c = choose(conf, kind, by, vars);
	teams = by->teams + strspn(by->teams, ", \t");
	if (c && c->team)
		teams = c->team;
	note_team(teams, strcspn(teams, ", \t"), vars);
	jv_set_str(vars, "template", c ? c->file : conf->template_file[kind]);
	if (c)
		note_rule(conf, c, vars);
	t = conf_chosen(conf, kind, vars);
	return !t || tmpl_take_conf(t, vars, err);
}

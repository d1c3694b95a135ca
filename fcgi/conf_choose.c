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

/* A text or a list of them. */
static const char *
read_patterns(struct conf_list *to, const config_setting_t *s, bool teams)
{
	int count = config_setting_is_array(s) || config_setting_is_list(s) ?
	    config_setting_length(s) : -1;
	const char *text;

	for (int i = 0; i < (count < 0 ? 1 : count); i++) {
		text = count < 0 ? config_setting_get_string(s) :
		    config_setting_get_string_elem(s, i);
		if (!text || !*text)
			return "must be a text or a list of texts, such as "
			    "[ \"a\", \"b*\" ]";
		if (teams && !is_team(text))
			return "must be teams without blanks and commas, such "
			    "as [ \"a\", \"b*\" ]";
		conf_list_add(to, text);
	}
	return count == 0 ? "must not be empty" : NULL;
}

/* One "name = ..." of a rule; NULL or what is wrong with it. */
static const char *
read_member(struct conf_choice *c, const char *name, const config_setting_t *s)
{
	const struct {
		const char *name;
		struct conf_list *field;
	} lists[] = {
		{ "user", &c->user }, { "team", &c->team },
		{ "queue", &c->queue },
	};
	const char *text = config_setting_get_string(s);

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		if (strcmp(name, lists[i].name) == 0)
			return read_patterns(lists[i].field, s,
			    lists[i].field == &c->team);
	if (strcmp(name, "kind") != 0 && strcmp(name, "conf") != 0 &&
	    strcmp(name, "template") != 0)
		return "is unknown (there are kind, user, team, queue, conf, "
		    "template)";
	if (!text || !*text)
		return "must be a text";
	if (strcmp(name, "kind") == 0)
		return read_kind(c, text) ? NULL :
		    "must be \"batch\" or \"session\"";
	if (strcmp(name, "conf") == 0)
		read_conf(c, text);
	else
		c->file = mem_strdup(text);
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
		wrong = read_member(c, config_setting_name(s), s);
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

		conf_list_free(&c->user);
		conf_list_free(&c->team);
		conf_list_free(&c->queue);
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
fits_len(const char *pattern, const char *text, size_t len)
{
	size_t n = strlen(pattern);

	if (n > 0 && pattern[n - 1] == '*')
		return n - 1 <= len && memcmp(pattern, text, n - 1) == 0;
	return n == len && memcmp(pattern, text, n) == 0;
}

static bool
fits(const char *pattern, const char *text)
{
	return text && fits_len(pattern, text, strlen(text));
}

static bool
fits_any(const struct conf_list *patterns, const char *text, size_t len)
{
	for (size_t i = 0; i < patterns->count; i++)
		if (fits_len(patterns->items[i], text, len))
			return true;
	return false;
}

/*
 * The first of the teams that fits a pattern, or of all where there is none:
 * its length, 0 = no team does. Commas tell them apart, with blanks or not.
 */
static size_t
find_team(const char *teams, const struct conf_list *patterns,
    const char **ret)
{
	size_t n;

	for (; *teams; teams += n + (teams[n] != '\0')) {
		n = strcspn(teams, ", \t");
		if (n > 0 && (patterns->count == 0 ||
		    fits_any(patterns, teams, n))) {
			*ret = teams;
			return n;
		}
	}
	return 0;
}

/* Nobody fits no pattern. */
static bool
asked_by(const struct conf_choice *c, const struct asker *by)
{
	const char *team;

	return (c->user.count == 0 || (*by->user &&
	    fits_any(&c->user, by->user, strlen(by->user)))) &&
	    (c->team.count == 0 || find_team(by->teams, &c->team, &team) > 0);
}

static bool
applies(const struct conf_choice *c, const struct asker *by,
    json_object *vars)
{
	json_object *map = jv_member(vars, "conf");
	const char *queue = jv_str(vars, "queue");

	if (!asked_by(c, by) || (c->queue.count > 0 && (!queue ||
	    !fits_any(&c->queue, queue, strlen(queue)))))
		return false;
	if (!c->conf_key)
		return true;
	return jv_member(map, c->conf_key) && (!c->conf_value ||
	    fits(c->conf_value, jv_text(jv_member(map, c->conf_key))));
}

/* Whether what fits the pattern b fits a, too; NULL fits all. */
static bool
covers(const char *a, const char *b)
{
	size_t len = b ? strlen(b) : 0;

	if (!a || !b)
		return !a;
	if (len == 0 || b[len - 1] != '*')
		return fits(a, b);
	/* "gpu-*" is in "gpu*", not the other way round */
	len = strlen(a);
	return len > 0 && a[len - 1] == '*' && strncmp(a, b, len - 1) == 0;
}

/* Whether each of b is in one of a. */
static bool
covers_all(const struct conf_list *a, const struct conf_list *b)
{
	bool in = true;

	if (a->count == 0 || b->count == 0)
		return a->count == 0;
	for (size_t i = 0; i < b->count && in; i++) {
		in = false;
		for (size_t j = 0; j < a->count && !in; j++)
			in = covers(a->items[j], b->items[i]);
	}
	return in;
}

static bool
covered(const struct conf_choice *a, const struct conf_choice *b)
{
	return a->kind == b->kind && covers_all(&a->user, &b->user) &&
	    covers_all(&a->team, &b->team) &&
	    covers_all(&a->queue, &b->queue) &&
	    (!a->conf_key || (b->conf_key &&
	    strcmp(a->conf_key, b->conf_key) == 0)) &&
	    covers(a->conf_value, b->conf_value);
}

void
conf_choose_warn(const struct conf *conf, struct buf *warnings)
{
	const struct conf_choice *c = conf->choices, *before;

	for (size_t i = 0; i < conf->choices_count; i++) {
		if (conf->identity == IDENTITY_NONE && (c[i].user.count > 0
		    || c[i].team.count > 0))
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
add_member(struct buf *b, const char *name, const struct conf_list *texts)
{
	if (texts->count == 0)
		return;
	buf_addf(b, "%s%s = %s", b->len > 0 ? ", " : "", name,
	    texts->count > 1 ? "[ " : "");
	for (size_t i = 0; i < texts->count; i++)
		buf_addf(b, "%s\"%s\"", i > 0 ? ", " : "", texts->items[i]);
	if (texts->count > 1)
		buf_addstr(b, " ]");
}

/* "livy-fcgi.cfg:7: team = "data", queue = "gpu*"" */
static void
note_rule(const struct conf *conf, const struct conf_choice *c,
    json_object *vars)
{
	AUTO_BUF struct buf members = BUF_INIT(CFG_FILE_MAX);
	AUTO_BUF struct buf b = BUF_INIT(CFG_FILE_MAX);
	const char *file = strrchr(conf->path, '/');

	add_member(&members, "user", &c->user);
	add_member(&members, "team", &c->team);
	add_member(&members, "queue", &c->queue);
	if (c->conf_key)
		buf_addf(&members, "%sconf = \"%s\"",
		    members.len > 0 ? ", " : "", c->conf_key);
	if (c->conf_value)
		buf_addf(&members, " = \"%s\"", c->conf_value);
	buf_addf(&b, "%s:%u: %s", file ? file + 1 : conf->path, c->line,
	    members.len > 0 ? members.data : "every request of its kind");
	jv_set_str(vars, "rule", b.data);
}

/* The team that a rule asked for, or else the first. */
static void
note_team(const struct asker *by, const struct conf_choice *c,
    json_object *vars)
{
	static const struct conf_list any;
	const char *team = NULL;
	size_t len = find_team(by->teams, c ? &c->team : &any, &team);

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

	if (!by)
		by = &nobody;
	c = choose(conf, kind, by, vars);
	note_team(by, c, vars);
	jv_set_str(vars, "template", c ? c->file : conf->template_file[kind]);
	if (c)
		note_rule(conf, c, vars);
	t = conf_chosen(conf, kind, vars);
	return !t || tmpl_take_conf(t, vars, err);
}

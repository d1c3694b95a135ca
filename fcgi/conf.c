#include "config.h"

#include "conf.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

#include <libconfig.h>

#include "cfg.h"
#include "conf_choose.h"
#include "conf_table.h"
#include "jv.h"
#include "manifest.h"
#include "tmpl.h"
#include "tmpl_tree.h"

#define ROWS_MAX 128

struct load {
	struct conf *conf;
	const char *path;		/* as given, for messages */
	char *dir;			/* of the file, absolute */
	unsigned line[ROWS_MAX];	/* where a row was set; 0 = default */
	struct cfg_errors *errors;
};

static const struct conf_row *
find_row(const char *name)
{
	for (size_t i = 0; i < conf_table_rows; i++)
		if (strcmp(conf_table[i].name, name) == 0)
			return &conf_table[i];
	return NULL;
}

static unsigned
row_line(const struct load *l, const struct conf_row *row)
{
	return l->line[row - conf_table];
}

static bool
is_group(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < conf_table_rows; i++)
		if (strncmp(conf_table[i].name, name, n) == 0 &&
		    conf_table[i].name[n] == '.')
			return true;
	return false;
}

void
conf_list_free(struct conf_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct conf_list){ 0 };
}

void
conf_list_add(struct conf_list *list, const char *item)
{
	list->items = mem_realloc(list->items,
	    (list->count + 1) * sizeof *list->items);
	list->items[list->count++] = mem_strdup(item);
}

static void
set_number(struct load *l, const struct conf_row *row, const char *text)
{
	AUTO_BUF struct buf range = BUF_INIT(100);
	int64_t n;

	if (!conf_number(row, text, &n)) {
		cfg_error(l->errors, l->path, row_line(l, row),
		    "%s is '%s', must be %s", row->name, text, conf_form(row));
		return;
	}
	if (n < row->min || n > row->max) {
		conf_add_number(&range, row, row->min);
		buf_addstr(&range, " to ");
		conf_add_number(&range, row, row->max);
		cfg_error(l->errors, l->path, row_line(l, row),
		    "%s is %s, must be from %s", row->name, text, range.data);
		return;
	}
	*(int64_t *)conf_field(l->conf, row) = n;
}

static void
set_word(struct load *l, const struct conf_row *row, const char *text)
{
	AUTO_BUF struct buf words = BUF_INIT(200);
	int value;

	for (value = 0; row->words[value]; value++) {
		if (strcmp(row->words[value], text) == 0) {
			memcpy(conf_field(l->conf, row), &value, sizeof value);
			return;
		}
		buf_addf(&words, "%s\"%s\"", value ? ", " : "",
		    row->words[value]);
	}
	cfg_error(l->errors, l->path, row_line(l, row),
	    "%s is '%s', must be one of %s", row->name, text, words.data);
}

static bool
check_text(struct load *l, const struct conf_row *row, const char *text)
{
	const char *wrong = row->check ? row->check(text) : NULL;

	return !wrong || cfg_error(l->errors, l->path, row_line(l, row),
	    "%s: '%s' %s", row->name, text, wrong);
}

static void
set_text(struct load *l, const struct conf_row *row, const char *text)
{
	char **field = conf_field(l->conf, row);
	struct buf path = BUF_INIT(4096);

	if (!check_text(l, row, text))
		return;
	if (row->type == CONF_PATH && *text && *text != '/')
		buf_addf(&path, "%s/", l->dir);
	buf_addstr(&path, text);
	if (!buf_ok(&path)) {
		cfg_error(l->errors, l->path, row_line(l, row),
		    "%s is too long", row->name);
		return;
	}
	free(*field);
	*field = buf_steal(&path);
}

/* Sets a row from its text, which is the default's form, too. */
static void
set_value(struct load *l, const struct conf_row *row, const char *text)
{
	switch (row->type) {
	case CONF_TEXT: case CONF_PATH:
		set_text(l, row, text);
		return;
	case CONF_COUNT: case CONF_DURATION: case CONF_SECONDS:
	case CONF_SIZE: case CONF_MODE:
		set_number(l, row, text);
		return;
	case CONF_BOOL:
		*(bool *)conf_field(l->conf, row) = strcmp(text, "true") == 0;
		return;
	case CONF_WORD:
		set_word(l, row, text);
		return;
	case CONF_LIST:
		if (*text)
			conf_list_add(conf_field(l->conf, row), text);
		return;
	case CONF_VARS: case CONF_LIMITS:
		*(json_object **)conf_field(l->conf, row) =
		    json_object_new_object();
		return;
	case CONF_RULES:
		return;
	}
}

static void
set_list(struct load *l, const struct conf_row *row, config_setting_t *s)
{
	struct conf_list *list = conf_field(l->conf, row);
	int count = config_setting_length(s);
	const char *item;

	conf_list_free(list);
	if (count < row->min || count > row->max) {
		cfg_error(l->errors, l->path, row_line(l, row),
		    "%s has %d items, must have %d to %d", row->name, count,
		    (int)row->min, (int)row->max);
		return;
	}
	for (int i = 0; i < count; i++) {
		item = config_setting_get_string_elem(s, i);
		if (!item) {
			cfg_error(l->errors, l->path, row_line(l, row),
			    "%s must be %s", row->name, conf_form(row));
			return;
		}
		if (check_text(l, row, item))
			conf_list_add(list, item);
		for (size_t j = 0; j + 1 < list->count; j++)
			if (strcmp(list->items[j], item) == 0)
				cfg_error(l->errors, l->path,
				    row_line(l, row), "%s has '%s' twice",
				    row->name, item);
	}
}

static void
check_pair(struct load *l, const struct conf_row *row, const char *name,
    json_object *value)
{
	int64_t n;

	if (row->type == CONF_VARS) {
		if (!tmpl_is_name(name, strlen(name)))
			cfg_error(l->errors, l->path, row_line(l, row),
			    "vars: '%s' is no name for a variable", name);
		return;
	}
	if (!check_text(l, row, name))
		return;
	n = json_object_is_type(value, json_type_int) ?
	    json_object_get_int64(value) : -1;
	if (n < row->min || n > row->max)
		cfg_error(l->errors, l->path, row_line(l, row), "%s of '%s' "
		    "must be a whole number from %lld to %lld", row->name,
		    name, (long long)row->min, (long long)row->max);
}

static void
set_vars(struct load *l, const struct conf_row *row, config_setting_t *s)
{
	json_object **field = conf_field(l->conf, row);
	AUTO_JSON json_object *vars = NULL;
	struct err err = ERR_INIT;

	if (!tmpl_tree_literal(l->path, s, &vars, &err)) {
		cfg_error_add(l->errors, &err);
		return;
	}
	if (json_object_is_type(vars, json_type_array) &&
	    json_object_array_length(vars) == 0)
		return;
	if (!json_object_is_type(vars, json_type_object)) {
		cfg_error(l->errors, l->path, row_line(l, row),
		    "%s must be %s", row->name, conf_form(row));
		return;
	}
	json_object_object_foreach(vars, name, value)
		check_pair(l, row, name, value);
	json_object_put(*field);
	*field = vars;
	vars = NULL;
}

static void
set_from_file(struct load *l, const struct conf_row *row, config_setting_t *s)
{
	AUTO_BUF struct buf text = BUF_INIT(32);
	int type = config_setting_type(s);

	l->line[row - conf_table] = config_setting_source_line(s);
	if (row->type == CONF_COUNT &&
	    (type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64)) {
		buf_addint(&text, config_setting_get_int64(s));
		set_value(l, row, text.data);
	} else if (row->type == CONF_BOOL && type == CONFIG_TYPE_BOOL) {
		set_value(l, row, config_setting_get_bool(s) ?
		    "true" : "false");
	} else if (row->type == CONF_LIST &&
	    (type == CONFIG_TYPE_ARRAY || type == CONFIG_TYPE_LIST)) {
		set_list(l, row, s);
	} else if ((row->type == CONF_VARS || row->type == CONF_LIMITS) &&
	    type == CONFIG_TYPE_LIST) {
		set_vars(l, row, s);
	} else if (row->type == CONF_RULES && type == CONFIG_TYPE_LIST) {
		conf_choose_read(l->conf, l->path, s, l->errors);
	} else if (type == CONFIG_TYPE_STRING && row->type != CONF_COUNT &&
	    row->type != CONF_BOOL && row->type != CONF_LIST &&
	    row->type != CONF_VARS && row->type != CONF_LIMITS &&
	    row->type != CONF_RULES) {
		set_value(l, row, config_setting_get_string(s));
	} else {
		cfg_error(l->errors, l->path, row_line(l, row),
		    "%s must be %s", row->name, conf_form(row));
	}
}

static void
unknown(struct load *l, config_setting_t *s, const char *name)
{
	const char *last = config_setting_name(s), *dot;

	for (size_t i = 0; i < conf_table_rows; i++) {
		dot = strchr(conf_table[i].name, '.');
		if (strcmp(dot ? dot + 1 : conf_table[i].name, last) == 0) {
			cfg_error(l->errors, l->path,
			    config_setting_source_line(s),
			    "unknown setting '%s' (there is '%s')", name,
			    conf_table[i].name);
			return;
		}
	}
	cfg_error(l->errors, l->path, config_setting_source_line(s),
	    "unknown setting '%s'", name);
}

/* prefix: the group's name; NULL for the file's top level. */
static void
read_group(struct load *l, config_setting_t *group, const char *prefix)
{
	AUTO_BUF struct buf name = BUF_INIT(CFG_FILE_MAX);
	const struct conf_row *row;
	config_setting_t *s;

	for (int i = 0; i < config_setting_length(group); i++) {
		s = config_setting_get_elem(group, (unsigned)i);
		buf_clear(&name);
		if (prefix)
			buf_addf(&name, "%s.", prefix);
		buf_addstr(&name, config_setting_name(s));
		row = find_row(name.data);
		if (row)
			set_from_file(l, row, s);
		else if (!prefix && is_group(name.data) &&
		    config_setting_is_group(s))
			read_group(l, s, name.data);
		else if (!prefix && is_group(name.data))
			cfg_error(l->errors, l->path,
			    config_setting_source_line(s),
			    "%s must be a group { ... }", name.data);
		else
			unknown(l, s, name.data);
	}
}

/* a must not be above b, nor equal to it when strictly. */
static void
check_order(struct load *l, const char *a, const char *b, bool strictly)
{
	const struct conf_row *low = find_row(a), *high = find_row(b);
	AUTO_BUF struct buf texts = BUF_INIT(200);
	int64_t x, y;
	unsigned line;

	assert(low && high);
	x = *(int64_t *)conf_field(l->conf, low);
	y = *(int64_t *)conf_field(l->conf, high);
	if (x < y || (x == y && !strictly))
		return;
	buf_addf(&texts, "%s (", a);
	conf_add_number(&texts, low, x);
	buf_addf(&texts, ") must %s %s (",
	    strictly ? "be less than" : "not be more than", b);
	conf_add_number(&texts, high, y);
	line = row_line(l, low) > row_line(l, high) ? row_line(l, low) :
	    row_line(l, high);
	cfg_error(l->errors, l->path, line, "%s)", texts.data);
}

/* A template that line of the configuration names; NULL after an error. */
static struct tmpl *
load_template(struct load *l, enum app_kind kind, const char *file,
    unsigned line, struct buf *warnings)
{
	AUTO_JSON json_object *known = NULL;
	AUTO_JSON json_object *sample = NULL;
	AUTO_BUF struct buf path = BUF_INIT(8192);
	struct tmpl *t = NULL;

	if (*file != '/')
		buf_addf(&path, "%s/", l->conf->template_dir);
	buf_addstr(&path, file);
	if (access(path.data, R_OK) != 0) {
		cfg_error(l->errors, l->path, line ? line :
		    row_line(l, find_row("templates.dir")),
		    "cannot read the template '%s': %s", path.data,
		    strerror(errno));
		return NULL;
	}
	known = manifest_known(l->conf, kind);
	sample = manifest_sample(known);
	if (tmpl_load(path.data, &t, l->errors) &&
	    tmpl_check(t, known, l->errors) &&
	    tmpl_check_manifest(t, known, sample, warnings, l->errors))
		return t;
	tmpl_free(t);
	return NULL;
}

static void
load_templates(struct load *l)
{
	static const char *const rows[APP_KINDS] = {
		[APP_BATCH] = "templates.batch",
		[APP_SESSION] = "templates.session",
	};
	AUTO_BUF struct buf warnings = BUF_INIT(1 << 16);
	struct conf *conf = l->conf;

	for (int kind = 0; kind < APP_KINDS; kind++)
		conf->template[kind] = load_template(l, (enum app_kind)kind,
		    conf->template_file[kind], row_line(l,
		    find_row(rows[kind])), &warnings);
	for (size_t i = 0; i < conf->choices_count; i++)
		if (conf->choices[i].file)
			conf->choices[i].template = load_template(l,
			    conf->choices[i].kind, conf->choices[i].file,
			    conf->choices[i].line, &warnings);
	conf_choose_warn(conf, &warnings);
	conf->warnings = mem_strdup(warnings.data);
}

static bool
read_file(struct load *l)
{
	config_t config;
	bool read;

	config_init(&config);
	read = cfg_read(l->path, &config, l->errors);
	if (read)
		read_group(l, config_root_setting(&config), NULL);
	config_destroy(&config);
	return read;
}

static char *
folder_of(const char *path)
{
	AUTO_FREE char *whole = realpath(path, NULL);
	char *slash = whole ? strrchr(whole, '/') : NULL;

	return slash ? mem_strndup(whole, (size_t)(slash - whole)) :
	    mem_strdup(".");
}

bool
conf_read(const char *path, struct conf **ret_new,
    struct cfg_errors *errors)
{
	struct load l = { .path = path, .errors = errors };

	assert(conf_table_rows <= ROWS_MAX);
	l.conf = mem_alloc(sizeof *l.conf);
	l.conf->path = mem_strdup(path);
	l.dir = folder_of(path);
	for (size_t i = 0; i < conf_table_rows; i++)
		set_value(&l, &conf_table[i], conf_table[i].fallback);
	if (read_file(&l)) {
		check_order(&l, "fastcgi.outbound_workers", "fastcgi.workers",
		    true);
		check_order(&l, "fastcgi.keep_connections", "fastcgi.workers",
		    true);
		check_order(&l, "kubernetes.connect_timeout",
		    "kubernetes.call_timeout", false);
		check_order(&l, "kubernetes.call_timeout",
		    "kubernetes.call_budget", false);
		check_order(&l, "kubernetes.call_budget",
		    "fastcgi.request_deadline", true);
		load_templates(&l);
	}
	free(l.dir);
	if (errors->found > 0) {
		conf_free(l.conf);
		return false;
	}
	*ret_new = l.conf;
	return true;
}

bool
conf_load(const char *path, struct conf **ret_new, struct err *err)
{
	AUTO_CFG_ERRORS struct cfg_errors errors = CFG_ERRORS_INIT;

	return conf_read(path, ret_new, &errors) ||
	    cfg_errors_none(&errors, err);
}

void
conf_free(struct conf *conf)
{
	void *field;

	if (!conf)
		return;
	for (size_t i = 0; i < conf_table_rows; i++) {
		field = conf_field(conf, &conf_table[i]);
		switch (conf_table[i].type) {
		case CONF_TEXT: case CONF_PATH:
			free(*(char **)field);
			break;
		case CONF_LIST:
			conf_list_free(field);
			break;
		case CONF_VARS: case CONF_LIMITS:
			json_object_put(*(json_object **)field);
			break;
		case CONF_COUNT: case CONF_DURATION: case CONF_SECONDS:
		case CONF_SIZE: case CONF_MODE: case CONF_BOOL:
		case CONF_WORD: case CONF_RULES:
			break;
		}
	}
	conf_choose_free(conf);
	free(conf->warnings);
	for (int kind = 0; kind < APP_KINDS; kind++)
		tmpl_free(conf->template[kind]);
	free(conf->path);
	free(conf);
}

#include "config.h"

#include "tmpl.h"

#include <libconfig.h>

#include "cfg.h"
#include "jv.h"
#include "tmpl_tree.h"

struct tmpl {
	config_t config;
	config_setting_t *application;
	config_setting_t *refused, *allowed;	/* NULL = no such list */
	json_object *defaults;			/* an object */
	char *path;
	char *where;
};

/* What the custom resource's own schema asks of every application. */
static const char *const needed[] = {
	"apiVersion", "kind", "spec", "spec.type", "spec.sparkVersion",
	"spec.mainApplicationFile", "spec.driver", "spec.executor",
};

/* Whether s lists conf keys, of which only the last character can be '*'. */
static bool
is_patterns(config_setting_t *s)
{
	const char *pattern;
	size_t len;

	if (!config_setting_is_array(s) && !config_setting_is_list(s))
		return false;
	for (int i = 0; i < config_setting_length(s); i++) {
		pattern = config_setting_get_string_elem(s, i);
		if (!pattern || !*pattern)
			return false;
		len = strcspn(pattern, "*");
		if (pattern[len] && pattern[len + 1])
			return false;
	}
	return true;
}

static void
check_policy(struct tmpl *t, config_setting_t *policy, struct cfg_errors *e)
{
	config_setting_t *list;
	const char *name;

	for (int i = 0; i < config_setting_length(policy); i++) {
		list = config_setting_get_elem(policy, (unsigned)i);
		name = config_setting_name(list);
		if (strcmp(name, "refused_conf") == 0)
			t->refused = list;
		else if (strcmp(name, "allowed_conf") == 0)
			t->allowed = list;
		else
			cfg_error(e, t->path, config_setting_source_line(list),
			    "unknown policy '%s'", name);
		if (!is_patterns(list))
			cfg_error(e, t->path, config_setting_source_line(list),
			    "%s must be a list of conf keys; only the last "
			    "character of one can be '*'", name);
	}
}

static void
check_defaults(struct tmpl *t, config_setting_t *defaults,
    struct cfg_errors *e)
{
	AUTO_JSON json_object *values = NULL;
	struct err err = ERR_INIT;

	if (!tmpl_tree_literal(t->path, defaults, &values, &err)) {
		cfg_error_add(e, &err);
		return;
	}
	json_object_object_foreach(values, name, value) {
		(void)value;
		if (!tmpl_is_name(name, strlen(name)))
			cfg_error(e, t->path,
			    config_setting_source_line(defaults),
			    "'%s' is no name for a variable", name);
	}
	json_object_put(t->defaults);
	t->defaults = values;
	values = NULL;
}

static void
check_application(struct tmpl *t, struct cfg_errors *e)
{
	const struct tmpl_tree tree = { .path = t->path };
	config_setting_t *s = t->application;

	for (size_t i = 0; i < ARRAY_LEN(needed); i++)
		if (!config_setting_lookup(s, needed[i]))
			cfg_error(e, t->path, config_setting_source_line(s),
			    "the application has no %s", needed[i]);
	tmpl_tree_check(&tree, s, NULL, e);
}

/* Finds and checks the parts of a template that is already read. */
static void
take_parts(struct tmpl *t, struct cfg_errors *e)
{
	config_setting_t *root = config_root_setting(&t->config), *s;
	AUTO_BUF struct buf where = BUF_INIT(8192);
	const char *name;

	for (int i = 0; i < config_setting_length(root); i++) {
		s = config_setting_get_elem(root, (unsigned)i);
		name = config_setting_name(s);
		if (!config_setting_is_group(s))
			cfg_error(e, t->path, config_setting_source_line(s),
			    "'%s' must be a group { ... }", name);
		else if (strcmp(name, "application") == 0)
			t->application = s;
		else if (strcmp(name, "policy") == 0)
			check_policy(t, s, e);
		else if (strcmp(name, "defaults") == 0)
			check_defaults(t, s, e);
		else
			cfg_error(e, t->path, config_setting_source_line(s),
			    "unknown part '%s' (there are policy, defaults, "
			    "application)", name);
	}
	if (!t->application) {
		cfg_error(e, t->path, 0, "has no application = { ... }");
		return;
	}
	check_application(t, e);
	buf_addf(&where, "%s:%u", t->path,
	    config_setting_source_line(t->application));
	t->where = buf_steal(&where);
}

bool
tmpl_load(const char *path, struct tmpl **ret_new, struct err *err)
{
	AUTO_CFG_ERRORS struct cfg_errors errors = CFG_ERRORS_INIT;
	struct tmpl *t = mem_alloc(sizeof *t);

	config_init(&t->config);
	t->path = mem_strdup(path);
	t->defaults = json_object_new_object();
	if (cfg_read(path, &t->config, &errors))
		take_parts(t, &errors);
	if (!cfg_errors_none(&errors, err)) {
		tmpl_free(t);
		return false;
	}
	*ret_new = t;
	return true;
}

void
tmpl_free(struct tmpl *t)
{
	if (!t)
		return;
	config_destroy(&t->config);
	json_object_put(t->defaults);
	free(t->path);
	free(t->where);
	free(t);
}

bool
tmpl_check(const struct tmpl *t, json_object *known, struct err *err)
{
	const struct tmpl_tree tree = { .path = t->path,
		.defaults = t->defaults };
	AUTO_CFG_ERRORS struct cfg_errors errors = CFG_ERRORS_INIT;
	AUTO_JSON json_object *manifest = NULL;

	tmpl_tree_check(&tree, t->application, known, &errors);
	return cfg_errors_none(&errors, err) &&
	    tmpl_render(t, known, &manifest, err);
}

bool
tmpl_render(const struct tmpl *t, json_object *vars, json_object **ret_new,
    struct err *err)
{
	const struct tmpl_tree tree = { .path = t->path, .vars = vars,
		.defaults = t->defaults };

	return tmpl_tree_render(&tree, t->application, ret_new, err);
}

static bool
matches(config_setting_t *patterns, const char *key)
{
	const char *pattern;
	size_t len;

	for (int i = 0; i < config_setting_length(patterns); i++) {
		pattern = config_setting_get_string_elem(patterns, i);
		len = strcspn(pattern, "*");
		if (strncmp(pattern, key, len) == 0 &&
		    (pattern[len] == '*' || !key[len]))
			return true;
	}
	return false;
}

bool
tmpl_conf_allowed(const struct tmpl *t, const char *key)
{
	if (t->refused && matches(t->refused, key))
		return false;
	return !t->allowed || matches(t->allowed, key);
}

const char *
tmpl_where(const struct tmpl *t)
{
	return t->where;
}

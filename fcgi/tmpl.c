#include "config.h"

#include "tmpl.h"

#include <libconfig.h>

#include "cfg.h"
#include "crd.h"
#include "jv.h"
#include "tmpl_node.h"
#include "tmpl_policy.h"
#include "tmpl_tree.h"

#define EXTENDS_MAX 8		/* templates that may stand on each other */

struct tmpl {
	struct tnode *root;
	const struct tnode *application, *defaults;
	struct tmpl_policy policy;
	char *path;
	char *where;
};

/* What the custom resource's own schema asks of every application. */
static const char *const needed[] = {
	"apiVersion", "kind", "spec", "spec.type", "spec.sparkVersion",
	"spec.mainApplicationFile", "spec.driver", "spec.executor",
};

static void
check_defaults(const struct tnode *defaults, struct cfg_errors *e)
{
	for (size_t i = 0; i < defaults->count; i++) {
		const char *name = defaults->items[i]->name;

		if (!tmpl_is_name(name, strlen(name)))
			cfg_error(e, defaults->items[i]->file,
			    defaults->items[i]->line,
			    "'%s' is no name for a variable", name);
	}
}

static void
check_application(const struct tnode *n, struct cfg_errors *e)
{
	const struct tmpl_tree tree = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(needed); i++)
		if (!tnode_find(n, needed[i]))
			cfg_error(e, n->file, n->line,
			    "the application has no %s", needed[i]);
	if (tnode_member(n, "if") || tnode_member(n, "unless"))
		cfg_error(e, n->file, n->line,
		    "the application itself cannot have a condition");
	tmpl_tree_check(&tree, n, NULL, e);
}

static void
take_part(struct tmpl *t, const struct tnode *n, struct cfg_errors *e)
{
	const struct tmpl_tree tree = { 0 };

	if (n->kind != TNODE_GROUP) {
		cfg_error(e, n->file, n->line, "'%s' must be a group { ... }",
		    n->name);
	} else if (strcmp(n->name, "application") == 0) {
		t->application = n;
	} else if (strcmp(n->name, "policy") == 0) {
		tmpl_policy_read(&t->policy, n, e);
	} else if (strcmp(n->name, "defaults") == 0) {
		t->defaults = n;
		check_defaults(n, e);
		tmpl_tree_check(&tree, n, NULL, e);
	} else {
		cfg_error(e, n->file, n->line, "unknown part '%s' (there are "
		    "extends, policy, defaults, application)", n->name);
	}
}

/* Finds and checks the parts of a template that is already read. */
static void
take_parts(struct tmpl *t, struct cfg_errors *e)
{
	AUTO_BUF struct buf where = BUF_INIT(8192);

	for (size_t i = 0; i < t->root->count; i++)
		take_part(t, t->root->items[i], e);
	if (!t->application) {
		cfg_error(e, t->path, 0, "has no application = { ... }");
		return;
	}
	check_application(t->application, e);
	buf_addf(&where, "%s:%u", t->application->file, t->application->line);
	t->where = mem_strdup(where.data);
}

static struct tnode *read_tree(const char *path, int depth,
    struct cfg_errors *e);

/* The tree with what it extends below it; takes the tree. */
static struct tnode *
extend(struct tnode *root, const char *path, int depth, struct cfg_errors *e)
{
	AUTO_TNODE struct tnode *extends = tnode_take(root, "extends");
	AUTO_BUF struct buf file = BUF_INIT(8192);
	const char *slash = strrchr(path, '/');
	struct tnode *base;

	if (!extends)
		return root;
	if (!extends->text || !cfg_is_part(extends->text)) {
		cfg_error(e, extends->file, extends->line, "extends must name "
		    "a file of this folder, \"NAME.cfg\"");
		return root;
	}
	if (depth == 0) {
		cfg_error(e, extends->file, extends->line,
		    "more than %d templates extend each other", EXTENDS_MAX);
		return root;
	}
	if (slash)
		buf_add(&file, path, (size_t)(slash + 1 - path));
	buf_addstr(&file, extends->text);
	base = read_tree(file.data, depth - 1, e);
	return base ? tnode_merge(base, root) : root;
}

/* NULL after an error. */
static struct tnode *
read_tree(const char *path, int depth, struct cfg_errors *e)
{
	struct tnode *root = NULL;
	config_t config;

	config_init(&config);
	if (cfg_read_parts(path, &config, e))
		root = tnode_new(path, config_root_setting(&config), e);
	config_destroy(&config);
	return root ? extend(root, path, depth, e) : NULL;
}

bool
tmpl_load(const char *path, struct tmpl **ret_new, struct cfg_errors *errors)
{
	struct tmpl *t = mem_alloc(sizeof *t);
	size_t before = errors->found;

	t->path = mem_strdup(path);
	t->root = read_tree(path, EXTENDS_MAX, errors);
	if (t->root && errors->found == before)
		take_parts(t, errors);
	if (errors->found > before) {
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
	tnode_free(t->root);
	free(t->path);
	free(t->where);
	free(t);
}

/* The variables with what may be lifted among them: a new object. */
static json_object *
with_lifted(const struct tmpl *t, json_object *vars, bool set)
{
	json_object *all = json_object_new_object();

	if (json_object_is_type(vars, json_type_object)) {
		json_object_object_foreach(vars, key, value)
			json_object_object_add(all, key,
			    json_object_get(value));
	}
	tmpl_policy_known(&t->policy, set, all);
	return all;
}

static void
tell_defaults(json_object *trace, json_object *ret)
{
	AUTO_BUF struct buf words = BUF_INIT(16384);

	json_object_object_foreach(trace, path, entry) {
		buf_clear(&words);
		buf_addf(&words, "default at %s",
		    tnode_file_name(jv_str(entry, "at")));
		json_object_object_add(ret, path,
		    json_object_new_string(words.data));
	}
}

bool
tmpl_explain(const struct tmpl *t, json_object *vars, json_object *origins,
    json_object **ret_new, json_object **ret_trace_new, struct err *err)
{
	AUTO_JSON json_object *trace = NULL;
	AUTO_JSON json_object *defaults = NULL;
	AUTO_JSON json_object *from = json_object_new_object();
	AUTO_JSON json_object *defaults_trace = NULL;
	struct tmpl_tree tree = { .vars = vars };

	if (ret_trace_new)
		defaults_trace = json_object_new_object();
	tree.trace = defaults_trace;
	if (t->defaults && !tmpl_tree_render(&tree, t->defaults, &defaults,
	    err))
		return false;
	if (ret_trace_new) {
		trace = json_object_new_object();
		tell_defaults(defaults_trace, from);
	}
	tree.trace = trace;
	tree.defaults = defaults;
	tree.origins = origins;
	tree.default_origins = from;
	if (!tmpl_tree_render(&tree, t->application, ret_new, err))
		return false;
	if (ret_trace_new) {
		*ret_trace_new = trace;
		trace = NULL;
	}
	return true;
}

bool
tmpl_render(const struct tmpl *t, json_object *vars, json_object **ret_new,
    struct err *err)
{
	return tmpl_explain(t, vars, NULL, ret_new, NULL, err);
}

bool
tmpl_check(const struct tmpl *t, json_object *known,
    struct cfg_errors *errors)
{
	AUTO_JSON json_object *all = with_lifted(t, known, /* set= */ false);
	AUTO_JSON json_object *manifest = NULL;
	struct tmpl_tree tree = { 0 };
	size_t before = errors->found;
	struct err err = ERR_INIT;

	if (t->defaults) {
		tmpl_tree_check(&tree, t->defaults, all, errors);
		for (size_t i = 0; i < t->defaults->count; i++)
			json_object_object_add(all, t->defaults->items[i]->
			    name, json_object_get(jv_member(all,
			    t->defaults->items[i]->name)));
	}
	tmpl_tree_check(&tree, t->application, all, errors);
	if (errors->found == before && !tmpl_render(t, all, &manifest, &err))
		cfg_error_add(errors, &err);
	return errors->found == before;
}

struct findings {
	const struct tmpl *t;
	json_object *trace;
	struct cfg_errors *errors;
	struct buf *warnings;
};

/* "FILE:LINE" of a value; of a group or list, which has none, its first. */
static const char *
entry_at(json_object *trace, const char *path, size_t len)
{
	const char *at = jv_str(jv_member(trace, path), "at");

	if (at)
		return at;
	json_object_object_foreach(trace, key, entry)
		if (strncmp(key, path, len) == 0 && strchr(".[", key[len]))
			return jv_str(entry, "at");
	return NULL;
}

/* The same for what may be missing: then of what would be around it. */
static const char *
line_of(const struct findings *f, const char *path)
{
	AUTO_FREE char *part = mem_strdup(path);
	size_t n = strlen(part);
	const char *at;

	while (n > 0) {
		part[n] = '\0';
		at = entry_at(f->trace, part, n);
		if (at)
			return at;
		for (n--; n > 0 && part[n] != '.' && part[n] != '[';)
			n--;
	}
	return f->t->where;
}

static void
on_found(void *arg, enum crd_finding what, const char *path, const char *text)
{
	struct findings *f = arg;
	AUTO_BUF struct buf line = BUF_INIT(8192);
	struct err err = ERR_INIT;

	if (what == CRD_UNKNOWN && tmpl_policy_matches(f->t->policy.newer,
	    path))
		return;
	buf_addf(&line, "%s: %s %s", line_of(f, path), path, text);
	if (what == CRD_HAZARD) {
		if (f->warnings && !strstr(f->warnings->data, line.data))
			buf_addf(f->warnings, "%s\n", line.data);
	} else {
		err_set(&err, 500, "%s", line.data);
		cfg_error_add(f->errors, &err);
	}
}

static bool
check_with(struct findings *f, json_object *vars)
{
	const struct crd_check check = { .on_found = on_found, .arg = f };
	AUTO_JSON json_object *manifest = NULL;
	AUTO_JSON json_object *trace = NULL;
	struct err err = ERR_INIT;

	if (!tmpl_explain(f->t, vars, NULL, &manifest, &trace, &err)) {
		cfg_error_add(f->errors, &err);
		return false;
	}
	f->trace = trace;
	crd_check(&check, manifest);
	return true;
}

bool
tmpl_check_manifest(const struct tmpl *t, json_object *known,
    json_object *sample, struct buf *warnings, struct cfg_errors *errors)
{
	AUTO_JSON json_object *bare = with_lifted(t, known, /* set= */ false);
	AUTO_JSON json_object *full = with_lifted(t, sample, /* set= */ true);
	struct findings f = { .t = t, .errors = errors, .warnings = warnings };
	size_t before = errors->found;

	return check_with(&f, bare) && check_with(&f, full) &&
	    errors->found == before;
}

bool
tmpl_conf_allowed(const struct tmpl *t, const char *key)
{
	return tmpl_policy_allows(&t->policy, key);
}

bool
tmpl_take_conf(const struct tmpl *t, json_object *vars, struct err *err)
{
	return tmpl_policy_take(&t->policy, vars, err);
}

const char *
tmpl_where(const struct tmpl *t)
{
	return t->where;
}

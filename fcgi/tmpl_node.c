#include "config.h"

#include "tmpl_node.h"

#include <libconfig.h>

#include "buf.h"
#include "cfg.h"

#define INHERITED "${inherited}"

static struct tnode *
node_new(const char *path, config_setting_t *s, const char *label)
{
	const char *file = config_setting_source_file(s);
	const char *slash = strrchr(path, '/');
	struct tnode *n = mem_alloc(sizeof *n);
	AUTO_BUF struct buf b = BUF_INIT(8192);

	if (file)
		file = tnode_file_name(file);
	if (file && slash)	/* an include, of the same folder */
		buf_add(&b, path, (size_t)(slash + 1 - path));
	buf_addstr(&b, file ? file : path);
	n->file = buf_ok(&b) ? buf_steal(&b) : mem_strdup(path);
	n->line = config_setting_source_line(s);
	n->label = mem_strdup(label ? label : "");
	return n;
}

static void
add_item(struct tnode *n, struct tnode *item)
{
	n->items = mem_realloc(n->items, (n->count + 1) * sizeof *n->items);
	n->items[n->count++] = item;
}

static void
set_name(struct tnode *n, const char *name)
{
	free(n->name);
	n->name = mem_strdup(name);
}

static bool
is_pair(config_setting_t *s)
{
	return config_setting_is_list(s) && config_setting_length(s) == 2 &&
	    config_setting_get_string_elem(s, 0);
}

static bool
is_map(config_setting_t *s)
{
	if (config_setting_is_list(s))
		for (int i = 0; i < config_setting_length(s); i++)
			if (is_pair(config_setting_get_elem(s, (unsigned)i)))
				return true;
	return false;
}

static struct tnode *convert(const char *path, config_setting_t *s,
    const char *label, int depth, struct cfg_errors *errors);

static void
convert_items(struct tnode *n, const char *path, config_setting_t *s,
    int depth, struct cfg_errors *errors)
{
	config_setting_t *item, *value;
	struct tnode *made;
	bool pair;

	if (depth == 0) {
		cfg_error(errors, n->file, n->line, "%s: nested too deeply",
		    n->label);
		return;
	}
	for (int i = 0; i < config_setting_length(s); i++) {
		item = config_setting_get_elem(s, (unsigned)i);
		pair = n->kind == TNODE_MAP && is_pair(item);
		value = pair ? config_setting_get_elem(item, 1) : item;
		made = convert(path, value, config_setting_name(item) ?
		    config_setting_name(item) : n->label, depth - 1, errors);
		if (pair)
			set_name(made, config_setting_get_string_elem(item, 0));
		else if (config_setting_name(item))
			set_name(made, config_setting_name(item));
		add_item(n, made);
	}
}

static struct tnode *
convert(const char *path, config_setting_t *s, const char *label, int depth,
    struct cfg_errors *errors)
{
	struct tnode *n = node_new(path, s, label);

	switch (config_setting_type(s)) {
	case CONFIG_TYPE_GROUP:
		n->kind = TNODE_GROUP;
		break;
	case CONFIG_TYPE_LIST: case CONFIG_TYPE_ARRAY:
		n->kind = is_map(s) ? TNODE_MAP : TNODE_LIST;
		break;
	case CONFIG_TYPE_STRING:
		n->kind = TNODE_TEXT;
		n->text = mem_strdup(config_setting_get_string(s));
		return n;
	case CONFIG_TYPE_BOOL:
		n->kind = TNODE_BOOL;
		n->number = config_setting_get_bool(s);
		return n;
	case CONFIG_TYPE_FLOAT:
		n->kind = TNODE_FLOAT;
		n->real = config_setting_get_float(s);
		return n;
	default:
		n->kind = TNODE_INT;
		n->number = config_setting_get_int64(s);
		return n;
	}
	convert_items(n, path, s, depth, errors);
	return n;
}

struct tnode *
tnode_new(const char *path, config_setting_t *s, struct cfg_errors *errors)
{
	struct tnode *n = convert(path, s, config_setting_name(s), CFG_DEPTH,
	    errors);

	if (config_setting_name(s))
		set_name(n, config_setting_name(s));
	return n;
}

void
tnode_free(struct tnode *n)
{
	if (!n)
		return;
	for (size_t i = 0; i < n->count; i++)
		tnode_free(n->items[i]);
	free(n->items);
	free(n->name);
	free(n->label);
	free(n->file);
	free(n->text);
	free(n);
}

void
auto_tnode(struct tnode **n)
{
	tnode_free(*n);
}

const char *
tnode_file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Where a name stands among the items; count if it does not. */
static size_t
place_of(const struct tnode *n, const char *name)
{
	size_t i;

	for (i = 0; i < n->count; i++)
		if (n->items[i]->name && strcmp(n->items[i]->name, name) == 0)
			break;
	return i;
}

struct tnode *
tnode_member(const struct tnode *n, const char *name)
{
	size_t i = n ? place_of(n, name) : 0;

	return n && i < n->count ? n->items[i] : NULL;
}

struct tnode *
tnode_find(const struct tnode *n, const char *path)
{
	AUTO_FREE char *copy = mem_strdup(path);
	struct tnode *found = NULL;
	char *rest = copy, *step;

	while ((step = strsep(&rest, "."))) {
		found = tnode_member(n, step);
		n = found;
	}
	return found;
}

struct tnode *
tnode_take(struct tnode *n, const char *name)
{
	size_t i = place_of(n, name);
	struct tnode *taken = i < n->count ? n->items[i] : NULL;

	if (taken) {
		n->count--;
		memmove(&n->items[i], &n->items[i + 1],
		    (n->count - i) * sizeof *n->items);
	}
	return taken;
}

bool
tnode_is_inherited(const struct tnode *n)
{
	return n->kind == TNODE_TEXT && strcmp(n->text, INHERITED) == 0;
}

/* Items of old go where new says so; it gets what it holds of them. */
static bool
expand_inherited(struct tnode *old, struct tnode *new)
{
	struct tnode **items = new->items;
	size_t count = new->count, i;

	for (i = 0; i < count && !tnode_is_inherited(items[i]);)
		i++;
	if (i == count)
		return false;
	new->items = NULL;
	new->count = 0;
	for (size_t j = 0; j < count; j++) {
		if (j != i) {
			add_item(new, items[j]);
			continue;
		}
		tnode_free(items[j]);
		for (size_t k = 0; k < old->count; k++)
			add_item(new, old->items[k]);
		old->count = 0;
	}
	free(items);
	new->kind = old->kind;
	return true;
}

static bool
all_have_names(const struct tnode *n)
{
	for (size_t i = 0; i < n->count; i++)
		if (!n->items[i]->name)
			return false;
	return true;
}

/* What tells a group of a list from the others, NULL if nothing does. */
static const char *
key_of(const struct tnode *n)
{
	const struct tnode *key;

	if (n->kind != TNODE_GROUP)
		return NULL;
	key = tnode_member(n, "mountPath");
	if (!key)
		key = tnode_member(n, "name");
	return key && key->kind == TNODE_TEXT ? key->text : NULL;
}

static bool
all_have_keys(const struct tnode *n)
{
	for (size_t i = 0; i < n->count; i++)
		if (!key_of(n->items[i]))
			return false;
	return n->count > 0;
}

static size_t
same_item(const struct tnode *n, const struct tnode *like, bool by_name)
{
	size_t i;

	if (by_name)
		return place_of(n, like->name);
	for (i = 0; i < n->count; i++)
		if (strcmp(key_of(n->items[i]), key_of(like)) == 0)
			break;
	return i;
}

/* Each item of new over its like in old, or after the last. */
static struct tnode *
merge_items(struct tnode *old, struct tnode *new, bool by_name)
{
	struct tnode *item;
	size_t at;

	for (size_t i = 0; i < new->count; i++) {
		item = new->items[i];
		at = same_item(old, item, by_name);
		if (at < old->count)
			old->items[at] = tnode_merge(old->items[at], item);
		else
			add_item(old, item);
	}
	new->count = 0;
	tnode_free(new);
	return old;
}

struct tnode *
tnode_merge(struct tnode *old, struct tnode *new)
{
	bool lists = (old->kind == TNODE_LIST || old->kind == TNODE_MAP) &&
	    (new->kind == TNODE_LIST || new->kind == TNODE_MAP);

	if (tnode_is_inherited(new)) {
		tnode_free(new);
		return old;
	}
	if (old->kind == TNODE_GROUP && new->kind == TNODE_GROUP)
		return merge_items(old, new, /* by_name= */ true);
	if (!(lists && expand_inherited(old, new))) {
		if (old->kind == TNODE_MAP && new->kind == TNODE_MAP &&
		    all_have_names(new))
			return merge_items(old, new, /* by_name= */ true);
		if (old->kind == TNODE_LIST && new->kind == TNODE_LIST &&
		    all_have_keys(old) && all_have_keys(new))
			return merge_items(old, new, /* by_name= */ false);
	}
	tnode_free(old);
	return new;
}

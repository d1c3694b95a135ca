#include "config.h"

#include "tmpl_tree.h"

#include <math.h>

#include <libconfig.h>

#include "cfg.h"
#include "crd.h"
#include "jv.h"
#include "tmpl_node.h"
#include "tmpl_text.h"

#define PATH_BYTES_MAX 16384
#define WORDS_MAX 1024		/* bytes of what decided a value */

/* A rendering under way. */
struct render {
	const struct tmpl_tree *t;
	struct buf path;	/* of the value; kept only for a trace */
	struct err *err;
};

static bool
is_lone(const struct tmpl_tree *t, const struct tnode *n, struct piece *ret)
{
	return n->kind == TNODE_TEXT && !t->literal &&
	    piece_is_lone(n->text, ret);
}

/* Members of a group that say when it is there at all. */
static bool
is_condition(const struct tmpl_tree *t, const struct tnode *n)
{
	return !t->literal && n->name && n->kind == TNODE_TEXT &&
	    (strcmp(n->name, "if") == 0 || strcmp(n->name, "unless") == 0);
}

static bool
set_error(const struct tnode *n, struct err *err, const char *text,
    const char *name)
{
	return err_set(err, 500, "%s:%u: %s: %s '%s'", n->file, n->line,
	    n->label, text, name);
}

/* Whether there can be a variable of this name. */
static void
check_name(const struct tmpl_tree *t, const struct tnode *n, const char *name,
    json_object *known, struct cfg_errors *errors)
{
	if (strcmp(name, "inherited") == 0)
		cfg_error(errors, n->file, n->line,
		    "%s: there is nothing to inherit here", n->label);
	else if (known && strcmp(name, "unset") != 0 &&
	    !json_object_object_get_ex(known, name, NULL) &&
	    !jv_member(t->defaults, name))
		cfg_error(errors, n->file, n->line,
		    "%s: unknown variable '%s'", n->label, name);
}

static void
check_text(const struct tmpl_tree *t, const struct tnode *n,
    json_object *known, struct cfg_errors *errors)
{
	const char *text = n->text;
	struct piece piece;

	if (t->literal)
		return;
	while ((piece = piece_next(&text)).kind != PIECE_END) {
		if (piece.kind == PIECE_BAD) {
			cfg_error(errors, n->file, n->line,
			    "%s: no placeholder: '%.40s' ($${ stands for ${)",
			    n->label, piece.at);
			return;
		}
		if (*piece.name)
			check_name(t, n, piece.name, known, errors);
		if (*piece.when)
			check_name(t, n, piece.when, known, errors);
	}
}

static void
check_condition(const struct tmpl_tree *t, const struct tnode *n,
    json_object *known, struct cfg_errors *errors)
{
	if (!tmpl_is_name(n->text, strlen(n->text)))
		cfg_error(errors, n->file, n->line,
		    "%s: '%.40s' is no name of a variable", n->name, n->text);
	else
		check_name(t, n, n->text, known, errors);
}

static void
check_in_map(const struct tmpl_tree *t, const struct tnode *item,
    struct cfg_errors *errors)
{
	struct piece piece;

	if (!item->name) {
		if (!is_lone(t, item, &piece))
			cfg_error(errors, item->file, item->line,
			    "%s: in a map each item must be a pair%s",
			    item->label, t->literal ? "" :
			    " or a lone placeholder");
	} else if (!*item->name || (!t->literal && strstr(item->name, "${"))) {
		cfg_error(errors, item->file, item->line,
		    "%s: '%s' cannot be a key", item->label, item->name);
	}
}

void
tmpl_tree_check(const struct tmpl_tree *t, const struct tnode *n,
    json_object *known, struct cfg_errors *errors)
{
	if (n->kind == TNODE_TEXT && is_condition(t, n))
		check_condition(t, n, known, errors);
	else if (n->kind == TNODE_TEXT)
		check_text(t, n, known, errors);
	if (n->kind == TNODE_FLOAT && !isfinite(n->real))
		cfg_error(errors, n->file, n->line,
		    "%s: the number is too large", n->label);
	for (size_t i = 0; i < n->count; i++) {
		if (n->kind == TNODE_MAP)
			check_in_map(t, n->items[i], errors);
		tmpl_tree_check(t, n->items[i], known, errors);
	}
}

/* A variable's value, lent; NULL = unset. */
static json_object *
look_up(const struct tmpl_tree *t, const char *name)
{
	json_object *value = jv_member(t->vars, name);

	return value ? value : jv_member(t->defaults, name);
}

/* A copy, so that who changes the manifest changes no variable. */
static json_object *
copy_new(json_object *value)
{
	json_object *copy = NULL;

	if (value)
		json_object_deep_copy(value, &copy, NULL);
	return copy;
}

/* Set, and neither false nor "false", which is what conf keys say. */
static bool
holds(const struct tmpl_tree *t, const char *name)
{
	json_object *value = look_up(t, name);
	const char *text = jv_text(value);

	if (json_object_is_type(value, json_type_boolean))
		return json_object_get_boolean(value);
	return value && !(text && strcmp(text, "false") == 0);
}

static json_object *
value_new(const struct tmpl_tree *t, const struct piece *p)
{
	char digits[32];

	if (*p->when && holds(t, p->when) == p->unless)
		return NULL;
	switch (p->value) {
	case VALUE_NAME:
		return copy_new(look_up(t, p->name));
	case VALUE_TEXT:
		return json_object_new_string_len(p->at, (int)p->len);
	case VALUE_BOOL:
		return json_object_new_boolean(*p->at == 't');
	case VALUE_INT:
		break;
	}
	snprintf(digits, sizeof digits, "%.*s", (int)p->len, p->at);
	return json_object_new_int64(strtoll(digits, NULL, 10));
}

/* Where a variable's value is from. */
static const char *
origin_of(const struct tmpl_tree *t, const char *name)
{
	const char *words = jv_text(jv_member(
	    jv_member(t->vars, name) ? t->origins : t->default_origins, name));

	return words ? words : "the gateway";
}

static void
add_words(const struct tmpl_tree *t, struct buf *b, const struct piece *p)
{
	if (*p->name)
		buf_addf(b, "%s%s, %s", b->len > 0 ? "; " : "", p->name,
		    origin_of(t, p->name));
	if (*p->when)
		buf_addf(b, "%s%s %s", b->len > 0 ? "; " : "",
		    p->unless ? "unless" : "if", p->when);
}

/* Notes what decided the value that stands at the path. */
static void
note(struct render *r, const struct tnode *n, const char *words)
{
	AUTO_BUF struct buf at = BUF_INIT(8192), by = BUF_INIT(4 * WORDS_MAX);
	json_object *entry, *before;

	if (!r->t->trace || !buf_ok(&r->path))
		return;
	before = jv_member(r->t->trace, r->path.data);
	buf_addf(&at, "%s:%u", n->file, n->line);
	buf_addstr(&by, words);
	if (before)
		buf_addf(&by, " (over %s: %.500s)",
		    tnode_file_name(jv_str(before, "at")),
		    jv_str(before, "by"));
	entry = json_object_new_object();
	jv_set_str(entry, "at", at.data);
	jv_set_str(entry, "by", by.data);
	json_object_object_add(r->t->trace, r->path.data, entry);
}

static void
note_pieces(struct render *r, const struct tnode *n)
{
	AUTO_BUF struct buf words = BUF_INIT(WORDS_MAX);
	const char *text = n->text;
	struct piece piece;

	if (!r->t->trace)
		return;
	while (!r->t->literal && (piece = piece_next(&text)).kind !=
	    PIECE_END && piece.kind != PIECE_BAD)
		if (piece.kind == PIECE_VAR)
			add_words(r->t, &words, &piece);
	note(r, n, words.len > 0 ? words.data : "the template");
}

static bool
render_text(struct render *r, const struct tnode *n, json_object **ret_new)
{
	AUTO_BUF struct buf out = BUF_INIT(TMPL_TEXT_MAX);
	const char *text = n->text;
	struct piece piece;

	while ((piece = piece_next(&text)).kind == PIECE_TEXT ||
	    piece.kind == PIECE_VAR) {
		AUTO_JSON json_object *value = NULL;

		if (piece.kind == PIECE_TEXT) {
			buf_add(&out, piece.at, piece.len);
			continue;
		}
		value = value_new(r->t, &piece);
		if (!value && *piece.when)
			continue;
		if (!value)
			return set_error(n, r->err, "no value for",
			    piece.name);
		if (json_object_is_type(value, json_type_object) ||
		    json_object_is_type(value, json_type_array))
			return set_error(n, r->err,
			    "no list or map can stand inside text:",
			    piece.name);
		buf_addstr(&out, json_object_get_string(value));
	}
	if (!buf_ok(&out))
		return err_set(r->err, 500, "%s:%u: %s becomes too long",
		    n->file, n->line, n->label);
	*ret_new = json_object_new_string_len(out.data, (int)out.len);
	return true;
}

static json_object *
number_new(double value)
{
	char text[40];

	snprintf(text, sizeof text, "%.15g", value);
	if (!strpbrk(text, ".e"))
		snprintf(text, sizeof text, "%.1f", value);
	return json_object_new_double_s(value, text);
}

static bool render(struct render *r, const struct tnode *n,
    json_object **ret_new);

static void
step_in(struct render *r, const char *name)
{
	if (r->t->trace)
		crd_path_member(&r->path, name);
}

static void
step_out(struct render *r, size_t len)
{
	if (r->t->trace)
		buf_truncate(&r->path, len);
}

static bool
is_absent(const struct tmpl_tree *t, const struct tnode *group)
{
	const struct tnode *n;

	for (size_t i = 0; i < group->count; i++) {
		n = group->items[i];
		if (is_condition(t, n) &&
		    holds(t, n->text) != (strcmp(n->name, "if") == 0))
			return true;
	}
	return false;
}

/* The members of a map into o. */
static bool
spread(struct render *r, const struct tnode *n, const struct piece *p,
    json_object *o)
{
	AUTO_JSON json_object *value = value_new(r->t, p);
	size_t len = r->path.len;

	if (!value)
		return true;
	if (!json_object_is_type(value, json_type_object))
		return set_error(n, r->err, "is no map:", p->name);
	json_object_object_foreach(value, key, each) {
		json_object_object_add(o, key, json_object_get(each));
		step_in(r, key);
		note_pieces(r, n);
		step_out(r, len);
	}
	return true;
}

/* A group or a map. */
static bool
render_object(struct render *r, const struct tnode *n, json_object **ret_new)
{
	AUTO_JSON json_object *o = json_object_new_object();
	const struct tnode *item;
	size_t len = r->path.len;
	struct piece piece;
	json_object *value;

	if (n->kind == TNODE_GROUP && is_absent(r->t, n))
		return true;
	for (size_t i = 0; i < n->count; i++) {
		item = n->items[i];
		value = NULL;
		if (n->kind == TNODE_GROUP && is_condition(r->t, item))
			continue;
		if (!item->name) {
			if (is_lone(r->t, item, &piece) &&
			    !spread(r, item, &piece, o))
				return false;
			continue;
		}
		step_in(r, item->name);
		if (!render(r, item, &value))
			return false;
		step_out(r, len);
		if (value)
			json_object_object_add(o, item->name, value);
	}
	*ret_new = o;
	o = NULL;
	return true;
}

static void
add_items(struct render *r, const struct tnode *n, json_object *list,
    json_object *items)
{
	size_t len = r->path.len;

	for (size_t i = 0; i < json_object_array_length(items); i++) {
		if (r->t->trace)
			crd_path_item(&r->path,
			    json_object_array_length(list));
		note_pieces(r, n);
		step_out(r, len);
		json_object_array_add(list, json_object_get(
		    json_object_array_get_idx(items, i)));
	}
}

static bool
render_list(struct render *r, const struct tnode *n, json_object **ret_new)
{
	AUTO_JSON json_object *list = json_object_new_array();
	size_t len = r->path.len;
	struct piece piece;

	for (size_t i = 0; i < n->count; i++) {
		AUTO_JSON json_object *spread = NULL;
		json_object *value = NULL;

		if (is_lone(r->t, n->items[i], &piece))
			spread = value_new(r->t, &piece);
		if (json_object_is_type(spread, json_type_array)) {
			add_items(r, n->items[i], list, spread);
			continue;
		}
		if (r->t->trace)
			crd_path_item(&r->path,
			    json_object_array_length(list));
		if (!render(r, n->items[i], &value))
			return false;
		step_out(r, len);
		if (value)
			json_object_array_add(list, value);
	}
	*ret_new = list;
	list = NULL;
	return true;
}

static bool
render(struct render *r, const struct tnode *n, json_object **ret_new)
{
	struct piece piece;

	switch (n->kind) {
	case TNODE_GROUP: case TNODE_MAP:
		return render_object(r, n, ret_new);
	case TNODE_LIST:
		return render_list(r, n, ret_new);
	case TNODE_TEXT:
		if (r->t->literal)
			*ret_new = json_object_new_string(n->text);
		else if (is_lone(r->t, n, &piece))
			*ret_new = value_new(r->t, &piece);
		else if (!render_text(r, n, ret_new))
			return false;
		if (*ret_new)
			note_pieces(r, n);
		return true;
	case TNODE_BOOL:
		*ret_new = json_object_new_boolean((int)n->number);
		break;
	case TNODE_FLOAT:
		*ret_new = number_new(n->real);
		break;
	case TNODE_INT:
		*ret_new = json_object_new_int64(n->number);
		break;
	}
	note(r, n, "the template");
	return true;
}

bool
tmpl_tree_render(const struct tmpl_tree *t, const struct tnode *n,
    json_object **ret_new, struct err *err)
{
	struct render r = { .t = t, .path = BUF_INIT(PATH_BYTES_MAX),
		.err = err };
	bool good;

	*ret_new = NULL;
	good = render(&r, n, ret_new);
	buf_release(&r.path);
	return good;
}

bool
tmpl_tree_literal(const char *path, config_setting_t *s,
    json_object **ret_new, struct err *err)
{
	const struct tmpl_tree t = { .literal = true };
	AUTO_CFG_ERRORS struct cfg_errors errors = CFG_ERRORS_INIT;
	AUTO_TNODE struct tnode *n = tnode_new(path, s, &errors);

	tmpl_tree_check(&t, n, NULL, &errors);
	return cfg_errors_none(&errors, err) &&
	    tmpl_tree_render(&t, n, ret_new, err);
}

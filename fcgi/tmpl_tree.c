#include "config.h"

#include "tmpl_tree.h"

#include <math.h>

#include <libconfig.h>

#include "cfg.h"
#include "jv.h"

enum piece_kind { PIECE_END, PIECE_TEXT, PIECE_NAME, PIECE_BAD };

struct piece {
	enum piece_kind kind;
	const char *at;		/* of a text or a name */
	size_t len;
};

static bool
is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

bool
tmpl_is_name(const char *text, size_t len)
{
	if (len == 0 || len > TMPL_NAME_MAX || !is_letter(text[0]))
		return false;
	for (size_t i = 1; i < len; i++)
		if (!is_letter(text[i]) && text[i] != '_' &&
		    (text[i] < '0' || text[i] > '9'))
			return false;
	return true;
}

/* Takes the next piece off *text: a placeholder, or text up to the next. */
static struct piece
next_piece(const char **text)
{
	const char *p = *text, *end;
	struct piece piece = { .at = p };

	if (!*p)
		return piece;
	if (strncmp(p, "${", 2) == 0) {
		end = strchr(p, '}');
		piece.kind = PIECE_BAD;
		if (!end || !tmpl_is_name(p + 2, (size_t)(end - p - 2)))
			return piece;
		*text = end + 1;
		return (struct piece){ PIECE_NAME, p + 2,
			(size_t)(end - p - 2) };
	}
	piece.kind = PIECE_TEXT;
	if (strncmp(p, "$${", 3) == 0) {
		piece.at++;
		p += 3;
	} else {
		for (p++; *p && strncmp(p, "${", 2) != 0 &&
		    strncmp(p, "$${", 3) != 0;)
			p++;
	}
	piece.len = (size_t)(p - piece.at);
	*text = p;
	return piece;
}

/* Whether s is one placeholder and nothing else; fills its name. */
static bool
is_lone(const struct tmpl_tree *t, config_setting_t *s,
    char name[TMPL_NAME_MAX + 1])
{
	const char *text = config_setting_get_string(s);
	struct piece piece;

	if (!text || t->literal)
		return false;
	piece = next_piece(&text);
	if (piece.kind != PIECE_NAME || *text)
		return false;
	memcpy(name, piece.at, piece.len);
	name[piece.len] = '\0';
	return true;
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

/* The name of the setting that s is or is an item of, for messages. */
static const char *
owner_name(config_setting_t *s)
{
	while (s && !config_setting_name(s))
		s = config_setting_parent(s);
	return s ? config_setting_name(s) : "";
}

static bool
set_error(const struct tmpl_tree *t, config_setting_t *s, struct err *err,
    const char *text, const char *name)
{
	return err_set(err, 500, "%s:%u: %s: %s '%s'", t->path,
	    config_setting_source_line(s), owner_name(s), text, name);
}

static void
check_text(const struct tmpl_tree *t, config_setting_t *s, json_object *known,
    struct cfg_errors *errors)
{
	const char *text = config_setting_get_string(s);
	unsigned line = config_setting_source_line(s);
	char name[TMPL_NAME_MAX + 1];
	struct piece piece;

	if (t->literal)
		return;
	while ((piece = next_piece(&text)).kind != PIECE_END) {
		if (piece.kind == PIECE_BAD) {
			cfg_error(errors, t->path, line,
			    "%s: no placeholder: '%.40s' ($${ stands for ${)",
			    owner_name(s), piece.at);
			return;
		}
		if (piece.kind == PIECE_TEXT || !known)
			continue;
		memcpy(name, piece.at, piece.len);
		name[piece.len] = '\0';
		if (!json_object_object_get_ex(known, name, NULL) &&
		    !jv_member(t->defaults, name))
			cfg_error(errors, t->path, line,
			    "%s: unknown variable '%s'", owner_name(s), name);
	}
}

static void
check_map(const struct tmpl_tree *t, config_setting_t *s, json_object *known,
    struct cfg_errors *errors, int depth);

static void
check(const struct tmpl_tree *t, config_setting_t *s, json_object *known,
    struct cfg_errors *errors, int depth)
{
	unsigned line = config_setting_source_line(s);

	if (depth == 0) {
		cfg_error(errors, t->path, line, "%s: nested too deeply",
		    owner_name(s));
	} else if (is_map(s)) {
		check_map(t, s, known, errors, depth);
	} else if (config_setting_is_aggregate(s)) {
		for (int i = 0; i < config_setting_length(s); i++)
			check(t, config_setting_get_elem(s, (unsigned)i),
			    known, errors, depth - 1);
	} else if (config_setting_type(s) == CONFIG_TYPE_STRING) {
		check_text(t, s, known, errors);
	} else if (config_setting_type(s) == CONFIG_TYPE_FLOAT &&
	    !isfinite(config_setting_get_float(s))) {
		cfg_error(errors, t->path, line, "%s: the number is too large",
		    owner_name(s));
	}
}

static void
check_map(const struct tmpl_tree *t, config_setting_t *s, json_object *known,
    struct cfg_errors *errors, int depth)
{
	char name[TMPL_NAME_MAX + 1];
	config_setting_t *item;
	const char *key;

	for (int i = 0; i < config_setting_length(s); i++) {
		item = config_setting_get_elem(s, (unsigned)i);
		if (is_pair(item)) {
			key = config_setting_get_string_elem(item, 0);
			if (!*key || (!t->literal && strstr(key, "${")))
				cfg_error(errors, t->path,
				    config_setting_source_line(item),
				    "%s: '%s' cannot be a key", owner_name(s),
				    key);
			check(t, config_setting_get_elem(item, 1), known,
			    errors, depth - 1);
		} else if (is_lone(t, item, name)) {
			check_text(t, item, known, errors);
		} else {
			cfg_error(errors, t->path,
			    config_setting_source_line(item),
			    "%s: in a map each item must be a pair%s",
			    owner_name(s),
			    t->literal ? "" : " or a lone placeholder");
		}
	}
}

void
tmpl_tree_check(const struct tmpl_tree *t, config_setting_t *s,
    json_object *known, struct cfg_errors *errors)
{
	check(t, s, known, errors, CFG_DEPTH);
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

static bool
render_text(const struct tmpl_tree *t, config_setting_t *s,
    json_object **ret_new, struct err *err)
{
	AUTO_BUF struct buf out = BUF_INIT(TMPL_TEXT_MAX);
	const char *text = config_setting_get_string(s);
	char name[TMPL_NAME_MAX + 1];
	json_object *value;
	struct piece piece;

	if (t->literal) {
		*ret_new = json_object_new_string(text);
		return true;
	}
	while ((piece = next_piece(&text)).kind == PIECE_TEXT ||
	    piece.kind == PIECE_NAME) {
		if (piece.kind == PIECE_TEXT) {
			buf_add(&out, piece.at, piece.len);
			continue;
		}
		memcpy(name, piece.at, piece.len);
		name[piece.len] = '\0';
		value = look_up(t, name);
		if (!value)
			return set_error(t, s, err, "no value for", name);
		if (json_object_is_type(value, json_type_object) ||
		    json_object_is_type(value, json_type_array))
			return set_error(t, s, err,
			    "no list or map can stand inside text:", name);
		buf_addstr(&out, json_object_get_string(value));
	}
	if (!buf_ok(&out))
		return err_set(err, 500, "%s:%u: %s becomes too long", t->path,
		    config_setting_source_line(s), owner_name(s));
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

static bool
render_group(const struct tmpl_tree *t, config_setting_t *s,
    json_object **ret_new, struct err *err)
{
	AUTO_JSON json_object *o = json_object_new_object();
	config_setting_t *member;
	json_object *value;

	for (int i = 0; i < config_setting_length(s); i++) {
		member = config_setting_get_elem(s, (unsigned)i);
		value = NULL;
		if (!tmpl_tree_render(t, member, &value, err))
			return false;
		if (value)
			json_object_object_add(o, config_setting_name(member),
			    value);
	}
	*ret_new = o;
	o = NULL;
	return true;
}

static bool
render_map(const struct tmpl_tree *t, config_setting_t *s,
    json_object **ret_new, struct err *err)
{
	AUTO_JSON json_object *o = json_object_new_object();
	char name[TMPL_NAME_MAX + 1];
	config_setting_t *item;
	json_object *value;

	for (int i = 0; i < config_setting_length(s); i++) {
		item = config_setting_get_elem(s, (unsigned)i);
		value = NULL;
		if (is_lone(t, item, name)) {
			value = look_up(t, name);
			if (!value)
				continue;
			if (!json_object_is_type(value, json_type_object))
				return set_error(t, item, err, "is no map:",
				    name);
			json_object_object_foreach(value, key, each)
				json_object_object_add(o, key, copy_new(each));
			continue;
		}
		if (!tmpl_tree_render(t, config_setting_get_elem(item, 1),
		    &value, err))
			return false;
		if (value)
			json_object_object_add(o,
			    config_setting_get_string_elem(item, 0), value);
	}
	*ret_new = o;
	o = NULL;
	return true;
}

static bool
render_list(const struct tmpl_tree *t, config_setting_t *s,
    json_object **ret_new, struct err *err)
{
	AUTO_JSON json_object *list = json_object_new_array();
	char name[TMPL_NAME_MAX + 1];
	config_setting_t *item;
	json_object *value;

	for (int i = 0; i < config_setting_length(s); i++) {
		item = config_setting_get_elem(s, (unsigned)i);
		value = NULL;
		if (is_lone(t, item, name) &&
		    json_object_is_type(look_up(t, name), json_type_array)) {
			value = look_up(t, name);
			for (size_t j = 0; j < json_object_array_length(value);
			    j++)
				json_object_array_add(list, copy_new(
				    json_object_array_get_idx(value, j)));
			continue;
		}
		if (!tmpl_tree_render(t, item, &value, err))
			return false;
		if (value)
			json_object_array_add(list, value);
	}
	*ret_new = list;
	list = NULL;
	return true;
}

bool
tmpl_tree_render(const struct tmpl_tree *t, config_setting_t *s,
    json_object **ret_new, struct err *err)
{
	char name[TMPL_NAME_MAX + 1];

	switch (config_setting_type(s)) {
	case CONFIG_TYPE_GROUP:
		return render_group(t, s, ret_new, err);
	case CONFIG_TYPE_LIST:
		return is_map(s) ? render_map(t, s, ret_new, err) :
		    render_list(t, s, ret_new, err);
	case CONFIG_TYPE_ARRAY:
		return render_list(t, s, ret_new, err);
	case CONFIG_TYPE_STRING:
		if (!is_lone(t, s, name))
			return render_text(t, s, ret_new, err);
		*ret_new = copy_new(look_up(t, name));
		return true;
	case CONFIG_TYPE_BOOL:
		*ret_new = json_object_new_boolean(config_setting_get_bool(s));
		return true;
	case CONFIG_TYPE_FLOAT:
		*ret_new = number_new(config_setting_get_float(s));
		return true;
	default:
		*ret_new = json_object_new_int64(config_setting_get_int64(s));
		return true;
	}
}

bool
tmpl_tree_literal(const char *path, config_setting_t *s,
    json_object **ret_new, struct err *err)
{
	const struct tmpl_tree t = { .path = path, .literal = true };
	AUTO_CFG_ERRORS struct cfg_errors errors = CFG_ERRORS_INIT;

	tmpl_tree_check(&t, s, NULL, &errors);
	return cfg_errors_none(&errors, err) &&
	    tmpl_tree_render(&t, s, ret_new, err);
}

#include "config.h"

#include "tmpl_policy.h"

#include "buf.h"
#include "cfg.h"
#include "err.h"
#include "jv.h"
#include "num.h"
#include "tmpl_node.h"
#include "tmpl_tree.h"

/* Parts of keys whose values are secrets, as Spark redacts them, and more. */
static const char *const secret_words[] = {
	"password", "passwd", "secret", "token", "credential", "access.key",
	"accesskey", "access_key", "private.key", "privatekey", "api.key",
	"apikey", "account.key",
};

/* How Spark names what a pod takes of a Secret. */
static const struct {
	const char *prefix;
	bool in_key;	/* the Secret's name ends the key; else "NAME:KEY" */
} secret_keys[] = {
	{ "spark.kubernetes.driver.secretKeyRef.", false },
	{ "spark.kubernetes.executor.secretKeyRef.", false },
	{ "spark.kubernetes.driver.secrets.", true },
	{ "spark.kubernetes.executor.secrets.", true },
};

enum lift_type { LIFT_TEXT, LIFT_INT, LIFT_BOOL };
static const char *const lift_types[] = { "text", "int", "bool" };

struct lift {
	const char *key, *name;
	enum lift_type type;
};

/* Whether n lists words, of which only the last character can be '*'. */
static bool
is_patterns(const struct tnode *n)
{
	const char *pattern;
	size_t len;

	if (n->kind != TNODE_LIST)
		return false;
	for (size_t i = 0; i < n->count; i++) {
		pattern = n->items[i]->text;
		if (!pattern || !*pattern)
			return false;
		len = strcspn(pattern, "*");
		if (pattern[len] && pattern[len + 1])
			return false;
	}
	return true;
}

static void
check_patterns(const struct tnode *n, struct cfg_errors *errors)
{
	if (!is_patterns(n))
		cfg_error(errors, n->file, n->line,
		    "%s must be a list of conf keys; only the last "
		    "character of one can be '*'", n->name);
}

/* The i-th lift: ("key", "name") is a pair, with a type a list of three. */
static bool
lift_at(const struct tnode *list, size_t i, struct lift *ret)
{
	const struct tnode *n = list->items[i];

	*ret = (struct lift){ .key = n->name, .name = n->text };
	if (!n->name && n->kind == TNODE_LIST && n->count == 3) {
		ret->key = n->items[0]->text;
		ret->name = n->items[1]->text;
		for (size_t k = 0; k < ARRAY_LEN(lift_types); k++)
			if (n->items[2]->text && strcmp(n->items[2]->text,
			    lift_types[k]) == 0) {
				ret->type = (enum lift_type)k;
				return ret->key && *ret->key && ret->name &&
				    tmpl_is_name(ret->name, strlen(ret->name));
			}
		return false;
	}
	return ret->key && *ret->key && ret->name &&
	    tmpl_is_name(ret->name, strlen(ret->name));
}

static void
check_lifts(const struct tnode *list, struct cfg_errors *errors)
{
	struct lift lift;

	if (list->kind != TNODE_LIST && list->kind != TNODE_MAP) {
		cfg_error(errors, list->file, list->line,
		    "lift must be a list of (\"conf.key\", \"variable\")");
		return;
	}
	for (size_t i = 0; i < list->count; i++)
		if (!lift_at(list, i, &lift))
			cfg_error(errors, list->items[i]->file,
			    list->items[i]->line, "lift: each item must be "
			    "(\"conf.key\", \"variable\") or (\"conf.key\", "
			    "\"variable\", \"int\"), or \"bool\", \"text\"");
}

void
tmpl_policy_read(struct tmpl_policy *p, const struct tnode *policy,
    struct cfg_errors *errors)
{
	const struct {
		const char *name;
		const struct tnode **list;
	} lists[] = {
		{ "refused_conf", &p->refused }, { "allowed_conf", &p->allowed },
		{ "secret_conf", &p->secret_conf }, { "secrets", &p->secrets },
		{ "newer_fields", &p->newer }, { "lift", &p->lift },
	};
	size_t i, k;

	for (i = 0; i < policy->count; i++) {
		const struct tnode *n = policy->items[i];

		for (k = 0; k < ARRAY_LEN(lists); k++)
			if (strcmp(lists[k].name, n->name) == 0)
				break;
		if (k == ARRAY_LEN(lists)) {
			cfg_error(errors, n->file, n->line,
			    "unknown policy '%s'", n->name);
			continue;
		}
		*lists[k].list = n;
		if (lists[k].list == &p->lift)
			check_lifts(n, errors);
		else
			check_patterns(n, errors);
	}
}

bool
tmpl_policy_matches(const struct tnode *patterns, const char *word)
{
	const char *pattern;
	size_t len;

	for (size_t i = 0; patterns && i < patterns->count; i++) {
		pattern = patterns->items[i]->text;
		len = strcspn(pattern, "*");
		if (strncmp(pattern, word, len) == 0 &&
		    (pattern[len] == '*' || !word[len]))
			return true;
	}
	return false;
}

static bool
is_lifted(const struct tmpl_policy *p, const char *key)
{
	struct lift lift;

	for (size_t i = 0; p->lift && i < p->lift->count; i++)
		if (lift_at(p->lift, i, &lift) && strcmp(lift.key, key) == 0)
			return true;
	return false;
}

/* The end of a key that makes a pod take something of a Secret, or NULL. */
static const char *
secret_key(const char *key, bool *ret_in_key)
{
	size_t n;

	for (size_t i = 0; i < ARRAY_LEN(secret_keys); i++) {
		n = strlen(secret_keys[i].prefix);
		if (strncmp(key, secret_keys[i].prefix, n) == 0 && key[n]) {
			*ret_in_key = secret_keys[i].in_key;
			return key + n;
		}
	}
	return NULL;
}

bool
tmpl_policy_allows(const struct tmpl_policy *p, const char *key)
{
	bool in_key;

	if (is_lifted(p, key))
		return true;
	if (p->secrets && secret_key(key, &in_key))
		return true;	/* its Secret's name decides */
	if (tmpl_policy_matches(p->refused, key))
		return false;
	return !p->allowed || tmpl_policy_matches(p->allowed, key);
}

/*
 * A key goes to spark-submit as KEY=VALUE, which is split at the first '=':
 * one that holds that sign would set another key than the one that is judged.
 */
static bool
check_spelling(json_object *map, struct err *err)
{
	json_object_object_foreach(map, key, value) {
		(void)value;
		if (*key && !strchr(key, '=') &&
		    !key[strcspn(key, " \t\r\n\f\v")])
			continue;
		return err_set(err, 400, "Rejected, Reason: '%.200s' cannot be "
		    "a conf key: it is empty, or holds '=' or white space",
		    key);
	}
	return true;
}

static bool
check_refused(const struct tmpl_policy *p, json_object *map, struct err *err)
{
	AUTO_BUF struct buf b = BUF_INIT(ERR_MSG_MAX);

	json_object_object_foreach(map, key, value) {
		(void)value;
		if (!tmpl_policy_allows(p, key))
			buf_addf(&b, "%s%s", b.len > 0 ? ", " : "", key);
	}
	if (b.len == 0 && buf_ok(&b))
		return true;
	return err_set(err, 400, "Rejected, Reason: Blacklisted configuration "
	    "values in session config: %s", buf_ok(&b) ? b.data : "too many");
}

/*
 * Whether a key is of the kind whose values should not be read by others. A
 * provider of such names a class or a store; something else of a provider's
 * may be the secret itself.
 */
static bool
looks_secret(const char *key, const char *value)
{
	const char *at;

	if (!*value || strcmp(value, "true") == 0 ||
	    strcmp(value, "false") == 0 || !value[strspn(value, "0123456789")])
		return false;
	for (size_t i = 0; i < ARRAY_LEN(secret_words); i++) {
		at = strcasestr(key, secret_words[i]);
		if (at && !strcasestr(at, "provider"))
			return true;
	}
	return false;
}

static bool
refuse_secret(const struct tmpl_policy *p, const char *key, struct err *err)
{
	return err_set(err, 400, "Rejected, Reason: the value of '%.200s' "
	    "looks like a secret, and everyone who sees this application "
	    "would see it. Put it into a Kubernetes Secret and %s. A template "
	    "may allow this key, by policy.secret_conf.", key, p->secrets ?
	    "name that: spark.kubernetes.driver.secretKeyRef.VARIABLE = "
	    "SECRET:KEY puts it into the driver's environment" : "have the "
	    "template put that into the environment of driver and executors");
}

static bool
check_secret_name(const struct tmpl_policy *p, const char *key,
    const char *value, struct err *err)
{
	char name[KUBE_NAME_MAX + 1];
	bool in_key;
	const char *end = secret_key(key, &in_key);
	const char *from = in_key ? end : value;
	size_t len = in_key ? strlen(from) : strcspn(from, ":");

	if (len > KUBE_NAME_MAX || (!in_key && from[len] != ':'))
		return err_set(err, 400, "Rejected, Reason: '%.200s' must be "
		    "SECRET:KEY", key);
	memcpy(name, from, len);
	name[len] = '\0';
	return tmpl_policy_matches(p->secrets, name) || err_set(err, 400,
	    "Rejected, Reason: the Secret '%s' of '%.200s' is none of those "
	    "that may be named here", name, key);
}

static bool
check_secrets(const struct tmpl_policy *p, json_object *map, struct err *err)
{
	const char *text;
	bool in_key;

	json_object_object_foreach(map, key, value) {
		text = jv_text(value) ? jv_text(value) : "";
		if (is_lifted(p, key) ||
		    tmpl_policy_matches(p->secret_conf, key))
			continue;
		if (secret_key(key, &in_key)) {
			if (p->secrets && !check_secret_name(p, key, text,
			    err))
				return false;
		} else if (looks_secret(key, text)) {
			return refuse_secret(p, key, err);
		}
	}
	return true;
}

/* The word in a text, as Spark reads numbers and switches; "" if too long. */
static void
trimmed(const char *text, char ret[32])
{
	size_t len = strlen(text), skip;

	for (skip = 0; text[skip] && (unsigned char)text[skip] <= ' '; skip++)
		;
	while (len > skip && (unsigned char)text[len - 1] <= ' ')
		len--;
	len -= skip;
	if (len >= 32)
		len = 0;
	memcpy(ret, text + skip, len);
	ret[len] = '\0';
}

static bool
lift_value(const struct lift *lift, const char *text, json_object **ret_new,
    struct err *err)
{
	const char *number;
	char word[32];
	int64_t n;
	bool yes;

	trimmed(text, word);
	switch (lift->type) {
	case LIFT_TEXT:
		*ret_new = json_object_new_string(text);
		return true;
	case LIFT_INT:
		number = word + (word[0] == '+' && word[1] != '-');
		if (!num_int(number, INT32_MIN, INT32_MAX, &n))
			return err_set(err, 400, "Rejected, Reason: '%.200s' "
			    "is '%.60s', must be an integer", lift->key, text);
		*ret_new = json_object_new_int64(n);
		return true;
	case LIFT_BOOL:
		break;
	}
	yes = strcasecmp(word, "true") == 0;
	if (!yes && strcasecmp(word, "false") != 0)
		return err_set(err, 400, "Rejected, Reason: '%.200s' is "
		    "'%.60s', must be true or false", lift->key, text);
	*ret_new = json_object_new_boolean(yes);
	return true;
}

bool
tmpl_policy_take(const struct tmpl_policy *p, json_object *vars,
    struct err *err)
{
	json_object *map = jv_member(vars, "conf"), *value = NULL;
	json_object *lifted = json_object_new_object();
	struct lift lift;
	const char *text;

	json_object_object_add(vars, "lifted", lifted);
	if (!json_object_is_type(map, json_type_object))
		return true;
	if (!check_spelling(map, err) || !check_refused(p, map, err) ||
	    !check_secrets(p, map, err))
		return false;
	for (size_t i = 0; p->lift && i < p->lift->count; i++) {
		if (!lift_at(p->lift, i, &lift))
			continue;
		text = jv_text(jv_member(map, lift.key));
		/* the request's own field wins, as in Livy */
		if (text && !jv_member(vars, lift.name)) {
			if (!lift_value(&lift, text, &value, err))
				return false;
			json_object_object_add(vars, lift.name, value);
			jv_set_str(lifted, lift.name, lift.key);
		}
		json_object_object_del(map, lift.key);
	}
	return true;
}

void
tmpl_policy_known(const struct tmpl_policy *p, bool set, json_object *vars)
{
	json_object *value;
	struct lift lift;

	for (size_t i = 0; p->lift && i < p->lift->count; i++) {
		if (!lift_at(p->lift, i, &lift) ||
		    jv_member(vars, lift.name))
			continue;
		value = NULL;
		if (set)
			value = lift.type == LIFT_INT ? json_object_new_int(1) :
			    lift.type == LIFT_BOOL ?
			    json_object_new_boolean(1) :
			    json_object_new_string("1");
		json_object_object_add(vars, lift.name, value);
	}
}

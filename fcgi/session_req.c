#include "config.h"

#include "session_req.h"

#include <ctype.h>

#include "buf.h"
#include "conf.h"
#include "conf_choose.h"
#include "create_req.h"
#include "err.h"
#include "files.h"
#include "jv.h"
#include "num.h"

/* In the order in which Livy names them. */
static const struct field fields[] = {
	{ "executorCores", FIELD_INT }, { "conf", FIELD_MAP },
	{ "driverMemory", FIELD_TEXT }, { "name", FIELD_TEXT },
	{ "driverCores", FIELD_INT }, { "idleTimeout", FIELD_TEXT },
	{ "pyFiles", FIELD_LIST }, { "archives", FIELD_LIST },
	{ "kind", FIELD_OWN }, { "files", FIELD_LIST },
	{ "jars", FIELD_LIST }, { "proxyUser", FIELD_TEXT },
	{ "numExecutors", FIELD_INT },
	{ "heartbeatTimeoutInSecond", FIELD_PRIMITIVE },
	{ "ttl", FIELD_TEXT }, { "queue", FIELD_TEXT },
	{ "executorMemory", FIELD_TEXT },
};

/* What views show of the request, in the order in which they do. */
static const struct field echoed[] = {
	{ "ttl", FIELD_TEXT }, { "idleTimeout", FIELD_TEXT },
	{ "driverMemory", FIELD_TEXT }, { "driverCores", FIELD_INT },
	{ "executorMemory", FIELD_TEXT }, { "executorCores", FIELD_INT },
	{ "conf", FIELD_MAP }, { "archives", FIELD_LIST },
	{ "files", FIELD_LIST },
	{ "heartbeatTimeoutInSecond", FIELD_INT }, { "jars", FIELD_LIST },
	{ "numExecutors", FIELD_INT }, { "pyFiles", FIELD_LIST },
	{ "queue", FIELD_TEXT },
};

static const struct {
	const char *word, *means;
} kinds[] = {
	{ "spark", "spark" }, { "scala", "spark" },
	{ "pyspark", "pyspark" }, { "python", "pyspark" },
	{ "sparkr", "sparkr" }, { "r", "sparkr" },
	{ "shared", "shared" }, { "sql", "sql" },
};

static bool
read_kind(const struct create_form *form, json_object *o,
    json_object **ret_new, struct err *err)
{
	const char *word = jv_text(o);

	if (!word)
		return err_bare(err, 400, "requirement failed: Kind should be "
		    "a string. (through reference chain: %s[\"kind\"])",
		    form->class);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(kinds[i].word, word) == 0) {
			*ret_new = json_object_new_string(kinds[i].means);
			return true;
		}
	return err_bare(err, 400, "Invalid kind: %.200s (through reference "
	    "chain: %s[\"kind\"])", word, form->class);
}

static const struct create_form form = {
	.class = "org.apache.livy.server.interactive.CreateInteractiveRequest",
	.getter = "ttl", .fields = fields, .count = ARRAY_LEN(fields),
	.own = read_kind,
};

static const struct {
	const char *suffix;
	int64_t us;
} units[] = {
	{ "us", 1 }, { "ms", 1000 }, { "", 1000 }, { "s", 1000000 },
	{ "m", 60000000LL }, { "min", 60000000LL }, { "h", 3600000000LL },
	{ "d", 86400000000LL },
};

/* "-?[0-9]+([a-z]+)?" around which there may be space, in any case. */
static bool
split_time(const char *text, char number[32], char suffix[32])
{
	size_t start = strspn(text, " \t\r\n"), len = strlen(text), n = 0;
	size_t at = start, digits;

	while (len > start && strchr(" \t\r\n", text[len - 1]))
		len--;
	at += text[at] == '-';
	digits = strspn(text + at, "0123456789");
	if (digits == 0 || at + digits - start > 31 || at + digits > len ||
	    len - at - digits > 31)
		return false;
	memcpy(number, text + start, at + digits - start);
	number[at + digits - start] = '\0';
	for (at += digits; at < len; at++) {
		if (!isalpha((unsigned char)text[at]))
			return false;
		suffix[n++] = (char)tolower((unsigned char)text[at]);
	}
	suffix[n] = '\0';
	return true;
}

/* A time as Livy's ClientConf reads it, in ms. */
static bool
read_time(const char *text, int64_t *ret, struct err *err)
{
	char number[32], suffix[32];
	int64_t n, us;

	if (!split_time(text, number, suffix))
		return err_set(err, 400, "Rejected, Reason: Invalid time "
		    "string: %s", text);
	if (!num_int(number, INT64_MIN, INT64_MAX, &n))
		return err_set(err, 400, "Rejected, Reason: For input string: "
		    "\"%s\"", number);
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (strcmp(units[i].suffix, suffix) != 0)
			continue;
		if (n < 0)
			return err_set(err, 400, "Rejected, Reason: Invalid "
			    "value: %s", number);
		if (__builtin_mul_overflow(n, units[i].us, &us))
			us = INT64_MAX;
		*ret = us / 1000;
		return true;
	}
	return err_set(err, 400, "Rejected, Reason: Invalid suffix: \"%s\"",
	    suffix);
}

/*
 * What a time of the request, or else the site's, comes to here; nothing
 * where the site looks at no such time at all.
 */
static bool
set_time(json_object *vars, const char *name, const char *means, bool checked,
    int64_t site_ms, struct err *err)
{
	const char *text = jv_text(jv_member(vars, name));
	int64_t ms = site_ms;

	if (text && !read_time(text, &ms, err))
		return false;
	json_object_object_add(vars, means,
	    json_object_new_int64(checked ? ms : 0));
	return true;
}

static bool
set_times(const struct conf *conf, json_object *vars, struct err *err)
{
	int64_t beat = jv_int(vars, "heartbeatTimeoutInSecond", 0);

	json_object_object_add(vars, "heartbeatMs",
	    json_object_new_int64(beat > 0 ? beat * 1000 : 0));
	return set_time(vars, "ttl", "ttlMs", conf->session_ttl_check,
	    conf->session_ttl_ms, err) &&
	    set_time(vars, "idleTimeout", "idleMs",
	    conf->session_timeout_check, conf->session_timeout_ms, err);
}

static json_object *
echo_of(json_object *vars)
{
	json_object *echo = json_object_new_object();
	json_object *o, *copy;

	for (size_t i = 0; i < ARRAY_LEN(echoed); i++) {
		o = jv_member(vars, echoed[i].name);
		copy = NULL;
		if (o && json_object_deep_copy(o, &copy, NULL) == 0)
			json_object_object_add(echo, echoed[i].name, copy);
	}
	return echo;
}

/* In Livy's order: what a session is to run with comes before its name. */
bool
session_req_parse(const struct conf *conf, const struct asker *by,
    const char *body, size_t len, json_object **ret_vars,
    json_object **ret_echo, struct err *err)
{
	AUTO_JSON json_object *vars = NULL;
	AUTO_JSON json_object *echo = NULL;

	if (!create_req_read(&form, body, len, &vars, err) ||
	    !set_times(conf, vars, err))
		return false;
	echo = echo_of(vars);
	if (!conf_policy(conf, APP_SESSION, by, vars, err) ||
	    !files_resolve_lists(conf, vars, err) ||
	    !create_req_ints(&form, vars, err) ||
	    !create_req_name(vars, err))
		return false;
	create_req_drop_empty(&form, vars);
	if (!jv_member(vars, "kind"))
		jv_set_str(vars, "kind", "shared");
	*ret_vars = vars;
	*ret_echo = echo;
	vars = echo = NULL;
	return true;
}

json_object *
session_req_known(void)
{
	json_object *known = create_req_known(&form);

	jv_set_str(known, "kind", "shared");
	json_object_object_add(known, "heartbeatMs", json_object_new_int64(0));
	json_object_object_add(known, "ttlMs", json_object_new_int64(0));
	json_object_object_add(known, "idleMs", json_object_new_int64(0));
	return known;
}

/* A list or map of texts alone, else "": what is in an echo was asked for. */
static json_object *
texts(json_object *o, enum field_type type)
{
	bool list = type == FIELD_LIST;

	if (!json_object_is_type(o, list ? json_type_array : json_type_object))
		return NULL;
	if (!list) {
		json_object_object_foreach(o, key, value) {
			(void)key;
			if (!jv_text(value))
				return NULL;
		}
		return o;
	}
	for (size_t i = 0; i < json_object_array_length(o); i++)
		if (!jv_text(json_object_array_get_idx(o, i)))
			return NULL;
	return o;
}

void
session_req_echo(const char *echo, struct buf *out)
{
	AUTO_JSON json_object *all = NULL;
	struct err ignored = ERR_INIT;
	json_object *o;

	if (echo && !jv_parse(echo, strlen(echo), JV_DEPTH_CLIENT, &all,
	    &ignored))
		all = NULL;
	for (size_t i = 0; i < ARRAY_LEN(echoed); i++) {
		buf_addf(out, "%s\"%s\":", i > 0 ? "," : "", echoed[i].name);
		o = jv_member(all, echoed[i].name);
		switch (echoed[i].type) {
		case FIELD_TEXT:
			jv_add_str(out, jv_text(o));
			break;
		case FIELD_INT: case FIELD_PRIMITIVE: case FIELD_OWN:
			buf_addint(out, json_object_is_type(o, json_type_int) ?
			    json_object_get_int64(o) : 0);
			break;
		case FIELD_LIST:
			o = texts(o, FIELD_LIST);
			buf_addstr(out, o ? jv_print(o) : "[]");
			break;
		case FIELD_MAP:
			o = texts(o, FIELD_MAP);
			buf_addstr(out, o ? jv_print(o) : "{}");
			break;
		}
	}
}

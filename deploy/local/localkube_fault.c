#include "config.h"

#include "localkube_fault.h"

#include <pthread.h>

#include "buf.h"
#include "err.h"
#include "jv.h"

#define RULES_MAX 64

struct rule {
	char *method, *path;	/* NULL: any */
	struct kfault fault;
	int64_t count;		/* hits left; -1: no end */
	int64_t hits;
	json_object *text;	/* as it was put */
};

static const struct {
	const char *word;
	enum kfault_kind kind;
} words[] = {
	{ "status", KFAULT_STATUS },
	{ "stall", KFAULT_STALL },
	{ "reset", KFAULT_RESET },
	{ "reset-after-commit", KFAULT_RESET_AFTER },
	{ "status-after-commit", KFAULT_STATUS_AFTER },
	{ "slow", KFAULT_SLOW },
	{ "half", KFAULT_HALF },
	{ "watch-delay", KFAULT_WATCH_DELAY },
	{ "gone", KFAULT_GONE },
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct rule rules[RULES_MAX];
static size_t n_rules;
static uint64_t generation;

static void
release(struct rule *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(list[i].method);
		free(list[i].path);
		json_object_put(list[i].text);
	}
}

static char *
dup_or_null(const char *text)
{
	return text ? mem_strdup(text) : NULL;
}

static bool
read_rule(json_object *o, struct rule *ret, struct kst *st)
{
	const char *word = jv_str(o, "fault");

	ret->method = dup_or_null(jv_str(o, "method"));
	ret->path = dup_or_null(jv_str(o, "path"));
	ret->count = jv_int(o, "count", -1);
	ret->fault.status = (int)jv_int(o, "status", 0);
	ret->fault.retry_after_s = (int)jv_int(o, "retryAfter", 0);
	ret->fault.ms = jv_int(o, "ms", 0);
	ret->text = json_object_get(o);
	for (size_t i = 0; word && i < ARRAY_LEN(words); i++)
		if (strcmp(words[i].word, word) == 0)
			ret->fault.kind = words[i].kind;
	if (ret->fault.kind == KFAULT_NONE)
		return kst_set(st, 400, "BadRequest", "unknown fault '%s'",
		    word ? word : "");
	return true;
}

bool
kfault_put(const char *body, size_t len, struct kst *st)
{
	AUTO_JSON json_object *list = NULL;
	struct rule fresh[RULES_MAX] = { 0 };
	struct err err = ERR_INIT;
	size_t n = 0;
	bool ok = true;

	if (!jv_parse(body, len, JV_DEPTH_CLIENT, &list, &err))
		return kst_set(st, 400, "BadRequest", "%s", err.msg);
	if (!json_object_is_type(list, json_type_array) ||
	    json_object_array_length(list) > RULES_MAX)
		return kst_set(st, 400, "BadRequest",
		    "faults are a list of at most %d rules", RULES_MAX);
	while (ok && n < json_object_array_length(list)) {
		ok = read_rule(json_object_array_get_idx(list, n), &fresh[n],
		    st);
		n++;
	}
	if (!ok) {
		release(fresh, n);
		return false;
	}
	pthread_mutex_lock(&lock);
	release(rules, n_rules);
	memcpy(rules, fresh, sizeof rules);
	n_rules = n;
	generation++;
	pthread_mutex_unlock(&lock);
	return true;
}

json_object *
kfault_show(void)
{
	json_object *list = json_object_new_array();

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < n_rules; i++) {
		json_object *o = NULL;

		if (json_object_deep_copy(rules[i].text, &o, NULL) != 0)
			continue;
		json_object_object_add(o, "hits",
		    json_object_new_int64(rules[i].hits));
		json_object_array_add(list, o);
	}
	pthread_mutex_unlock(&lock);
	return list;
}

void
kfault_clear(void)
{
	pthread_mutex_lock(&lock);
	release(rules, n_rules);
	memset(rules, 0, sizeof rules);
	n_rules = 0;
	generation++;
	pthread_mutex_unlock(&lock);
}

static bool
matches(const struct rule *r, const char *method, const char *uri)
{
	return r->count != 0 &&
	    (!r->method || strcmp(r->method, method) == 0) &&
	    (!r->path || strstr(uri, r->path));
}

static struct kfault
hit(struct rule *r)
{
	r->hits++;
	if (r->count > 0)
		r->count--;
	return r->fault;
}

struct kfault
kfault_take(const char *method, const char *uri, bool watch)
{
	struct kfault f = { .kind = KFAULT_NONE };

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < n_rules && f.kind == KFAULT_NONE; i++) {
		enum kfault_kind kind = rules[i].fault.kind;

		if (matches(&rules[i], method, uri) && (watch ||
		    (kind != KFAULT_WATCH_DELAY && kind != KFAULT_GONE)))
			f = hit(&rules[i]);
	}
	pthread_mutex_unlock(&lock);
	return f;
}

struct kfault
kfault_take_live(const char *uri, uint64_t *seen)
{
	struct kfault f = { .kind = KFAULT_NONE };

	pthread_mutex_lock(&lock);
	for (size_t i = 0; *seen != generation && i < n_rules; i++) {
		enum kfault_kind kind = rules[i].fault.kind;

		if (f.kind == KFAULT_NONE && matches(&rules[i], "GET", uri) &&
		    (kind == KFAULT_GONE || kind == KFAULT_RESET))
			f = hit(&rules[i]);
	}
	*seen = generation;
	pthread_mutex_unlock(&lock);
	return f;
}

uint64_t
kfault_generation(void)
{
	uint64_t now;

	pthread_mutex_lock(&lock);
	now = generation;
	pthread_mutex_unlock(&lock);
	return now;
}

bool
kfault_status(const struct kfault *f, struct kst *st)
{
	static const struct {
		int code;
		const char *reason, *message;
	} known[] = {
		{ 410, "Expired", "too old resource version: 1 (2)" },
		{ 429, "TooManyRequests",
		    "Too many requests, please try again later." },
		{ 500, "InternalError",
		    "Internal error occurred: a fault was asked for" },
		{ 503, "ServiceUnavailable", "the server is currently unable "
		    "to handle the request" },
		{ 504, "Timeout", "Timeout: request did not complete within "
		    "the requested timeout" },
	};
	int code = f->status ? f->status : 500;
	size_t i = 0;

	while (i < ARRAY_LEN(known) && known[i].code != code)
		i++;
	if (i < ARRAY_LEN(known))
		kst_set(st, code, known[i].reason, "%s", known[i].message);
	else
		kst_set(st, code, "", "a fault was asked for");
	st->retry_after_s = f->retry_after_s;
	return !st->retry_after_s ? false : kst_add_details(st, NULL, NULL);
}

#include "config.h"

#include "localkube_sel.h"

#include "buf.h"
#include "jv.h"

/* One token: a word, or one of = == != ! ( ) , or the end (""). */
struct token {
	char text[320];
	bool word;
};

struct lexer {
	const char *at;
	struct token tok;
};

static void
next(struct lexer *lx)
{
	size_t n;

	lx->at += strspn(lx->at, " \t");
	n = strcspn(lx->at, " \t=!(),");
	lx->tok.word = n > 0;
	if (n == 0 && *lx->at)
		n = (*lx->at == '!' || *lx->at == '=') && lx->at[1] == '=' ?
		    2 : 1;
	if (n >= sizeof lx->tok.text)
		n = sizeof lx->tok.text - 1;
	memcpy(lx->tok.text, lx->at, n);
	lx->tok.text[n] = '\0';
	lx->at += n;
}

static bool
is(const struct lexer *lx, const char *text)
{
	return strcmp(lx->tok.text, text) == 0;
}

static bool
refuse(const struct lexer *lx, const char *expected, struct kst *st)
{
	return kst_set(st, 400, "BadRequest",
	    "unable to parse requirement: found '%s', expected: %s",
	    lx->tok.text, expected);
}

static void
add_value(struct ksel_req *req, const char *text)
{
	req->values = mem_realloc(req->values,
	    (req->n + 1) * sizeof *req->values);
	req->values[req->n++] = mem_strdup(text);
}

static bool
parse_set(struct lexer *lx, struct ksel_req *req, struct kst *st)
{
	next(lx);
	if (!is(lx, "("))
		return refuse(lx, "'('", st);
	do {
		next(lx);
		if (req->n == KSEL_VALUES)
			return kst_set(st, 400, "BadRequest",
			    "unable to parse requirement: too many values");
		add_value(req, lx->tok.word ? lx->tok.text : "");
		if (lx->tok.word)
			next(lx);
	} while (is(lx, ","));
	if (!is(lx, ")"))
		return refuse(lx, "',' or ')'", st);
	next(lx);
	return true;
}

static bool
parse_requirement(struct lexer *lx, struct ksel_req *req, struct kst *st)
{
	bool negated = is(lx, "!");

	if (negated)
		next(lx);
	if (!lx->tok.word)
		return refuse(lx, "!, identifier, or 'end of string'", st);
	req->key = mem_strdup(lx->tok.text);
	req->op = negated ? KSEL_NOT_EXISTS : KSEL_EXISTS;
	next(lx);
	if (negated || is(lx, ",") || is(lx, ""))
		return true;
	if (is(lx, "in") || is(lx, "notin")) {
		req->op = is(lx, "in") ? KSEL_IN : KSEL_NOT_IN;
		return parse_set(lx, req, st);
	}
	if (!is(lx, "=") && !is(lx, "==") && !is(lx, "!="))
		return refuse(lx, "in, notin, =, ==, !=, gt, lt", st);
	req->op = is(lx, "!=") ? KSEL_NOT_IN : KSEL_IN;
	next(lx);
	add_value(req, lx->tok.word ? lx->tok.text : "");
	if (lx->tok.word)
		next(lx);
	return true;
}

bool
ksel_parse_labels(const char *text, struct ksel *ret, struct kst *st)
{
	struct lexer lx = { .at = text ? text : "" };

	memset(ret, 0, sizeof *ret);
	next(&lx);
	while (!is(&lx, "")) {
		if (ret->n == KSEL_MAX)
			return kst_set(st, 400, "BadRequest",
			    "unable to parse requirement: too many");
		if (!parse_requirement(&lx, &ret->req[ret->n++], st))
			return false;
		if (is(&lx, ""))
			break;
		if (!is(&lx, ","))
			return refuse(&lx, "',' or 'end of string'", st);
		next(&lx);
		if (is(&lx, ""))
			return refuse(&lx, "identifier after ','", st);
	}
	return true;
}

static bool
selectable(const struct kres *res, const char *field)
{
	static const char *const of_pods[] = { "status.phase",
		"spec.nodeName", "spec.restartPolicy", "status.podIP", NULL };
	static const char *const of_events[] = { "involvedObject.kind",
		"involvedObject.namespace", "involvedObject.name",
		"involvedObject.uid", "reason", "type", NULL };
	static const char *const of_secrets[] = { "type", NULL };
	static const char *const none[] = { NULL };
	const char *const *list = res->id == KRES_POD ? of_pods :
	    res->id == KRES_EVENT ? of_events :
	    res->id == KRES_SECRET ? of_secrets : none;

	if (strcmp(field, "metadata.name") == 0 ||
	    strcmp(field, "metadata.namespace") == 0)
		return true;
	for (; *list; list++)
		if (strcmp(field, *list) == 0)
			return true;
	return false;
}

bool
ksel_parse_fields(const char *text, const struct kres *res, struct ksel *ret,
    struct kst *st)
{
	if (!ksel_parse_labels(text, ret, st))
		return false;
	for (size_t i = 0; i < ret->n; i++)
		if (!selectable(res, ret->req[i].key))
			return kst_set(st, 400, "BadRequest",
			    "field label not supported: %s", ret->req[i].key);
	return true;
}

void
ksel_release(struct ksel *sel)
{
	for (size_t i = 0; i < sel->n; i++) {
		free(sel->req[i].key);
		for (size_t j = 0; j < sel->req[i].n; j++)
			free(sel->req[i].values[j]);
		free(sel->req[i].values);
	}
	memset(sel, 0, sizeof *sel);
}

static bool
holds(const struct ksel_req *req, const char *value)
{
	bool in = false;

	for (size_t i = 0; value && i < req->n && !in; i++)
		in = strcmp(req->values[i], value) == 0;
	switch (req->op) {
	case KSEL_IN:
		return in;
	case KSEL_NOT_IN:
		return !in;
	case KSEL_EXISTS:
		return value != NULL;
	case KSEL_NOT_EXISTS:
		return value == NULL;
	}
	return false;
}

bool
ksel_match(const struct ksel *sel, char *const *labels, size_t n)
{
	for (size_t i = 0; i < sel->n; i++) {
		const char *value = NULL;

		for (size_t j = 0; j < n && !value; j++)
			if (strcmp(labels[2 * j], sel->req[i].key) == 0)
				value = labels[2 * j + 1];
		if (!holds(&sel->req[i], value))
			return false;
	}
	return true;
}

bool
ksel_match_fields(const struct ksel *sel, json_object *o)
{
	for (size_t i = 0; i < sel->n; i++) {
		const char *value = jv_str(o, sel->req[i].key);

		if (!holds(&sel->req[i], value ? value : ""))
			return false;
	}
	return true;
}

#include "config.h"

#include "localkube_api.h"

#include <openssl/evp.h>

#include "jv.h"
#include "localkube_core.h"
#include "num.h"

#define LIST_MAX ((size_t)1024 * 1024 * 1024)

bool
kpick_parse(const struct kreq *rq, struct kpick *ret, struct kst *st)
{
	memset(ret, 0, sizeof *ret);
	return ksel_parse_labels(kquery_get(&rq->query, "labelSelector"),
	    &ret->labels, st) &&
	    ksel_parse_fields(kquery_get(&rq->query, "fieldSelector"),
	    rq->path.res, &ret->fields, st);
}

void
kpick_release(struct kpick *pick)
{
	ksel_release(&pick->labels);
	ksel_release(&pick->fields);
}

bool
kpick_match(void *cls, const struct kver *v)
{
	const struct kpick *pick = cls;
	AUTO_JSON json_object *o = NULL;

	if (!ksel_match(&pick->labels, v->labels, v->n_labels))
		return false;
	if (pick->fields.n == 0)
		return true;
	o = kver_json(v);
	return ksel_match_fields(&pick->fields, o);
}

bool
kapi_int(const struct kreq *rq, const char *key, int64_t fallback,
    int64_t *ret, struct kst *st)
{
	const char *text = kquery_get(&rq->query, key);

	*ret = fallback;
	if (!text || !*text || num_int(text, INT64_MIN, INT64_MAX, ret))
		return true;
	return kst_set(st, 400, "BadRequest",
	    "strconv.ParseInt: parsing \"%s\": invalid syntax", text);
}

/* A continue token: base64 of the list's version and the last object. */
static char *
token_make(int64_t rv, const struct kver *last)
{
	AUTO_BUF struct buf plain = BUF_INIT(1024);
	unsigned char *out;

	buf_addf(&plain, "%lld/%s/%s", (long long)rv, last->ns, last->name);
	out = mem_alloc(4 * (plain.len / 3 + 1) + 1);
	EVP_EncodeBlock(out, (unsigned char *)plain.data, (int)plain.len);
	return (char *)out;
}

struct place {
	char *text;	/* owns ns and name */
	int64_t rv;
	const char *ns, *name;
};

static bool
token_read(struct kstore *s, const char *token, struct place *ret,
    struct kst *st)
{
	unsigned char *bytes = NULL;
	char *ns = NULL, *name = NULL;
	size_t len;

	if (kcore_base64(token, &bytes, &len)) {
		ret->text = mem_strndup((char *)bytes, len);
		free(bytes);
		ns = strchr(ret->text, '/');
		name = ns ? strchr(ns + 1, '/') : NULL;
	}
	if (name) {
		*ns++ = '\0';
		*name++ = '\0';
	}
	if (!name || !num_int(ret->text, 0, INT64_MAX, &ret->rv))
		return kst_set(st, 400, "BadRequest", "invalid continue "
		    "token: continue key is not valid: invalid character "
		    "looking for beginning of value");
	ret->ns = ns;
	ret->name = name;
	if (ret->rv < kstore_oldest(s))
		return kst_set(st, 410, "Expired", "The provided continue "
		    "parameter is too old to display a consistent list "
		    "result. You must start a new list without the continue "
		    "parameter.");
	return true;
}

static void
print_list(const struct kreq *rq, const struct kstore_page *page, int64_t rv,
    struct buf *out)
{
	const struct kres *res = rq->path.res;
	bool all = !kquery_get(&rq->query, "labelSelector") &&
	    !kquery_get(&rq->query, "fieldSelector");
	char version[96];

	kres_api_version(res, version);
	buf_addf(out, "{\"kind\":\"%sList\",\"apiVersion\":\"%s\","
	    "\"metadata\":{\"resourceVersion\":\"%lld\"", res->kind, version,
	    (long long)rv);
	if (page->more) {
		AUTO_FREE char *token =
		    token_make(rv, page->v[page->n - 1]);

		buf_addf(out, ",\"continue\":\"%s\"", token);
		if (all)
			buf_addf(out, ",\"remainingItemCount\":%zu",
			    page->behind);
	}
	if (!page->more && res->custom)
		buf_addstr(out, ",\"continue\":\"\"");
	buf_addstr(out, "},\"items\":[");
	for (size_t i = 0; i < page->n; i++) {
		if (i)
			buf_addch(out, ',');
		buf_add(out, page->v[i]->text, page->v[i]->len);
	}
	buf_addstr(out, "]}\n");
}

/* A list may ask for a state that is at least so new. */
static bool
check_version(struct kstore *s, const struct kreq *rq, struct kst *st)
{
	const char *text = kquery_get(&rq->query, "resourceVersion");
	int64_t rv, now = kstore_rv(s);

	if (!text || !*text)
		return true;
	if (!num_int(text, 0, INT64_MAX, &rv))
		return kst_set(st, 500, "", "resourceVersion: Invalid value: "
		    "\"%s\": strconv.ParseUint: parsing \"%s\": invalid "
		    "syntax", text, text);
	if (rv <= now)
		return true;
	kst_set(st, 504, "Timeout", "Timeout: Too large resource version: "
	    "%lld, current: %lld", (long long)rv, (long long)now);
	st->retry_after_s = 1;
	return kst_add_details(st, "ResourceVersionTooLarge",
	    "Too large resource version");
}

static bool
list(struct kstore *s, const struct kreq *rq, struct kpick *pick,
    struct place *from, struct kreply *rp, struct kst *st)
{
	const char *token = kquery_get(&rq->query, "continue");
	struct kstore_page page;
	int64_t limit;

	if (!kpick_parse(rq, pick, st) ||
	    !kapi_int(rq, "limit", 0, &limit, st))
		return false;
	if (token && *token) {
		if (!token_read(s, token, from, st))
			return false;
	} else if (!check_version(s, rq, st)) {
		return false;
	}
	kstore_list(s, rq->path.res, *rq->path.ns ? rq->path.ns : NULL,
	    from->ns, from->name, limit > 0 ? (size_t)limit : 0, kpick_match,
	    pick, &page);
	rp->status = 200;
	rp->body.limit = LIST_MAX;
	print_list(rq, &page, from->rv ? from->rv : page.rv, &rp->body);
	kstore_page_release(&page);
	return true;
}

bool
kapi_list(struct kstore *s, const struct kreq *rq, struct kreply *rp,
    struct kst *st)
{
	struct kpick pick = { 0 };
	struct place from = { 0 };
	bool ok = list(s, rq, &pick, &from, rp, st);

	kpick_release(&pick);
	free(from.text);
	return ok;
}

bool
kapi_get(struct kstore *s, const struct kreq *rq, struct kreply *rp,
    struct kst *st)
{
	AUTO_KVER struct kver *v = NULL;

	if (!check_version(s, rq, st))
		return false;
	v = kstore_get(s, rq->path.res, rq->path.ns, rq->path.name);
	if (!v)
		return kst_not_found(st, rq->path.res, rq->path.name);
	rp->status = 200;
	buf_add(&rp->body, v->text, v->len);
	buf_addch(&rp->body, '\n');
	return true;
}

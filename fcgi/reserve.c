#include "config.h"

#include "reserve.h"

#include <openssl/evp.h>

#include "buf.h"
#include "cache.h"
#include "conf.h"
#include "err.h"
#include "gw.h"
#include "ids.h"
#include "jv.h"
#include "kube.h"
#include "num.h"

#define TRIES 4		/* lost races for one text in one request */
#define HASH_HEX 64

static const char *const scope_words[] = { "key", "name" };

void
reserve_hash(const void *data, size_t len, char ret[65])
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned int n = 0;

	if (!EVP_Digest(data, len, md, &n, EVP_sha256(), NULL))
		abort();
	for (unsigned int i = 0; i < n && i < HASH_HEX / 2; i++)
		snprintf(ret + 2 * i, 3, "%02x", md[i]);
}

/* "livy-<gateway>-<key|name>-<hash>", within a DNS label. */
static void
name_object(const struct conf *conf, enum reserve_scope scope,
    enum app_kind kind, const char *user, const char *text,
    char ret[KUBE_LABEL_MAX + 1])
{
	AUTO_BUF struct buf b = BUF_INIT(1 << 16);
	char hash[HASH_HEX + 1];

	/* a length before each part: no two inputs read the same */
	buf_addf(&b, "%s %zu %s %zu %s", app_kind_word(kind), strlen(user), user,
	    strlen(text), text);
	reserve_hash(b.data, b.len, hash);
	snprintf(ret, KUBE_LABEL_MAX + 1, "livy-%s-%s-%.32s", conf->gateway,
	    scope_words[scope], hash);
}

static json_object *
object(const struct conf *conf, const struct reservation *r,
    enum app_kind kind)
{
	json_object *o = gw_object(conf, "v1", "ConfigMap", r->object, r->rv);
	json_object *data = json_object_new_object();
	char number[24];

	jv_set_str(jv_get(o, "metadata.labels"), LABEL_RESERVATION,
	    app_kind_word(kind));
	jv_set_str(data, "request", r->request);
	if (*r->body)	/* a null is no text to the API server */
		jv_set_str(data, "body", r->body);
	snprintf(number, sizeof number, "%lld", (long long)r->at_ms);
	jv_set_str(data, "at", number);
	if (r->id >= 0) {
		snprintf(number, sizeof number, "%d", r->id);
		jv_set_str(data, "id", number);
	}
	if (r->made)
		jv_set_str(data, "made", "true");
	if (r->gone)
		jv_set_str(data, "gone", "true");
	json_object_object_add(o, "data", data);
	return o;
}

static void
copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from ? from : "");
}

/* What the API server holds; fields that make no sense read as absent. */
static void
read_object(json_object *o, struct reservation *ret)
{
	const char *id = jv_str(o, "data.id");
	const char *at = jv_str(o, "data.at");
	int64_t n;

	*ret = (struct reservation){ .id = -1 };
	copy(ret->object, sizeof ret->object, jv_str(o, "metadata.name"));
	copy(ret->rv, sizeof ret->rv, jv_str(o, "metadata.resourceVersion"));
	copy(ret->body, sizeof ret->body, jv_str(o, "data.body"));
	copy(ret->request, sizeof ret->request, jv_str(o, "data.request"));
	ret->made = jv_str(o, "data.made") != NULL;
	ret->gone = jv_str(o, "data.gone") != NULL;
	if (id && num_int(id, 0, ID_MAX, &n))
		ret->id = (int32_t)n;
	if (at && num_int(at, 0, INT64_MAX, &n))
		ret->at_ms = n;
}

/* POST (no resourceVersion yet) or PUT; on success r has its new version. */
static enum kube_result
write_object(struct gw *gw, struct reservation *r, enum app_kind kind,
    int64_t deadline_ms, struct err *err)
{
	AUTO_BUF struct buf path = BUF_INIT(1024);
	AUTO_JSON json_object *body = object(gw->conf, r, kind);
	AUTO_JSON json_object *answer = NULL;
	struct kube_req rq = { .method = *r->rv ? "PUT" : "POST",
		.body = body, .deadline_ms = deadline_ms };
	enum kube_result result;

	kube_path_core(&path, ids_home(gw->conf), "configmaps",
	    *r->rv ? r->object : NULL);
	rq.path = path.data;
	result = kube_call(gw->kube, &rq, &answer, NULL, err);
	if (result == KUBE_OK)
		copy(r->rv, sizeof r->rv,
		    jv_str(answer, "metadata.resourceVersion"));
	return result;
}

static enum kube_result
fetch(struct gw *gw, const char *name, int64_t deadline_ms,
    struct reservation *ret, struct err *err)
{
	AUTO_BUF struct buf path = BUF_INIT(1024);
	AUTO_JSON json_object *answer = NULL;
	struct kube_req rq = { .method = "GET", .deadline_ms = deadline_ms };
	enum kube_result result;

	kube_path_core(&path, ids_home(gw->conf), "configmaps", name);
	rq.path = path.data;
	result = kube_call(gw->kube, &rq, &answer, NULL, err);
	if (result == KUBE_OK)
		read_object(answer, ret);
	return result;
}

/*
 * The reservation is somebody's: ours after all, an application's, or an
 * orphan (its holder died before it bound an id, or the caller found its
 * application missing) that we take over.
 */
static enum reserve_result
judge(struct gw *gw, enum reserve_scope scope, const struct reservation *held,
    const struct reservation *mine, const struct reservation *orphan,
    struct reservation *ret)
{
	int64_t age = num_wall_ms() - held->at_ms;
	bool ours = strcmp(held->request, mine->request) == 0;
	bool lost = orphan && strcmp(orphan->rv, held->rv) == 0;

	*ret = *held;
	if (held->gone)
		return RESERVE_GONE;
	if (held->id >= 0 && !ours && !lost)
		return RESERVE_BOUND;
	if (held->id < 0 && !ours && age < gw->conf->request_deadline_ms)
		return RESERVE_FAILED;	/* still being made by another */
	*ret = *mine;
	/*
	 * A key's id stays bound: an object of its name may yet appear, and
	 * then ours is refused. A name may be used again after its owner's
	 * end, and ids never are.
	 */
	ret->id = ours || scope == RESERVE_KEY ? held->id : -1;
	copy(ret->rv, sizeof ret->rv, held->rv);
	return RESERVE_OURS;
}

enum reserve_result
reserve_take(struct gw *gw, enum reserve_scope scope, enum app_kind kind,
    const char *user, const char *text, const char *body,
    const char *request_id, const struct reservation *orphan,
    int64_t deadline_ms, struct reservation *ret, struct err *err)
{
	struct reservation mine = { .id = -1, .at_ms = num_wall_ms() };
	struct reservation held;
	enum reserve_result verdict;
	enum kube_result result;

	name_object(gw->conf, scope, kind, user, text, mine.object);
	copy(mine.body, sizeof mine.body, body);
	copy(mine.request, sizeof mine.request, request_id);
	for (int i = 0; i < TRIES; i++) {
		*ret = mine;
		result = write_object(gw, ret, kind, deadline_ms, err);
		if (result == KUBE_OK)
			return RESERVE_OURS;
		if (result != KUBE_EXISTS)
			break;
		result = fetch(gw, mine.object, deadline_ms, &held, err);
		if (result == KUBE_NOT_FOUND)
			continue;	/* given back in between */
		if (result != KUBE_OK)
			break;
		verdict = judge(gw, scope, &held, &mine, orphan, ret);
		if (verdict == RESERVE_FAILED) {
			err_retry(err, 503, 1, "a request with the same %s is "
			    "being answered; try again", scope_words[scope]);
			return RESERVE_FAILED;
		}
		if (verdict != RESERVE_OURS)
			return verdict;
		result = write_object(gw, ret, kind, deadline_ms, err);
		if (result == KUBE_OK)
			return RESERVE_OURS;
		if (result != KUBE_CONFLICT && result != KUBE_NOT_FOUND)
			break;
	}
	err_wrap(err, "cannot reserve the %s", scope_words[scope]);
	err->status = 503;
	if (err->retry_after_s == 0)
		err->retry_after_s = 1;
	return RESERVE_FAILED;
}

bool
reserve_bind(struct gw *gw, struct reservation *r, enum app_kind kind,
    int32_t id, int64_t deadline_ms, struct err *err)
{
	enum kube_result result;

	r->id = id;
	r->at_ms = num_wall_ms();
	result = write_object(gw, r, kind, deadline_ms, err);
	if (result == KUBE_OK)
		return true;
	if (result == KUBE_CONFLICT || result == KUBE_NOT_FOUND)
		return err_retry(err, 503, 1,
		    "another request took the reservation over; try again");
	return err_wrap(err, "cannot bind the reservation to id %d", id);
}

void
reserve_drop(struct gw *gw, const struct reservation *r, int64_t deadline_ms)
{
	AUTO_BUF struct buf path = BUF_INIT(1024);
	AUTO_JSON json_object *body = json_object_new_object();
	json_object *only = json_object_new_object();
	struct kube_req rq = { .method = "DELETE", .body = body,
		.deadline_ms = deadline_ms };
	struct err ignored = ERR_INIT;

	/* of this very version: by now it may be somebody else's */
	jv_set_str(body, "kind", "DeleteOptions");
	jv_set_str(body, "apiVersion", "v1");
	jv_set_str(only, "resourceVersion", r->rv);
	json_object_object_add(body, "preconditions", only);
	if (!*r->object)
		return;
	kube_path_core(&path, ids_home(gw->conf), "configmaps", r->object);
	rq.path = path.data;
	/* left behind, it is an orphan that the next one takes over */
	if (kube_call(gw->kube, &rq, NULL, NULL, &ignored) != KUBE_OK)
		return;
}

enum reserve_result
reserve_made(struct gw *gw, struct reservation *r, enum app_kind kind,
    int64_t deadline_ms)
{
	struct err ignored = ERR_INIT;
	struct reservation held;
	enum kube_result result;

	r->made = true;
	result = write_object(gw, r, kind, deadline_ms, &ignored);
	if (result == KUBE_OK)
		return RESERVE_OURS;
	if (result != KUBE_CONFLICT || fetch(gw, r->object, deadline_ms, &held,
	    &ignored) != KUBE_OK || held.id != r->id)
		return RESERVE_BOUND;
	return held.gone ? RESERVE_GONE :
	    held.made ? RESERVE_OURS : RESERVE_BOUND;
}

bool
reserve_use_up(struct gw *gw, enum app_kind kind, const char *object_name,
    int32_t id, int64_t deadline_ms, struct err *err)
{
	struct reservation held;
	enum kube_result result;

	for (int i = 0; i < TRIES; i++) {
		result = fetch(gw, object_name, deadline_ms, &held, err);
		if (result == KUBE_NOT_FOUND ||
		    (result == KUBE_OK && (held.id != id || held.gone)))
			return true;	/* nothing is reserved for it */
		if (result != KUBE_OK)
			break;
		held.gone = true;
		held.at_ms = num_wall_ms();
		result = write_object(gw, &held, kind, deadline_ms, err);
		if (result == KUBE_OK || result == KUBE_NOT_FOUND)
			return true;
		if (result != KUBE_CONFLICT)
			break;
	}
	return err_wrap(err, "cannot mark the key of id %d", (int)id);
}

bool
reserve_used_up(struct gw *gw, const char *object_name, int32_t id,
    int64_t deadline_ms, bool *ret_used_up, struct err *err)
{
	struct reservation held;
	enum kube_result result = fetch(gw, object_name, deadline_ms, &held,
	    err);

	*ret_used_up = result == KUBE_OK && held.gone && held.id == id;
	return result == KUBE_OK || result == KUBE_NOT_FOUND;
}

void
reserve_free_name(struct gw *gw, enum app_kind kind, const char *name,
    int32_t id, int64_t deadline_ms)
{
	char object_name[KUBE_LABEL_MAX + 1];
	struct err ignored = ERR_INIT;
	struct reservation held;

	name_object(gw->conf, RESERVE_NAME, kind, "", name, object_name);
	if (fetch(gw, object_name, deadline_ms, &held, &ignored) == KUBE_OK &&
	    held.id == id)
		reserve_drop(gw, &held, deadline_ms);
}

bool
reserve_read(const struct conf *conf, json_object *o, struct reservation *ret,
    enum reserve_scope *ret_scope, enum app_kind *ret_kind)
{
	const char *kind = jv_text(jv_member(jv_get(o, "metadata.labels"),
	    LABEL_RESERVATION));
	char prefix[KUBE_LABEL_MAX + 1];

	read_object(o, ret);
	for (int scope = 0; kind && scope < 2; scope++) {
		snprintf(prefix, sizeof prefix, "livy-%s-%s-", conf->gateway,
		    scope_words[scope]);
		if (strncmp(ret->object, prefix, strlen(prefix)) != 0)
			continue;
		*ret_scope = (enum reserve_scope)scope;
		*ret_kind = strcmp(kind, app_kind_word(APP_SESSION)) == 0 ?
		    APP_SESSION : APP_BATCH;
		return *ret->rv != '\0';
	}
	return false;
}

bool
reserve_is_of(const struct conf *conf, const struct reservation *r,
    enum reserve_scope scope, const struct cache_view *v)
{
	char object_name[KUBE_LABEL_MAX + 1];

	if (scope == RESERVE_KEY)
		return v->text.key && strcmp(v->text.key, r->object) == 0;
	if (!v->text.name)
		return false;
	name_object(conf, RESERVE_NAME, v->app.kind, "", v->text.name,
	    object_name);
	return strcmp(object_name, r->object) == 0;
}

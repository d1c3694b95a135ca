#include "config.h"

#include "kubeconf.h"

#include <curl/curl.h>
#include <openssl/evp.h>
#include <yaml.h>

#include "buf.h"
#include "cred.h"
#include "err.h"

#define FILE_MAX (1 << 20)	/* bytes of a kubeconfig */
#define WHAT_MAX 1024

/* The file being read: its tree, and the member that is looked at. */
struct source {
	const char *path;
	yaml_document_t doc;
	yaml_node_t *cluster, *user;
	const char *cluster_name, *user_name;
	char what[WHAT_MAX];	/* "path: users[dev].user.token", for errors */
};

static const char *
scalar(const yaml_node_t *node)
{
	return node && node->type == YAML_SCALAR_NODE ?
	    (const char *)node->data.scalar.value : NULL;
}

static yaml_node_t *
member(yaml_document_t *doc, const yaml_node_t *node, const char *key)
{
	const yaml_node_pair_t *pair;
	const char *name;

	if (!node || node->type != YAML_MAPPING_NODE)
		return NULL;
	for (pair = node->data.mapping.pairs.start;
	    pair < node->data.mapping.pairs.top; pair++) {
		name = scalar(yaml_document_get_node(doc, pair->key));
		if (name && strcmp(name, key) == 0)
			return yaml_document_get_node(doc, pair->value);
	}
	return NULL;
}

/* A text member; NULL if it is absent, empty or YAML's null. */
static const char *
text(yaml_document_t *doc, const yaml_node_t *node, const char *key)
{
	const yaml_node_t *value = member(doc, node, key);
	const char *s = scalar(value);

	if (!s || !*s || (value->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	    (strcmp(s, "null") == 0 || strcmp(s, "~") == 0)))
		return NULL;
	return s;
}

/* The member called inner of the list's entry of this name. */
static yaml_node_t *
entry(struct source *src, const char *list, const char *name,
    const char *inner, struct err *err)
{
	yaml_document_t *doc = &src->doc;
	yaml_node_t *node = member(doc, yaml_document_get_root_node(doc), list);
	const yaml_node_item_t *item;
	const char *found;

	if (node && node->type == YAML_SEQUENCE_NODE)
		for (item = node->data.sequence.items.start;
		    item < node->data.sequence.items.top; item++) {
			yaml_node_t *one = yaml_document_get_node(doc, *item);

			found = text(doc, one, "name");
			if (!found || strcmp(found, name) != 0)
				continue;
			one = member(doc, one, inner);
			if (one && one->type == YAML_MAPPING_NODE)
				return one;
			break;
		}
	err_set(err, 500, "%s: %s: has no usable entry '%s'", src->path, list,
	    name);
	return NULL;
}

static bool
open_document(struct source *src, struct buf *file, struct err *err)
{
	yaml_parser_t parser;
	bool good;

	if (!kubeconf_read(src->path, "kubeconfig", file, err))
		return false;
	if (!yaml_parser_initialize(&parser))
		abort();	/* out of memory */
	yaml_parser_set_input_string(&parser,
	    (const unsigned char *)file->data, file->len);
	good = yaml_parser_load(&parser, &src->doc);
	if (!good)
		err_set(err, 500, "%s:%zu: %s", src->path,
		    parser.problem_mark.line + 1,
		    parser.problem ? parser.problem : "is no YAML");
	yaml_parser_delete(&parser);
	if (good && !yaml_document_get_root_node(&src->doc)) {
		yaml_document_delete(&src->doc);
		good = err_set(err, 500, "%s: is empty", src->path);
	}
	return good;
}

static const char *
what(struct source *src, bool of_user, const char *key)
{
	snprintf(src->what, sizeof src->what, "%s: %s[%s].%s.%s", src->path,
	    of_user ? "users" : "clusters",
	    of_user ? src->user_name : src->cluster_name,
	    of_user ? "user" : "cluster", key);
	return src->what;
}

/* A path in the file: relative to the file's own folder. */
static void
resolve(const struct source *src, const char *path, struct buf *ret)
{
	const char *slash = strrchr(src->path, '/');

	if (*path != '/' && slash)
		buf_add(ret, src->path, (size_t)(slash - src->path) + 1);
	buf_addstr(ret, path);
}

static bool
decode(const char *in, const char *where, struct buf *ret, struct err *err)
{
	EVP_ENCODE_CTX *ctx = EVP_ENCODE_CTX_new();
	size_t len = strlen(in);
	unsigned char *room;
	int n = 0, last = 0;
	bool good = false;

	if (!ctx)
		abort();	/* out of memory */
	room = (unsigned char *)buf_room(ret, len + 4);
	if (room) {
		EVP_DecodeInit(ctx);
		good = EVP_DecodeUpdate(ctx, room, &n,
		    (const unsigned char *)in, (int)len) >= 0 &&
		    EVP_DecodeFinal(ctx, room + n, &last) >= 0;
	}
	EVP_ENCODE_CTX_free(ctx);
	if (!room)
		return err_set(err, 500, "%s: is too long", where);
	if (!good || memchr(room, '\0', (size_t)(n + last)))
		return err_set(err, 500, "%s: is no base64 of text", where);
	buf_wrote(ret, (size_t)(n + last));
	return true;
}

/* KEY-data, or the file that KEY names, as PEM. Absent: stays "". */
static bool
take_pem(struct source *src, bool of_user, const char *key, char *ret,
    struct err *err)
{
	AUTO_BUF struct buf pem = BUF_INIT(2 * CRED_PEM_MAX);
	AUTO_BUF struct buf path = BUF_INIT(8192);
	const yaml_node_t *node = of_user ? src->user : src->cluster;
	char data_key[64];
	const char *data, *file, *where;

	snprintf(data_key, sizeof data_key, "%s-data", key);
	data = text(&src->doc, node, data_key);
	file = text(&src->doc, node, key);
	if (data) {
		where = what(src, of_user, data_key);
		if (!decode(data, where, &pem, err))
			return false;
	} else if (file) {
		where = what(src, of_user, key);
		resolve(src, file, &path);
		if (!kubeconf_read(path.data, where, &pem, err))
			return false;
	} else {
		return true;
	}
	if (pem.len >= CRED_PEM_MAX)
		return err_set(err, 500, "%s: is longer than %d bytes", where,
		    CRED_PEM_MAX - 1);
	memcpy(ret, pem.data, pem.len);
	return kubeconf_check_pem(ret, where, err);
}

static bool
take_token(struct source *src, struct cred *ret, struct err *err)
{
	AUTO_BUF struct buf file = BUF_INIT(CRED_TOKEN_MAX + 4096);
	AUTO_BUF struct buf path = BUF_INIT(8192);
	const char *token = text(&src->doc, src->user, "token");
	const char *name = text(&src->doc, src->user, "tokenFile");

	if (name) {	/* wins over token, as with kubectl */
		resolve(src, name, &path);
		return kubeconf_read(path.data, what(src, true, "tokenFile"),
		    &file, err) && kubeconf_take_token(file.data, file.len,
		    src->what, ret, err);
	}
	return !token || kubeconf_take_token(token, strlen(token),
	    what(src, true, "token"), ret, err);
}

static bool
is_loopback(const char *host)
{
	return strncmp(host, "127.", 4) == 0 || strcmp(host, "[::1]") == 0 ||
	    strcmp(host, "localhost") == 0;
}

/* An URL with a host and nothing behind its path; https unless it is here. */
static bool
check_server(const char *server, const char *where, struct err *err)
{
	CURLU *url = curl_url();
	char *scheme = NULL, *host = NULL, *query = NULL, *user = NULL;
	bool good;

	good = url && curl_url_set(url, CURLUPART_URL, server, 0) ==
	    CURLUE_OK &&
	    curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
	    curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
	    curl_url_get(url, CURLUPART_QUERY, &query, 0) != CURLUE_OK &&
	    curl_url_get(url, CURLUPART_USER, &user, 0) != CURLUE_OK;
	if (!good)
		err_set(err, 500, "%s: is not the URL of a server", where);
	else if (strcmp(scheme, "https") != 0 &&
	    (strcmp(scheme, "http") != 0 || !is_loopback(host)))
		good = err_set(err, 500, "%s: must be https", where);
	curl_free(scheme);
	curl_free(host);
	curl_free(query);
	curl_free(user);
	curl_url_cleanup(url);
	return good;
}

static bool
take_text(struct source *src, const char *key, char *ret, size_t size,
    struct err *err)
{
	const char *s = text(&src->doc, src->cluster, key);

	if (s && strlen(s) >= size)
		return err_set(err, 500, "%s: is longer than %zu bytes",
		    what(src, false, key), size - 1);
	snprintf(ret, size, "%s", s ? s : "");
	return true;
}

static bool
take_cluster(struct source *src, struct cred *ret, struct err *err)
{
	const char *insecure = text(&src->doc, src->cluster,
	    "insecure-skip-tls-verify");
	size_t n;

	if (!take_text(src, "server", ret->server, sizeof ret->server, err) ||
	    !take_text(src, "tls-server-name", ret->tls_name,
	    sizeof ret->tls_name, err) ||
	    !take_text(src, "proxy-url", ret->proxy, sizeof ret->proxy, err) ||
	    !take_pem(src, false, "certificate-authority", ret->ca, err))
		return false;
	if (!*ret->server)
		return err_set(err, 500, "%s: is missing",
		    what(src, false, "server"));
	if (!check_server(ret->server, what(src, false, "server"), err))
		return false;
	for (n = strlen(ret->server); ret->server[n - 1] == '/'; n--)
		ret->server[n - 1] = '\0';
	ret->insecure = insecure && strcmp(insecure, "true") == 0;
	if (ret->insecure && *ret->ca)
		return err_set(err, 500, "%s: contradicts the "
		    "certificate-authority beside it",
		    what(src, false, "insecure-skip-tls-verify"));
	return true;
}

static bool
take_user(struct source *src, struct cred *ret, struct err *err)
{
	static const char *const refused[] = { "exec", "auth-provider",
		"username", "password", "as", "as-uid", "as-groups",
		"as-user-extra" };
	const yaml_node_t *node;

	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		node = member(&src->doc, src->user, refused[i]);
		if (node && (node->type != YAML_SCALAR_NODE ||
		    text(&src->doc, src->user, refused[i])))
			return err_set(err, 500, "%s: is not supported; use a "
			    "token, tokenFile or client certificate",
			    what(src, true, refused[i]));
	}
	if (!take_pem(src, true, "client-certificate", ret->cert, err) ||
	    !take_pem(src, true, "client-key", ret->key, err) ||
	    !take_token(src, ret, err))
		return false;
	if (!*ret->cert != !*ret->key)
		return err_set(err, 500, "%s: certificate and key come "
		    "together", what(src, true, "client-certificate"));
	return true;
}

/* Finds the context, its cluster and its user. */
static bool
choose(struct source *src, const char *context, char *ret_namespace,
    struct err *err)
{
	yaml_document_t *doc = &src->doc;
	const yaml_node_t *node = yaml_document_get_root_node(doc);
	const char *ns;

	if (!*context)
		context = text(doc, node, "current-context");
	if (!context)
		return err_set(err, 500, "%s: current-context: is missing",
		    src->path);
	node = entry(src, "contexts", context, "context", err);
	if (!node)
		return false;
	src->cluster_name = text(doc, node, "cluster");
	src->user_name = text(doc, node, "user");
	if (!src->cluster_name || !src->user_name)
		return err_set(err, 500, "%s: contexts[%s].context: names no "
		    "cluster or no user", src->path, context);
	ns = text(doc, node, "namespace");
	if (ns && strlen(ns) > KUBE_LABEL_MAX)
		return err_set(err, 500, "%s: contexts[%s].context.namespace: "
		    "is no namespace", src->path, context);
	if (ret_namespace)
		snprintf(ret_namespace, KUBE_LABEL_MAX + 1, "%s",
		    ns ? ns : "");
	src->cluster = entry(src, "clusters", src->cluster_name, "cluster",
	    err);
	if (!src->cluster)
		return false;
	src->user = entry(src, "users", src->user_name, "user", err);
	return src->user != NULL;
}

bool
kubeconf_load(const char *path, const char *context, struct cred *ret,
    char ret_namespace[KUBE_LABEL_MAX + 1], struct err *err)
{
	AUTO_BUF struct buf file = BUF_INIT(FILE_MAX);
	struct source src = { .path = path };
	bool good;

	memset(ret, 0, sizeof *ret);
	if (!open_document(&src, &file, err))
		return false;
	good = choose(&src, context, ret_namespace, err) &&
	    take_cluster(&src, ret, err) && take_user(&src, ret, err);
	yaml_document_delete(&src.doc);
	return good;
}

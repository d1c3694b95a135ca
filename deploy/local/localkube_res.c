#include "config.h"

#include "localkube_res.h"

#include "buf.h"

const struct kres kres_table[KRES_COUNT] = {
	{ KRES_APP, "sparkoperator.k8s.io", "v1beta2", "sparkapplications",
	    "SparkApplication", .custom = true, .generation = true,
	    .status = true },
	{ KRES_POD, "", "v1", "pods", "Pod", .generation = true,
	    .status = true },
	{ KRES_CONFIGMAP, "", "v1", "configmaps", "ConfigMap",
	    .custom = false },
	{ KRES_SECRET, "", "v1", "secrets", "Secret", .custom = false },
	{ KRES_LEASE, "coordination.k8s.io", "v1", "leases", "Lease",
	    .custom = false },
	{ KRES_EVENT, "", "v1", "events", "Event", .custom = false },
	{ KRES_NAMESPACE, "", "v1", "namespaces", "Namespace",
	    .cluster = true },
};

static void
with_group(char ret[160], const char *word, const char *group)
{
	snprintf(ret, 160, *group ? "%s.%s" : "%s", word, group);
}

void
kres_plural(const struct kres *res, char ret[160])
{
	with_group(ret, res->plural, res->group);
}

void
kres_kind(const struct kres *res, char ret[160])
{
	with_group(ret, res->kind, res->group);
}

void
kres_api_version(const struct kres *res, char ret[96])
{
	if (*res->group)
		snprintf(ret, 96, "%s/%s", res->group, res->version);
	else
		snprintf(ret, 96, "%s", res->version);
}

static int
hex(char c)
{
	const char *digits = "0123456789abcdef";
	const char *p = strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c);

	return c && p ? (int)(p - digits) : -1;
}

char *
kpath_decode(const char *raw, size_t len, bool plus)
{
	char *text = mem_alloc(len + 1);
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (raw[i] != '%') {
			text[n++] = plus && raw[i] == '+' ? ' ' : raw[i];
			continue;
		}
		if (len - i < 3 || hex(raw[i + 1]) < 0 ||
		    hex(raw[i + 2]) < 0 ||
		    (raw[i + 1] == '0' && raw[i + 2] == '0')) {
			free(text);
			return NULL;
		}
		text[n++] = (char)(hex(raw[i + 1]) * 16 + hex(raw[i + 2]));
		i += 2;
	}
	text[n] = '\0';
	return text;
}

/* The next segment of a path, decoded; false at the end or if too long. */
static bool
segment(const char **at, char *ret, size_t size)
{
	AUTO_FREE char *text = NULL;
	size_t len;

	if (**at != '/' || (*at)[1] == '\0')
		return false;
	len = strcspn(*at + 1, "/");
	text = kpath_decode(*at + 1, len, /* plus= */ false);
	if (!text || strlen(text) >= size)
		return false;
	memcpy(ret, text, strlen(text) + 1);
	*at += 1 + len;
	return true;
}

static const struct kres *
find(const char *group, const char *version, const char *plural)
{
	for (size_t i = 0; i < KRES_COUNT; i++)
		if (strcmp(kres_table[i].group, group) == 0 &&
		    strcmp(kres_table[i].version, version) == 0 &&
		    (!plural || strcmp(kres_table[i].plural, plural) == 0))
			return &kres_table[i];
	return NULL;
}

enum kpath_result
kpath_parse(const char *raw, struct kpath *ret)
{
	char group[96] = "", version[32], word[KUBE_NAME_MAX + 16];

	memset(ret, 0, sizeof *ret);
	if (!segment(&raw, word, sizeof word))
		return KPATH_NO_PAGE;
	if (strcmp(word, "apis") == 0) {
		if (!segment(&raw, group, sizeof group) || !*group)
			return KPATH_NO_PAGE;
	} else if (strcmp(word, "api") != 0) {
		return KPATH_NO_PAGE;
	}
	if (!segment(&raw, version, sizeof version) ||
	    !find(group, version, NULL))
		return KPATH_NO_PAGE;
	if (!segment(&raw, word, sizeof word))
		return KPATH_NO_RESOURCE;
	if (strcmp(word, "namespaces") == 0 && strchr(raw, '/') &&
	    strchr(raw + 1, '/') && strchr(raw + 1, '/')[1]) {
		if (!segment(&raw, ret->ns, sizeof ret->ns) || !*ret->ns ||
		    !segment(&raw, word, sizeof word))
			return KPATH_NO_RESOURCE;
	}
	ret->res = find(group, version, word);
	if (!ret->res)
		return KPATH_NO_RESOURCE;
	if (segment(&raw, ret->name, sizeof ret->name) &&
	    segment(&raw, ret->sub, sizeof ret->sub))
		ret->rest = raw;
	else if (*raw && strcmp(raw, "/") != 0)
		return KPATH_NO_RESOURCE;
	return KPATH_OK;
}

void
kquery_parse(const char *raw, struct kquery *ret)
{
	size_t len, eq;
	char *key, *value;

	memset(ret, 0, sizeof *ret);
	for (; raw && *raw && ret->n < KQUERY_MAX; raw += len + !!raw[len]) {
		len = strcspn(raw, "&");
		eq = strcspn(raw, "=&");
		key = kpath_decode(raw, eq, /* plus= */ true);
		value = kpath_decode(raw + eq + (eq < len),
		    len - eq - (eq < len), /* plus= */ true);
		if (key && value && *key) {
			ret->key[ret->n] = key;
			ret->value[ret->n++] = value;
		} else {
			free(key);
			free(value);
		}
	}
}

void
kquery_release(struct kquery *q)
{
	for (size_t i = 0; i < q->n; i++) {
		free(q->key[i]);
		free(q->value[i]);
	}
	q->n = 0;
}

const char *
kquery_get(const struct kquery *q, const char *key)
{
	for (size_t i = 0; i < q->n; i++)
		if (strcmp(q->key[i], key) == 0)
			return q->value[i];
	return NULL;
}

bool
kquery_true(const struct kquery *q, const char *key)
{
	const char *value = kquery_get(q, key);

	return value && (strcmp(value, "true") == 0 ||
	    strcmp(value, "1") == 0);
}

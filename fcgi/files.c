#include "config.h"

#include "files.h"

#include <strings.h>

#include "buf.h"
#include "conf.h"
#include "err.h"
#include "jv.h"
#include "request.h"
#include "uri.h"

#define URI_MAX 65536

/* Spark's keys that name files, and the list they are merged into. */
static const struct {
	const char *key;
	const char *list;	/* NULL: resolved where it is */
} file_keys[] = {
	{ "spark.jars", "jars" },
	{ "spark.files", "files" },
	{ "spark.yarn.dist.archives", "archives" },
	{ "spark.archives", "archives" },
	{ "spark.submit.pyFiles", "pyFiles" },
	{ "spark.yarn.archive", NULL },
	{ "spark.yarn.dist.files", NULL },
	{ "spark.yarn.dist.jars", NULL },
	{ "spark.yarn.jar", NULL },
	{ "spark.yarn.jars", NULL },
};

static const char *const lists[] = { "jars", "files", "archives", "pyFiles" };

/* Whether a decoded path lies under a folder that clients may name. */
static bool
allowed(const struct conf *conf, const char *path)
{
	const char *dir, *s;
	size_t n;

	for (s = path; *s; s += strcspn(s, "/")) {
		s += strspn(s, "/");
		n = strcspn(s, "/");
		if (n == 2 && memcmp(s, "..", 2) == 0)
			return false;
	}
	for (size_t i = 0; i < conf->local_dirs.count; i++) {
		dir = conf->local_dirs.items[i];
		n = strlen(dir);
		while (n > 0 && dir[n - 1] == '/')
			n--;
		if (strncmp(path, dir, n) == 0 && path[n] == '/')
			return true;
	}
	return false;
}

/* A local file that is allowed is one of the driver's image: local://… */
static bool
resolve_local(const struct conf *conf, const struct uri *u, const char *path,
    struct buf *out, struct err *err)
{
	if (!u->path || !allowed(conf, path))
		return err_set(err, 400, "Rejected, Reason: requirement "
		    "failed: Local path %s cannot be added to user sessions.",
		    path);
	buf_addstr(out, "local://");
	buf_add(out, u->path, u->path_len);
	buf_addstr(out, u->rest);
	return true;
}

/* Appends the URI that text stands for to out. */
static bool
resolve(const struct conf *conf, const char *text, struct buf *out,
    struct err *err)
{
	AUTO_FREE char *path = NULL;
	size_t fs = strlen(conf->default_fs);
	struct uri u;

	if (strlen(text) > URI_MAX)
		return err_set(err, 400, "Rejected, Reason: a file name of "
		    "%zu bytes is too long", strlen(text));
	if (!uri_parse(text, &u, err))
		return err_wrap(err, "Rejected, Reason: "
		    "java.net.URISyntaxException");
	path = mem_alloc(u.path_len + 1);
	if (u.path && !request_decode(u.path, u.path_len, path,
	    u.path_len + 1))
		return err_set(err, 400, "Rejected, Reason: a NUL character "
		    "in the path of '%s'", text);
	if (!u.scheme && *path != '/')
		return err_set(err, 400, "Rejected, Reason: requirement "
		    "failed: Path '%s' is not absolute.", path);
	if (uri_is(&u, "file") || (!u.scheme &&
	    (fs == 0 || strncasecmp(conf->default_fs, "file:", 5) == 0)))
		return resolve_local(conf, &u, path, out, err);
	if (u.scheme) {
		buf_addstr(out, text);
		return true;
	}
	while (fs > 0 && conf->default_fs[fs - 1] == '/')
		fs--;
	buf_add(out, conf->default_fs, fs);
	buf_add(out, u.path, u.path_len);
	buf_addstr(out, u.rest);
	return true;
}

/*
 * Adds what text stands for to a list; "" stands for nothing. Spark joins
 * such lists by commas, so one inside a name would smuggle in another.
 */
static bool
resolve_to(const struct conf *conf, const char *text, json_object *list,
    struct err *err)
{
	AUTO_BUF struct buf b = BUF_INIT(2 * URI_MAX);

	if (!*text)
		return true;
	if (strchr(text, ','))
		return err_set(err, 400, "Rejected, Reason: requirement "
		    "failed: Path '%s' holds a comma.", text);
	if (!resolve(conf, text, &b, err))
		return false;
	json_object_array_add(list, json_object_new_string(b.data));
	return true;
}

/* The same for a conf value: names between spaces and commas. */
static bool
resolve_words(const struct conf *conf, const char *text, json_object *list,
    struct err *err)
{
	AUTO_BUF struct buf word = BUF_INIT(2 * URI_MAX);
	size_t n;

	for (; *text; text += n) {
		text += strspn(text, ", ");
		n = strcspn(text, ", ");
		buf_clear(&word);
		buf_add(&word, text, n);
		if (!buf_ok(&word))
			return err_set(err, 400, "Rejected, Reason: a file "
			    "name of %zu bytes is too long", n);
		if (!resolve_to(conf, word.data, list, err))
			return false;
	}
	return true;
}

static bool
resolve_in_place(const struct conf *conf, json_object *map, const char *key,
    const char *text, struct err *err)
{
	AUTO_JSON json_object *list = json_object_new_array();
	AUTO_BUF struct buf b = BUF_INIT(16 * URI_MAX);

	if (!resolve_words(conf, text, list, err))
		return false;
	for (size_t i = 0; i < json_object_array_length(list); i++)
		buf_addf(&b, "%s%s", i > 0 ? "," : "",
		    jv_text(json_object_array_get_idx(list, i)));
	if (!buf_ok(&b))
		return err_set(err, 400, "Rejected, Reason: '%s' is too long",
		    key);
	json_object_object_add(map, key, json_object_new_string(b.data));
	return true;
}

/* What conf adds to a list; its keys leave conf. */
static bool
merge_conf(const struct conf *conf, json_object *map, const char *name,
    json_object *list, struct err *err)
{
	const char *text;

	for (size_t i = 0; i < ARRAY_LEN(file_keys); i++) {
		text = jv_text(jv_member(map, file_keys[i].key));
		if (!text || !file_keys[i].list ||
		    strcmp(file_keys[i].list, name) != 0)
			continue;
		if (!resolve_words(conf, text, list, err))
			return false;
		json_object_object_del(map, file_keys[i].key);
	}
	return true;
}

/* One list: what the request gives, then what conf adds. */
static bool
resolve_list(const struct conf *conf, json_object *vars, const char *name,
    struct err *err)
{
	AUTO_JSON json_object *given = json_object_get(jv_member(vars, name));
	json_object *list = json_object_new_array();
	size_t count = given ? json_object_array_length(given) : 0;

	json_object_object_add(vars, name, list);
	for (size_t i = 0; i < count; i++)
		if (!resolve_to(conf, jv_text(json_object_array_get_idx(given,
		    i)), list, err))
			return false;
	return merge_conf(conf, jv_member(vars, "conf"), name, list, err);
}

bool
files_resolve_lists(const struct conf *conf, json_object *vars,
    struct err *err)
{
	json_object *map = jv_member(vars, "conf");
	const char *text;

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		if (!resolve_list(conf, vars, lists[i], err))
			return false;
	for (size_t i = 0; i < ARRAY_LEN(file_keys); i++) {
		text = jv_text(jv_member(map, file_keys[i].key));
		if (text && !resolve_in_place(conf, map, file_keys[i].key,
		    text, err))
			return false;
	}
	return true;
}

bool
files_resolve_one(const struct conf *conf, const char *text, struct buf *out,
    struct err *err)
{
	static const char rejected[] = "Rejected, Reason: ";
	const char *why;

	if (resolve(conf, text, out, err))
		return true;
	why = err->msg + (strncmp(err->msg, rejected,
	    sizeof rejected - 1) == 0 ? sizeof rejected - 1 : 0);
	if (strncmp(why, "java.net.", 9) == 0)
		return err_bare(err, 500, "%s", why);
	return err_set(err, 400, "%s", why);
}

static const char *
type_of(const char *file)
{
	size_t n = strcspn(file, "?#");

	if (n >= 3 && strncmp(file + n - 3, ".py", 3) == 0)
		return "Python";
	if (n >= 2 && strncasecmp(file + n - 2, ".r", 2) == 0)
		return "R";
	return "Java";
}

bool
files_resolve_main(const struct conf *conf, json_object *vars,
    struct err *err)
{
	AUTO_BUF struct buf b = BUF_INIT(2 * URI_MAX);
	const char *file = jv_text(jv_member(vars, "file"));

	if (!file)
		return err_set(err, 400, "Rejected, Reason: requirement "
		    "failed: File is required.");
	if (!*file)	/* as Livy: the first of a list that "" leaves empty */
		return err_bare(err, 500,
		    "java.lang.IndexOutOfBoundsException: 0");
	if (!resolve(conf, file, &b, err))
		return false;
	json_object_object_add(vars, "file", json_object_new_string(b.data));
	jv_set_str(vars, "type", type_of(b.data));
	return true;
}

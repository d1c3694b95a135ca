#include "config.h"

#include "localkube_root.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"

#define PATH_LIMIT 4096
#define DEPTH_MAX 64

void
kroot_release(struct kroot *root)
{
	for (size_t i = 0; i < root->n; i++) {
		free(root->mount[i].from);
		free(root->mount[i].to);
	}
	root->n = 0;
}

static bool
is_plain(const char *path)
{
	if (*path != '/')
		return false;
	for (const char *p = path; *p; p++)
		if (p[0] == '/' && (p[1] == '/' || (p[1] == '.' &&
		    (p[2] == '/' || p[2] == '\0' || (p[2] == '.' &&
		    (p[3] == '/' || p[3] == '\0'))))))
			return false;
	return strlen(path) < PATH_LIMIT / 2;
}

/*
 * Symbolic links of the machine's own tree resolved (/var/run is one): a
 * mount point is made before the pod's root is the root, where an absolute
 * link would lead astray.
 */
static char *
resolve(const char *path)
{
	AUTO_FREE char *head = mem_strdup(path);
	AUTO_FREE char *real = NULL;
	AUTO_BUF struct buf whole = BUF_INIT(PATH_LIMIT);
	size_t n = strlen(head);

	while (n > 1 && !(real = realpath(head, NULL))) {
		while (n > 1 && head[n - 1] != '/')
			n--;
		n -= n > 1;
		head[n] = '\0';
	}
	if (!real || strcmp(real, "/") == 0)
		return mem_strdup(path);
	buf_addf(&whole, "%s%s", real, path + n);
	return buf_steal(&whole);
}

bool
kroot_add(struct kroot *root, enum kmount_kind kind, const char *from,
    const char *to, struct err *err)
{
	struct kmount *m = &root->mount[root->n];
	char *place;
	size_t len;

	if (root->n == KROOT_MAX)
		return err_set(err, 500, "more than %d mounts", KROOT_MAX);
	if (!is_plain(to))
		return err_set(err, 500, "'%s' is no place for a mount", to);
	place = resolve(to);
	if (!place)
		return err_set(err, 500, "'%s' is too long", to);
	for (len = strlen(place); len > 1 && place[len - 1] == '/'; len--)
		place[len - 1] = '\0';
	m->kind = kind;
	m->from = from ? mem_strdup(from) : NULL;
	m->to = place;
	root->n++;
	return true;
}

/* Whether path is dir or below it; then what follows dir. */
static const char *
below(const char *path, const char *dir)
{
	size_t n = strcmp(dir, "/") == 0 ? 0 : strlen(dir);

	if (strncmp(path, dir, n) != 0 ||
	    (path[n] != '/' && path[n] != '\0'))
		return NULL;
	return path + n;
}

/*
 * What is at a path of the pod before mount number end: a file of this
 * machine (in ret), or nothing known because a fresh folder lies there.
 */
static bool
behind(const struct kroot *root, size_t end, const char *path,
    char ret[PATH_LIMIT], bool *ret_fresh)
{
	*ret_fresh = false;
	snprintf(ret, PATH_LIMIT, "%s", path);
	for (size_t i = end; i-- > 0;) {
		const char *rest = below(path, root->mount[i].to);

		if (!rest)
			continue;
		*ret_fresh = root->mount[i].kind != KMOUNT_READ;
		if (root->mount[i].from)
			snprintf(ret, PATH_LIMIT, "%s%s",
			    root->mount[i].from, rest);
		return !*ret_fresh;
	}
	return true;
}

/* The set of folders to be taken apart, and the walk that does it. */
struct apart {
	size_t n;
	char *dir[KROOT_MAX * 4];
};

static bool
is_apart(const struct apart *a, const char *dir)
{
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->dir[i], dir) == 0)
			return true;
	return false;
}

static bool
take_apart(struct apart *a, const char *dir, struct err *err)
{
	if (is_apart(a, dir))
		return true;
	if (a->n == ARRAY_LEN(a->dir))
		return err_set(err, 500, "too many mounts in new places");
	a->dir[a->n++] = mem_strdup(dir);
	return true;
}

/*
 * The mount's place, symbolic links resolved. If it is not there, its
 * nearest ancestor that is must be taken apart, and all above that up to
 * the mount it belongs to.
 */
static bool
prepare(const struct kroot *root, size_t i, struct apart *a, struct err *err)
{
	char path[PATH_LIMIT], host[PATH_LIMIT];
	struct stat sb;
	bool fresh;

	snprintf(path, sizeof path, "%s", root->mount[i].to);
	if (!behind(root, i, path, host, &fresh) || stat(host, &sb) == 0)
		return true;
	do {
		char *slash = strrchr(path, '/');

		slash[slash == path] = '\0';
		if (!behind(root, i, path, host, &fresh))
			return true;
	} while (strcmp(path, "/") != 0 && stat(host, &sb) != 0);
	for (;;) {
		char *slash = strrchr(path, '/');

		if (!take_apart(a, path, err))
			return false;
		if (strcmp(path, "/") == 0)
			return true;
		slash[slash == path] = '\0';
	}
}

static void
arg(struct buf *out, const char *word)
{
	buf_add(out, word, strlen(word) + 1);
}

static void
args3(struct buf *out, const char *a, const char *b, const char *c)
{
	arg(out, a);
	arg(out, b);
	arg(out, c);
}

static bool
is_special(const char *path)
{
	static const char *const made[] =
	    { "/proc", "/dev", "/tmp", "/run", "/lost+found" };

	for (size_t i = 0; i < ARRAY_LEN(made); i++)
		if (strcmp(path, made[i]) == 0)
			return true;
	return false;
}

static void
add_entry(const char *host, const char *path, struct buf *out)
{
	char target[PATH_LIMIT];
	ssize_t n = readlink(host, target, sizeof target - 1);

	if (n > 0) {
		target[n] = '\0';
		args3(out, "--symlink", target, path);
	} else {
		args3(out, "--ro-bind-try", host, path);
	}
}

static bool
add_folder(const struct apart *a, const char *host, const char *path,
    int depth, struct buf *out, struct err *err)
{
	DIR *dir = opendir(host);
	struct dirent *e;
	bool ok = true;

	if (!dir)
		return err_set(err, 500, "cannot list '%s': %s", host,
		    strerror(errno));
	if (strcmp(path, "/") != 0) {
		arg(out, "--dir");
		arg(out, path);
	}
	while (ok && (e = readdir(dir))) {
		char from[PATH_LIMIT], to[PATH_LIMIT];
		struct stat sb;

		if (strcmp(e->d_name, ".") == 0 ||
		    strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(from, sizeof from, "%.2000s/%.255s",
		    strcmp(host, "/") ? host : "", e->d_name);
		snprintf(to, sizeof to, "%.2000s/%.255s",
		    strcmp(path, "/") ? path : "", e->d_name);
		if (is_special(to))
			continue;
		if (is_apart(a, to) && depth < DEPTH_MAX &&
		    lstat(from, &sb) == 0 && S_ISDIR(sb.st_mode))
			ok = add_folder(a, from, to, depth + 1, out, err);
		else
			add_entry(from, to, out);
	}
	closedir(dir);
	return ok;
}

static bool
add_mount(const struct kmount *m, const struct apart *a, struct buf *out,
    struct err *err)
{
	struct stat sb;

	switch (m->kind) {
	case KMOUNT_HIDE:
		arg(out, "--tmpfs");
		arg(out, m->to);
		return true;
	case KMOUNT_WRITE:
		args3(out, "--bind", m->from, m->to);
		return true;
	case KMOUNT_READ:
		if (is_apart(a, m->to) && stat(m->from, &sb) == 0 &&
		    S_ISDIR(sb.st_mode)) {
			arg(out, "--tmpfs");
			arg(out, m->to);
			return add_folder(a, m->from, m->to, 0, out, err);
		}
		args3(out, "--ro-bind", m->from, m->to);
		return true;
	}
	return true;
}

bool
kroot_args(const struct kroot *root, struct buf *ret, struct err *err)
{
	struct apart a = { 0 };
	bool ok = true;

	for (size_t i = 0; ok && i < root->n; i++)
		ok = prepare(root, i, &a, err);
	/* the root itself is always made anew: /tmp and /run are private */
	ok = ok && add_folder(&a, "/", "/", 0, ret, err);
	arg(ret, "--proc");
	arg(ret, "/proc");
	arg(ret, "--dev");
	arg(ret, "/dev");
	arg(ret, "--tmpfs");
	arg(ret, "/run");
	for (size_t i = 0; ok && i < root->n; i++)
		ok = add_mount(&root->mount[i], &a, ret, err);
	for (size_t i = 0; ok && i < root->n; i++)
		if (root->mount[i].kind == KMOUNT_READ &&
		    is_apart(&a, root->mount[i].to)) {
			arg(ret, "--remount-ro");
			arg(ret, root->mount[i].to);
		}
	arg(ret, "--remount-ro");
	arg(ret, "/");
	for (size_t i = 0; i < a.n; i++)
		free(a.dir[i]);
	return ok && (buf_ok(ret) ||
	    err_set(err, 500, "the pod's root takes too many mounts"));
}

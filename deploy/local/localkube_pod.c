#include "config.h"

#include "localkube_pod.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "buf.h"
#include "err.h"
#include "jv.h"
#include "localkube_files.h"
#include "localkube_image.h"
#include "localkube_root.h"
#include "localkube_shim.h"
#include "localkube_volume.h"

#define PATH_LIMIT 4096
#define ROOT_ARGS_MAX (1024 * 1024)

extern char **environ;

void
kpod_dir(const struct kkubelet_conf *conf, const char *uid, struct buf *ret)
{
	buf_clear(ret);
	buf_addf(ret, "%s/%s", conf->pods, uid);
}

int
kpod_hold_address(const char *ip)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int n = snprintf(name.sun_path + 1, sizeof name.sun_path - 1,
	    "localkube-pod/%s", ip);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&name,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
	    (size_t)n)) != 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

int
kpod_take_address(const struct kkubelet_conf *conf, char ret_ip[16])
{
	static uint32_t last;
	uint32_t size = 1u << (32 - conf->net_bits);

	/* not the same one at once: its ports may still be closing */
	for (uint32_t i = 0; i < size; i++) {
		struct in_addr a;
		int fd;

		last = (last + 1) % size;
		if ((last & 0xff) == 0 || (last & 0xff) == 0xff)
			continue;
		a.s_addr = htonl(conf->net | last);
		inet_ntop(AF_INET, &a, ret_ip, 16);
		fd = kpod_hold_address(ret_ip);
		if (fd >= 0)
			return fd;
	}
	return -1;
}

static bool
add_file(const char *dir, const char *name, const char *text, const char *to,
    struct kroot *root, struct err *err)
{
	AUTO_BUF struct buf path = BUF_INIT(PATH_LIMIT);

	buf_addf(&path, "%s/%s", dir, name);
	return kfiles_write(path.data, text, strlen(text), 0644, err) &&
	    kroot_add(root, KMOUNT_READ, path.data, to, err);
}

/* Its own name resolves to its own address, whatever the machine's does. */
static bool
add_hosts(json_object *pod, const char *dir, struct kroot *root,
    struct err *err)
{
	AUTO_BUF struct buf text = BUF_INIT(PATH_LIMIT);

	buf_addf(&text, "127.0.0.1 localhost\n%s %s %.63s\n",
	    jv_str(pod, "status.podIP"), jv_str(pod, "metadata.name"),
	    jv_str(pod, "metadata.name"));
	return add_file(dir, "hosts", text.data, "/etc/hosts", root, err);
}

/* /run is private to the pod, but a link into it may say who resolves. */
static bool
add_resolver(struct kroot *root, struct err *err)
{
	AUTO_FREE char *real = realpath("/etc/resolv.conf", NULL);

	return !real || strncmp(real, "/run/", 5) != 0 ||
	    kroot_add(root, KMOUNT_READ, real, real, err);
}

static bool
add_writable(const char *dir, const char *name, const char *to,
    struct kroot *root, struct err *err)
{
	AUTO_BUF struct buf path = BUF_INIT(PATH_LIMIT);

	buf_addf(&path, "%s/%s", dir, name);
	return kfiles_mkdirs(path.data, 0700, err) &&
	    kfiles_mkdir(path.data, 01777, err) &&
	    kroot_add(root, KMOUNT_WRITE, path.data, to, err);
}

/* A folder is hidden by an empty one, a file by an empty file. */
static bool
hide(const char *dir, const char *path, struct kroot *root, struct err *err)
{
	struct stat sb;

	if (!path || stat(path, &sb) != 0)
		return path || err_set(err, 500, "'hide' is a list of paths");
	return S_ISDIR(sb.st_mode) ?
	    kroot_add(root, KMOUNT_HIDE, NULL, path, err) :
	    add_file(dir, "empty", "", path, root, err);
}

static bool
add_image(json_object *image, const char *dir, struct kroot *root,
    struct err *err)
{
	json_object *hidden = jv_member(image, "hide");
	json_object *mounts = jv_member(image, "mounts");

	for (size_t i = 0; hidden && i < json_object_array_length(hidden);
	    i++)
		if (!hide(dir, jv_text(json_object_array_get_idx(hidden, i)),
		    root, err))
			return false;
	for (size_t i = 0; mounts && i < json_object_array_length(mounts);
	    i++) {
		json_object *m = json_object_array_get_idx(mounts, i);
		const char *from = jv_str(m, "from"), *to = jv_str(m, "to");

		if (!from || !to)
			return err_set(err, 500, "the image's 'mounts' need "
			    "'from' and 'to'");
		if (!kroot_add(root, KMOUNT_READ, from, to, err))
			return false;
	}
	return true;
}

static const char *
workdir(json_object *image, json_object *pod)
{
	const char *own = jv_str(kimage_container(pod), "workingDir");
	const char *dir = own ? own : jv_str(image, "workdir");

	return dir && *dir == '/' ? dir : "/tmp";
}

/* What localkube keeps is not the pod's to see, not even as the same user. */
static bool
hide_own(const struct kkubelet_conf *conf, struct kroot *root,
    struct err *err)
{
	/* these are private to the pod, and so hide it already */
	return strncmp(conf->dir, "/tmp/", 5) == 0 ||
	    strncmp(conf->dir, "/run/", 5) == 0 ||
	    kroot_add(root, KMOUNT_HIDE, NULL, conf->dir, err);
}

static bool
make_root(const struct kkubelet_conf *conf, json_object *pod,
    json_object *image, const char *dir, struct kroot *root, struct err *err)
{
	const char *image_dir = jv_str(image, "workdir");

	return add_writable(dir, "tmp", "/tmp", root, err) &&
	    hide_own(conf, root, err) &&
	    add_resolver(root, err) && add_hosts(pod, dir, root, err) &&
	    add_image(image, dir, root, err) &&
	    (!image_dir || strcmp(image_dir, "/") == 0 ||
	    strcmp(image_dir, "/tmp") == 0 ||
	    add_writable(dir, "work", image_dir, root, err)) &&
	    kvolume_mounts(pod, dir, root, err);
}

static void
add_word(json_object *list, const char *text, size_t len)
{
	json_object_array_add(list,
	    json_object_new_string_len(text, (int)len));
}

static json_object *
root_words(const struct buf *args, json_object *pod, json_object *image)
{
	json_object *list = json_object_new_array();
	const char *const more[] = { "--unshare-pid", "--unshare-ipc",
	    "--unshare-uts", "--die-with-parent", "--new-session",
	    "--hostname", jv_str(pod, "metadata.name"), "--chdir",
	    workdir(image, pod) };
	size_t n;

	for (size_t at = 0; at < args->len; at += n + 1) {
		n = strlen(args->data + at);
		add_word(list, args->data + at, n);
	}
	for (size_t i = 0; i < ARRAY_LEN(more); i++) {
		n = strlen(more[i]);
		/* a host name ends at 64 bytes */
		add_word(list, more[i], i == 6 && n > 63 ? 63 : n);
	}
	return list;
}

static json_object *
env_words(json_object *env)
{
	json_object *list = json_object_new_array();

	json_object_object_foreach(env, key, value) {
		AUTO_BUF struct buf word = BUF_INIT(4 * 1024 * 1024);

		buf_addf(&word, "%s=", key);
		buf_addstr(&word, json_object_get_string(value));
		add_word(list, word.data, word.len);
	}
	return list;
}

static bool
spawn(const char *dir, int lock_fd, pid_t *ret, struct err *err)
{
	char *argv[] = { mem_strdup("localkube"), mem_strdup("shim"),
	    mem_strdup(dir), NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none;
	int rc;

	sigemptyset(&none);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, lock_fd, KSHIM_LOCK_FD);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID |
	    POSIX_SPAWN_SETSIGMASK);
	rc = posix_spawn(ret, "/proc/self/exe", &files, &attr, argv,
	    environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	for (size_t i = 0; argv[i]; i++)
		free(argv[i]);
	return rc == 0 || err_set(err, 500, "cannot start a shim: %s",
	    strerror(rc));
}

static bool
write_run(const char *dir, json_object *pod, json_object *image,
    const struct buf *args, json_object *env, json_object *argv,
    struct err *err)
{
	AUTO_BUF struct buf path = BUF_INIT(PATH_LIMIT);
	AUTO_JSON json_object *run = json_object_new_object();
	const char *text;

	json_object_object_add(run, "root", root_words(args, pod, image));
	json_object_object_add(run, "env", env_words(env));
	json_object_object_add(run, "argv", json_object_get(argv));
	text = jv_print(run);
	buf_addf(&path, "%s/run.json", dir);
	return kfiles_write(path.data, text, strlen(text), 0600, err);
}

bool
kpod_start(const struct kkubelet_conf *conf, json_object *pod,
    json_object *image, int lock_fd, pid_t *ret_shim,
    const char **ret_reason, struct err *err)
{
	AUTO_BUF struct buf dir = BUF_INIT(PATH_LIMIT);
	AUTO_BUF struct buf args = BUF_INIT(ROOT_ARGS_MAX);
	AUTO_JSON json_object *env = NULL, *argv = NULL;
	struct kroot root = { 0 };
	bool ok;

	kpod_dir(conf, jv_str(pod, "metadata.uid"), &dir);
	*ret_reason = "ContainerCreating";
	if (!kfiles_mkdirs(dir.data, 0700, err) ||
	    !kvolume_make(conf->store, pod, dir.data, err))
		return false;
	*ret_reason = "CreateContainerConfigError";
	if (!kimage_command(conf->store, image, pod, &env, &argv, err))
		return false;
	*ret_reason = "CreateContainerError";
	if (json_object_array_length(argv) == 0)
		return err_set(err, 500, "no command specified");
	ok = make_root(conf, pod, image, dir.data, &root, err) &&
	    kroot_args(&root, &args, err) &&
	    write_run(dir.data, pod, image, &args, env, argv, err) &&
	    spawn(dir.data, lock_fd, ret_shim, err);
	kroot_release(&root);
	return ok;
}

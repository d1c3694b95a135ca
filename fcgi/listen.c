#include "config.h"

#include "listen.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "buf.h"
#include "conf.h"
#include "err.h"
#include "log.h"

#define SECRET_MIN 16
#define SECRET_MAX 256

static const struct passwd *
user_of(const struct conf *conf)
{
	return geteuid() == 0 && *conf->user ? getpwnam(conf->user) : NULL;
}

static bool
make_folder(const struct conf *conf, struct err *err)
{
	AUTO_FREE char *path = mem_strdup(conf->socket);
	const struct passwd *pw = user_of(conf);
	const struct group *gr = *conf->socket_group ?
	    getgrnam(conf->socket_group) : NULL;
	const char *folder = dirname(path);

	if (mkdir(folder, 0750) != 0)
		return errno == EEXIST || err_set(err, 500,
		    "cannot make the folder '%s' of the socket: %s", folder,
		    strerror(errno));
	if (chown(folder, pw ? pw->pw_uid : (uid_t)-1,
	    gr ? gr->gr_gid : (gid_t)-1) != 0)
		return err_set(err, 500, "cannot give away '%s': %s", folder,
		    strerror(errno));
	return true;
}

/* The lock lives as long as the master; nobody reads its number. */
static bool
take_lock(const struct conf *conf, struct err *err)
{
	AUTO_BUF struct buf path = BUF_INIT(1024);
	int fd;

	buf_addf(&path, "%s.lock", conf->socket);
	fd = open(path.data, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_set(err, 500, "cannot open '%s': %s", path.data,
		    strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		close(fd);
		return err_set(err, 500,
		    "another livy-fcgi serves the socket '%s'; stop it first",
		    conf->socket);
	}
	return true;
}

static bool
bind_socket(const struct conf *conf, int fd, struct err *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const struct group *gr = *conf->socket_group ?
	    getgrnam(conf->socket_group) : NULL;
	const struct passwd *pw = user_of(conf);
	mode_t mask;
	int rc;

	if (strlen(conf->socket) >= sizeof addr.sun_path)
		return err_set(err, 500,
		    "the socket's path '%s' is over %zu bytes", conf->socket,
		    sizeof addr.sun_path - 1);
	memcpy(addr.sun_path, conf->socket, strlen(conf->socket) + 1);
	unlink(conf->socket);
	mask = umask(0177);	/* nobody may connect before the mode is set */
	rc = bind(fd, (const struct sockaddr *)&addr, sizeof addr);
	umask(mask);
	if (rc != 0)
		return err_set(err, 500, "cannot bind '%s': %s", conf->socket,
		    strerror(errno));
	if (chown(conf->socket, pw ? pw->pw_uid : (uid_t)-1,
	    gr ? gr->gr_gid : (gid_t)-1) != 0 ||
	    chmod(conf->socket, (mode_t)conf->socket_mode) != 0)
		return err_set(err, 500, "cannot set the mode of '%s': %s",
		    conf->socket, strerror(errno));
	if (listen(fd, (int)conf->backlog) != 0)
		return err_set(err, 500, "cannot listen on '%s': %s",
		    conf->socket, strerror(errno));
	return true;
}

bool
listen_open(const struct conf *conf, int *ret_fd, struct err *err)
{
	int fd;

	if (!make_folder(conf, err) || !take_lock(conf, err))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set(err, 500, "cannot make a socket: %s",
		    strerror(errno));
	if (!bind_socket(conf, fd, err)) {
		close(fd);
		return false;
	}
	*ret_fd = fd;
	return true;
}

void
listen_close(const struct conf *conf, int fd)
{
	unlink(conf->socket);
	close(fd);
}

bool
listen_secret(const struct conf *conf, char **ret_new, struct err *err)
{
	char text[SECRET_MAX + 2];
	AUTO_FD int fd = open(conf->secret_file, O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) != 0)
		return err_set(err, 500, "cannot read the secret file '%s': %s",
		    conf->secret_file, strerror(errno));
	if (st.st_mode & 07)
		return err_set(err, 500,
		    "the secret file '%s' may be read by anyone: chmod 0640 it",
		    conf->secret_file);
	n = read(fd, text, sizeof text - 1);
	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
		n--;
	if (n < SECRET_MIN || n > SECRET_MAX)
		return err_set(err, 500,
		    "the secret in '%s' must be %d to %d characters long",
		    conf->secret_file, SECRET_MIN, SECRET_MAX);
	*ret_new = mem_strndup(text, (size_t)n);
	return true;
}

int64_t
listen_peer(const struct conf *conf)
{
	const struct passwd *pw;

	if (!*conf->nginx_user)
		return -1;
	pw = getpwnam(conf->nginx_user);
	return pw ? (int64_t)pw->pw_uid : (int64_t)UINT32_MAX;
}

bool
listen_drop(const struct conf *conf, struct err *err)
{
	const struct passwd *pw;
	const struct group *gr = NULL;

	if (geteuid() != 0)
		return true;
	if (!*conf->user) {
		log_warn("running as root: set 'user' to leave it");
		return true;
	}
	pw = getpwnam(conf->user);
	if (!pw)
		return err_set(err, 500, "there is no user '%s'", conf->user);
	if (*conf->group && !(gr = getgrnam(conf->group)))
		return err_set(err, 500, "there is no group '%s'", conf->group);
	if (initgroups(conf->user, gr ? gr->gr_gid : pw->pw_gid) != 0 ||
	    setgid(gr ? gr->gr_gid : pw->pw_gid) != 0 ||
	    setuid(pw->pw_uid) != 0)
		return err_set(err, 500, "cannot become '%s': %s", conf->user,
		    strerror(errno));
	return true;
}

#include "config.h"

#include "localkube_files.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"

bool
kfiles_mkdir(const char *path, mode_t mode, struct err *err)
{
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return err_set(err, 500, "cannot make folder '%s': %s", path,
		    strerror(errno));
	if (chmod(path, mode) != 0)
		return err_set(err, 500, "cannot set the mode of '%s': %s",
		    path, strerror(errno));
	return true;
}

bool
kfiles_mkdirs(const char *path, mode_t mode, struct err *err)
{
	AUTO_FREE char *part = mem_strdup(path);
	struct stat sb;

	for (char *p = part + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (stat(part, &sb) != 0 && !kfiles_mkdir(part, mode, err))
			return false;
		*p = '/';
	}
	return stat(path, &sb) == 0 || kfiles_mkdir(path, mode, err);
}

static bool
write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

bool
kfiles_write(const char *path, const void *data, size_t len, mode_t mode,
    struct err *err)
{
	AUTO_BUF struct buf tmp = BUF_INIT(4096);
	AUTO_FD int fd = -1;

	buf_addf(&tmp, "%s.new", path);
	fd = open(tmp.data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || !write_all(fd, data, len) || fchmod(fd, mode) != 0 ||
	    rename(tmp.data, path) != 0)
		return err_set(err, 500, "cannot write '%s': %s", path,
		    strerror(errno));
	return true;
}

bool
kfiles_read(const char *path, struct buf *ret, struct err *err)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *room;
	ssize_t n;

	if (fd < 0)
		return err_set(err, 500, "cannot open '%s': %s", path,
		    strerror(errno));
	for (;;) {
		char block[16384];

		n = read(fd, block, sizeof block);
		if (n < 0)
			return err_set(err, 500, "cannot read '%s': %s", path,
			    strerror(errno));
		if (n == 0)
			return true;
		room = buf_room(ret, (size_t)n);
		if (!room)
			return err_set(err, 500, "'%s' is longer than %zu "
			    "bytes", path, ret->limit);
		memcpy(room, block, (size_t)n);
		buf_wrote(ret, (size_t)n);
	}
}

/* Folders first opened up, so that what is in them can be listed. */
static int
open_up(const char *path, const struct stat *sb, int type,
    struct FTW *at UNUSED)
{
	if ((type == FTW_D || type == FTW_DNR) &&
	    (sb->st_mode & 0700) != 0700)
		chmod(path, 0700);
	return 0;
}

static int
remove_one(const char *path, const struct stat *sb UNUSED, int type UNUSED,
    struct FTW *at UNUSED)
{
	remove(path);
	return 0;
}

void
kfiles_remove(const char *path)
{
	nftw(path, open_up, 32, FTW_PHYS);
	nftw(path, remove_one, 32, FTW_PHYS | FTW_DEPTH);
}

bool
kfiles_is_below(const char *path)
{
	size_t n;

	if (*path == '/' || *path == '\0')
		return false;
	for (; *path; path += n + (path[n] == '/')) {
		n = strcspn(path, "/");
		if (n == 2 && strncmp(path, "..", 2) == 0)
			return false;
	}
	return true;
}

#include "config.h"

#include "kubeconf.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "buf.h"
#include "cred.h"
#include "err.h"
#include "num.h"

#define PATH_LEN 4096

bool
kubeconf_read(const char *path, const char *what, struct buf *ret,
    struct err *err)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char *room;
	ssize_t n;

	if (fd < 0)
		return err_set(err, 500, "%s: cannot open '%s': %s", what,
		    path, strerror(errno));
	do {
		room = buf_room(ret, 4096);
		if (!room)
			return err_set(err, 500, "%s: '%s' is longer than "
			    "%zu bytes", what, path, ret->limit - 4096);
		n = read(fd, room, 4096);
		if (n > 0)
			buf_wrote(ret, (size_t)n);
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (n < 0)
		return err_set(err, 500, "%s: cannot read '%s': %s", what,
		    path, strerror(errno));
	if (memchr(ret->data, '\0', ret->len))
		return err_set(err, 500, "%s: '%s' holds a NUL byte", what,
		    path);
	return true;
}

bool
kubeconf_check_pem(const char *pem, const char *what, struct err *err)
{
	if (!strstr(pem, "-----BEGIN "))
		return err_set(err, 500, "%s: holds no PEM", what);
	return true;
}

bool
kubeconf_take_token(const char *text, size_t len, const char *what,
    struct cred *ret, struct err *err)
{
	while (len > 0 && strchr(" \t\r\n", text[len - 1]))
		len--;
	if (len == 0)
		return err_set(err, 500, "%s: holds no token", what);
	if (len >= sizeof ret->token)
		return err_set(err, 500, "%s: a token of %zu bytes is too "
		    "long", what, len);
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return err_set(err, 500,
			    "%s: holds more than a token", what);
	memset(ret->token, 0, sizeof ret->token);
	memcpy(ret->token, text, len);
	return true;
}

bool
kubeconf_is_in_cluster(const char *dir)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST");
	char path[PATH_LEN];

	snprintf(path, sizeof path, "%s/token", dir);
	return host && *host && access(path, F_OK) == 0;
}

static bool
in_cluster_server(struct cred *ret, struct err *err)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST");
	const char *port = getenv("KUBERNETES_SERVICE_PORT");
	bool v6 = host && strchr(host, ':');
	int64_t number;

	if (!host || !*host)
		return err_set(err, 500, "KUBERNETES_SERVICE_HOST is not set: "
		    "this is no pod of a cluster");
	if (!port || !num_int(port, 1, 65535, &number))
		return err_set(err, 500, "KUBERNETES_SERVICE_PORT is not a "
		    "port");
	if (strlen(host) > KUBE_NAME_MAX || strpbrk(host, "/?#@ \\"))
		return err_set(err, 500, "KUBERNETES_SERVICE_HOST is not a "
		    "host");
	snprintf(ret->server, sizeof ret->server, "https://%s%s%s:%d",
	    v6 ? "[" : "", host, v6 ? "]" : "", (int)number);
	return true;
}

/* The pod's namespace file; absent on some clusters: "" then. */
static bool
in_cluster_namespace(const char *dir, char *ret, struct err *err)
{
	AUTO_BUF struct buf text = BUF_INIT(8192);
	char path[PATH_LEN];

	*ret = '\0';
	snprintf(path, sizeof path, "%s/namespace", dir);
	if (access(path, F_OK) != 0)
		return true;
	if (!kubeconf_read(path, path, &text, err))
		return false;
	text.data[strcspn(text.data, " \r\n")] = '\0';
	if (strlen(text.data) > KUBE_LABEL_MAX)
		return err_set(err, 500, "%s: holds no namespace", path);
	snprintf(ret, KUBE_LABEL_MAX + 1, "%s", text.data);
	return true;
}

bool
kubeconf_in_cluster(const char *dir, struct cred *ret,
    char ret_namespace[KUBE_LABEL_MAX + 1], struct err *err)
{
	AUTO_BUF struct buf ca = BUF_INIT(CRED_PEM_MAX + 4095);
	AUTO_BUF struct buf token = BUF_INIT(CRED_TOKEN_MAX + 4096);
	char path[PATH_LEN];

	memset(ret, 0, sizeof *ret);
	if (!in_cluster_server(ret, err))
		return false;
	snprintf(path, sizeof path, "%s/token", dir);
	if (!kubeconf_read(path, path, &token, err) ||
	    !kubeconf_take_token(token.data, token.len, path, ret, err))
		return false;
	snprintf(path, sizeof path, "%s/ca.crt", dir);
	if (!kubeconf_read(path, path, &ca, err) ||
	    !kubeconf_check_pem(ca.data, path, err))
		return false;
	if (ca.len >= sizeof ret->ca)
		return err_set(err, 500, "%s: is longer than %zu bytes", path,
		    sizeof ret->ca - 1);
	memcpy(ret->ca, ca.data, ca.len);
	return !ret_namespace ||
	    in_cluster_namespace(dir, ret_namespace, err);
}

char *
kubeconf_default_path(void)
{
	const char *list = getenv("KUBECONFIG");
	const char *home = getenv("HOME");
	char path[PATH_LEN];
	size_t n;

	for (; list && *list; list += n + (list[n] == ':')) {
		n = strcspn(list, ":");
		if (n == 0 || n >= sizeof path)
			continue;
		memcpy(path, list, n);
		path[n] = '\0';
		if (access(path, F_OK) == 0)
			return mem_strdup(path);
	}
	if (!home || !*home)
		return NULL;
	snprintf(path, sizeof path, "%s/.kube/config", home);
	return access(path, F_OK) == 0 ? mem_strdup(path) : NULL;
}

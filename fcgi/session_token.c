#include "config.h"

#include "session_token.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app.h"
#include "buf.h"
#include "err.h"
#include "gw.h"
#include "num.h"
#include "shm.h"

#define KEYS_MAX 16
#define KEY_MIN 32	/* characters; of hex, 128 bits */
#define KEY_MAX 128
#define FILE_MAX 8192
#define INPUT_MAX 1024	/* of an HMAC: names and a uid */

struct session_keys {
	size_t count;
	struct {
		int32_t version;
		char text[KEY_MAX + 1];
	} key[KEYS_MAX];
};

static const char *
key_of(const struct session_keys *k, int32_t version)
{
	for (size_t i = 0; i < k->count; i++)
		if (k->key[i].version == version)
			return k->key[i].text;
	return NULL;
}

/* The sentence never quotes the line: it may be a key. */
static bool
add_key(struct session_keys *k, char *line, struct err *err)
{
	char *key = line + strcspn(line, " \t");
	int64_t version;
	size_t len;

	if (*key)
		*key++ = '\0';
	key += strspn(key, " \t");
	len = strcspn(key, " \t\r");
	if (!num_int(line, 1, INT32_MAX, &version) ||
	    key[len + strspn(key + len, " \t\r")])
		return err_set(err, 500, "is not \"VERSION KEY\"");
	if (len < KEY_MIN || len > KEY_MAX)
		return err_set(err, 500, "has a key that is not %d to %d "
		    "characters long", KEY_MIN, KEY_MAX);
	if (key_of(k, (int32_t)version))
		return err_set(err, 500, "has version %lld for a second time",
		    (long long)version);
	if (k->count == KEYS_MAX)
		return err_set(err, 500, "is one key too many, %d are read",
		    KEYS_MAX);
	k->key[k->count].version = (int32_t)version;
	memcpy(k->key[k->count++].text, key, len);
	return true;
}

static bool
add_keys(struct session_keys *k, const char *path, char *text,
    struct err *err)
{
	unsigned line = 1;
	char *end;

	for (; *text; text = end + 1, line++) {
		end = text + strcspn(text, "\n");
		if (!*end)
			end[1] = '\0';
		*end = '\0';
		text += strspn(text, " \t\r");
		if (*text && *text != '#' && !add_key(k, text, err))
			return err_wrap(err, "%s:%u: this line of the session "
			    "keys", path, line);
	}
	return k->count > 0 || err_set(err, 500, "'%s' holds no session key",
	    path);
}

static bool
read_keys(const char *path, int fd, struct session_keys *k, struct err *err)
{
	char text[FILE_MAX + 2];
	struct stat st;
	ssize_t n;
	bool good;

	if (fd < 0 || fstat(fd, &st) != 0 ||
	    (n = read(fd, text, FILE_MAX + 1)) < 0)
		return err_set(err, 500, "cannot read the session keys '%s': "
		    "%s", path, strerror(errno));
	if (st.st_mode & 07)
		return err_set(err, 500, "the session keys '%s' may be read by "
		    "anyone: chmod 0640 it", path);
	if (n > FILE_MAX || memchr(text, '\0', (size_t)n))
		return err_set(err, 500, "'%s' is no file of session keys",
		    path);
	text[n] = '\0';
	text[n + 1] = '\0';	/* where a last line without its end goes on */
	good = add_keys(k, path, text, err);
	explicit_bzero(text, sizeof text);
	return good;
}

bool
session_keys_read(const char *path, struct session_keys **ret_new,
    struct err *err)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct session_keys *k = shm_map(sizeof *k, /* secret= */ true);

	if (!read_keys(path, fd, k, err)) {
		session_keys_free(k);
		return false;
	}
	*ret_new = k;
	return true;
}

void
session_keys_free(struct session_keys *keys)
{
	if (keys)
		munmap(keys, sizeof *keys);
}

int32_t
session_keys_version(const struct session_keys *keys)
{
	return keys->key[0].version;
}

bool
session_token(const struct gw *gw, const struct app *app,
    const struct app_text *text, char ret[SESSION_TOKEN_HEX + 1],
    struct err *err)
{
	const char *key = key_of(gw->session_keys, app->key_version);
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned int len = 0;
	char input[INPUT_MAX];
	int n;

	if (!key)
		return err_retry(err, 503, 5, "session %d was made with key "
		    "version %d, which this server does not have",
		    (int)app->id, (int)app->key_version);
	/* none of them can hold a line break, so no two inputs read the same */
	n = snprintf(input, sizeof input, "livy-fcgi token\n%d\n%s\n%s\n%s",
	    (int)app->key_version, text->ns, text->object, app->uid);
	if (n < 0 || (size_t)n >= sizeof input)
		return err_set(err, 500, "the names of session %d are too long",
		    (int)app->id);
	if (!HMAC(EVP_sha256(), key, (int)strlen(key),
	    (unsigned char *)input, (size_t)n, md, &len) ||
	    2 * len != SESSION_TOKEN_HEX)
		abort();
	for (unsigned int i = 0; i < len; i++)
		snprintf(ret + 2 * i, 3, "%02x", md[i]);
	explicit_bzero(md, sizeof md);
	return true;
}

#include "config.h"

#include <assert.h>
#include <sys/stat.h>

#include "app.h"
#include "err.h"
#include "fuzz.h"
#include "gw.h"
#include "session_token.h"

/* Any key that is read makes tokens, and the file's first one is in use. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *path = fuzz_file(data, size);
	struct app app = { .uid = "u" };
	struct app_text text = { .ns = "n", .object = "o" };
	char token[SESSION_TOKEN_HEX + 1] = "";
	struct session_keys *keys = NULL;
	struct err err = ERR_INIT;
	struct gw gw = { 0 };

	assert(chmod(path, 0600) == 0);
	if (!session_keys_read(path, &keys, &err)) {
		assert(err.status == 500 && err.msg[0]);
		return 0;
	}
	gw.session_keys = keys;
	app.key_version = session_keys_version(keys);
	assert(app.key_version > 0);
	assert(session_token(&gw, &app, &text, token, &err));
	assert(strspn(token, "0123456789abcdef") == SESSION_TOKEN_HEX);
	session_keys_free(keys);
	return 0;
}

#include "config.h"

#include "fuzz.h"

#include <assert.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conf.h"
#include "err.h"
#include "jv.h"

/* libconfig forgets texts that stand before a syntax error. */
const char *
__lsan_default_suppressions(void)
{
	return "leak:strbuf_append\nleak:libconfig_yylex\n";
}

const char *
fuzz_file(const uint8_t *data, size_t size)
{
	static char path[32];
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("fuzz", MFD_CLOEXEC);
		assert(fd >= 0);
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	}
	assert(ftruncate(fd, 0) == 0);
	assert(pwrite(fd, data, size, 0) == (ssize_t)size);
	return path;
}

struct conf *
fuzz_conf(void)
{
	static struct conf *conf;
	struct err err = ERR_INIT;

	if (!conf && !conf_load(SOURCES "/conf/livy-fcgi.cfg", &conf, &err)) {
		fprintf(stderr, "%s\n", err.msg);
		abort();
	}
	return conf;
}

bool
fuzz_is_json(const char *text, size_t len)
{
	AUTO_JSON json_object *o = NULL;
	struct err err = ERR_INIT;

	return jv_parse(text, len, 256, &o, &err);
}

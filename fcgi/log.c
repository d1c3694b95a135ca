#include "config.h"

#include "log.h"

#include <stdarg.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "num.h"

#define LINE_MAX_BYTES 4096 /* PIPE_BUF: one write is one line */

static const char *const words[] = { "error", "warn", "info", "debug" };
static enum log_level threshold = LOG_INFO;
static const char *role = "main";
static char request_id[64];

void
log_role(const char *new_role)
{
	char title[16];

	role = new_role;
	snprintf(title, sizeof title, "livy-%s", role);
	prctl(PR_SET_NAME, title, 0, 0, 0);
}

void
log_set_level(enum log_level level)
{
	threshold = level;
}

bool
log_is_on(enum log_level level)
{
	return level <= threshold;
}

bool
log_level_parse(const char *word, enum log_level *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(word, words[i]) == 0) {
			*ret = (enum log_level)i;
			return true;
		}
	return false;
}

void
log_request_id(const char *id)
{
	if (!memccpy(request_id, id ? id : "", '\0', sizeof request_id))
		request_id[sizeof request_id - 1] = '\0';
}

/* Appends text to a line, with control characters as \xNN. */
static size_t
escaped(char *line, size_t n, const char *text)
{
	for (; *text && n < LINE_MAX_BYTES - 6; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x20 || c == 0x7f)
			n += (size_t)snprintf(line + n, 5, "\\x%02x", c);
		else
			line[n++] = *text;
	}
	return n;
}

static void PRINTF(2, 0)
vlog(enum log_level level, const char *fmt, va_list ap)
{
	char text[LINE_MAX_BYTES];
	char line[LINE_MAX_BYTES];
	char when[40];
	int n;
	size_t len;

	if (!log_is_on(level))
		return;
	vsnprintf(text, sizeof text, fmt, ap);
	num_microtime_text(num_wall_ms(), when);
	when[23] = '\0';	/* milliseconds are enough */
	n = snprintf(line, sizeof line, "%sZ livy-fcgi %s[%d] %s: %s%s%s", when,
	    role, (int)getpid(), words[level], *request_id ? "[" : "",
	    request_id, *request_id ? "] " : "");
	len = escaped(line, (size_t)n, text);
	line[len++] = '\n';
	if (write(STDERR_FILENO, line, len) < 0)
		return;	/* nowhere left to say so */
}

#define LOG_AT(level) \
	va_list ap; \
	va_start(ap, fmt); \
	vlog(level, fmt, ap); \
	va_end(ap)

void
log_error(const char *fmt, ...)
{
	LOG_AT(LOG_ERROR);
}

void
log_warn(const char *fmt, ...)
{
	LOG_AT(LOG_WARN);
}

void
log_info(const char *fmt, ...)
{
	LOG_AT(LOG_INFO);
}

void
log_debug(const char *fmt, ...)
{
	LOG_AT(LOG_DEBUG);
}

void
log_fatal(const char *fmt, ...)
{
	LOG_AT(LOG_ERROR);
	exit(1);
}

#include "config.h"

#include "audit.h"

#include <fcntl.h>
#include <unistd.h>

#include "buf.h"
#include "conf.h"
#include "jv.h"
#include "log.h"
#include "num.h"

#define LINE_BYTES 4096	/* a longer reason is left out */

static const char *const words[] = {
	[AUDIT_INTENDED] = "intended", [AUDIT_ACCEPTED] = "accepted",
	[AUDIT_REPEATED] = "repeated",
	[AUDIT_REFUSED] = "refused", [AUDIT_UNKNOWN] = "unknown",
	[AUDIT_UNANSWERED] = "unanswered", [AUDIT_ABSENT] = "absent",
	[AUDIT_DELETED] = "deleted", [AUDIT_RESUMED] = "resumed",
	[AUDIT_FAILED] = "failed", [AUDIT_RETIRED] = "retired",
	[AUDIT_STOPPED] = "stopped", [AUDIT_MENDED] = "mended",
};
static int file = -1;

bool
audit_open(const struct conf *conf)
{
	if (!*conf->audit_log)
		return true;
	file = open(conf->audit_log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC |
	    O_NOFOLLOW, 0640);
	return file >= 0;
}

static void
member(struct buf *line, const char *key, const char *text)
{
	if (!text || !*text)
		return;
	buf_addf(line, ",\"%s\":", key);
	jv_add_str(line, text);
}

static void
compose(const struct audit *a, const char *reason, struct buf *line)
{
	char when[40];

	num_microtime_text(num_wall_ms(), when);
	buf_addf(line, "{\"at\":\"%s\",\"step\":\"%s\",\"kind\":\"%s\","
	    "\"id\":%d", when, words[a->step], app_kind_word(a->kind),
	    (int)a->id);
	member(line, "user", a->user);
	member(line, "request", a->request_id);
	member(line, "reason", reason);
	buf_addstr(line, "}\n");
}

void
audit_write(const struct audit *a)
{
	AUTO_BUF struct buf line = BUF_INIT(LINE_BYTES);

	compose(a, a->reason, &line);
	if (!buf_ok(&line)) {
		buf_clear(&line);
		compose(a, "too long to be shown", &line);
	}
	if (file < 0)
		log_info("audit %.*s", (int)line.len - 1, line.data);
	else if (write(file, line.data, line.len) != (ssize_t)line.len)
		log_error("cannot write the audit log: %s", line.data);
}

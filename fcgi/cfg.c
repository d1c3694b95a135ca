#include "config.h"

#include "cfg.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>

#include <libconfig.h>

#include "jv.h"

#define PARTS_MAX 4		/* files that may include each other */
#define ERRORS_ROOM (ERR_MSG_MAX - 64) /* of an err; the rest tells of more */

void
cfg_errors_release(struct cfg_errors *e)
{
	buf_release(&e->text);
}

/* Whether it is told already: two kinds may share a template. */
static bool
has_line(const struct cfg_errors *e, const char *line, size_t len)
{
	const char *at = e->text.data;
	size_t n;

	for (; *at; at += n + (at[n] == '\n')) {
		n = strcspn(at, "\n");
		if (n == len && memcmp(at, line, len) == 0)
			return true;
	}
	return false;
}

static void
add_line(struct cfg_errors *e, const char *line)
{
	size_t len = strlen(line);

	e->found++;
	if (has_line(e, line, len))
		return;
	if (e->lines == CFG_ERRORS_MAX) {
		e->left_out++;
		return;
	}
	e->lines++;
	if (e->text.len > 0)
		buf_addch(&e->text, '\n');
	buf_add(&e->text, line, len);
}

bool
cfg_error(struct cfg_errors *e, const char *path, unsigned line,
    const char *fmt, ...)
{
	struct err one = ERR_INIT;
	char text[ERR_MSG_MAX / 2];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (line)
		err_set(&one, 500, "%s:%u: %s", path, line, text);
	else
		err_set(&one, 500, "%s: %s", path, text);
	add_line(e, one.msg);
	return false;
}

void
cfg_error_add(struct cfg_errors *e, const struct err *err)
{
	AUTO_FREE char *copy = mem_strdup(err->msg);
	char *rest = copy, *line;

	while ((line = strsep(&rest, "\n")))
		add_line(e, line);
}

bool
cfg_errors_none(const struct cfg_errors *e, struct err *err)
{
	const char *text = e->text.data;
	size_t more = e->left_out, len = 0, n;

	if (e->found == 0)
		return true;
	for (; text[len]; len += n) {	/* lines that fit, one at least */
		n = strcspn(text + len + 1, "\n") + 1;
		if (len > 0 && len + n > ERRORS_ROOM)
			break;
	}
	for (const char *p = text + len; *p; p++)
		more += *p == '\n';
	return more ? err_set(err, 500, "%.*s\n(and %zu "
	    "more)", (int)len, text, more) :
	    err_set(err, 500, "%s", text);
}

void
cfg_errors_print(const struct cfg_errors *e, FILE *out)
{
	const char *line = e->text.data;
	size_t n;

	for (int i = 0; *line && i < CFG_ERRORS_PRINTED; i++) {
		n = strcspn(line, "\n");
		fprintf(out, "%.*s\n", (int)n, line);
		line += n + (line[n] == '\n');
	}
	if (e->lines > CFG_ERRORS_PRINTED)
		fprintf(out, "(and %s%zu more)\n", e->left_out ?
		    "at least " : "", e->lines - CFG_ERRORS_PRINTED);
}

struct scan {
	const char *path;
	const char *p;		/* where we are */
	const char *end;
	unsigned line;
	const char *name;	/* the last one seen: whose value this is */
	size_t name_len;
	struct cfg_errors *errors;
	int parts;		/* files that may yet include another */
	bool nested;		/* it is one that is included */
	bool bad;
};

static bool
is_name(char c, bool first)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '*' ||
	    (!first && ((c >= '0' && c <= '9') || c == '-' || c == '_'));
}

/* Moves on to the byte after the first of stop's bytes, counting lines. */
static void
skip_past(struct scan *s, const char *stop, size_t len)
{
	for (; s->p < s->end; s->p++) {
		if ((size_t)(s->end - s->p) >= len &&
		    memcmp(s->p, stop, len) == 0) {
			s->line += *s->p == '\n';
			s->p += len;
			return;
		}
		s->line += *s->p == '\n';
	}
}

static void
skip_string(struct scan *s)
{
	for (s->p++; s->p < s->end && *s->p != '"'; s->p++) {
		if (*s->p == '\\' && s->p + 1 < s->end)
			s->p++;
		s->line += *s->p == '\n';
	}
	s->p += s->p < s->end;
}

/*
 * libconfig reads integers with atoi: 4294967296 is 0, and no error. So what
 * its own rules would take for an integer is measured here first.
 */
static void
check_number(struct scan *s)
{
	const char *start = s->p, *from;
	unsigned base = 10;
	bool minus = *s->p == '-', fits = true, wide;
	uint64_t n = 0, most;
	unsigned digit;

	s->p += minus || *s->p == '+';
	if (s->p == start && s->end - s->p > 2 && s->p[0] == '0' &&
	    (s->p[1] == 'x' || s->p[1] == 'X')) {
		base = 16;
		s->p += 2;
	}
	for (from = s->p; s->p < s->end; s->p++) {
		if (*s->p >= '0' && *s->p <= '9')
			digit = (unsigned)(*s->p - '0');
		else if (base == 16 && strchr("abcdefABCDEF", *s->p))
			digit = ((unsigned)*s->p & 0xdfu) - 'A' + 10;
		else
			break;
		fits = fits && !__builtin_mul_overflow(n, base, &n) &&
		    !__builtin_add_overflow(n, digit, &n);
	}
	if (s->p == from || (base == 10 && s->p < s->end &&
	    strchr(".eE", *s->p))) {
		for (; s->p < s->end && strchr("0123456789.eE+-", *s->p);)
			s->p++;
		return;	/* not an integer */
	}
	wide = s->p < s->end && *s->p == 'L';
	most = wide ? INT64_MAX : INT32_MAX;
	if (!fits || n > most + minus) {
		s->bad = true;
		cfg_error(s->errors, s->path, s->line,
		    "%.*s: the integer %.*s is too large%s", (int)s->name_len,
		    s->name, (int)(s->p - start), start,
		    wide ? "" : " (above 2147483647 it needs an L)");
	}
	while (s->p < s->end && *s->p == 'L')
		s->p++;
}

bool
cfg_is_part(const char *name)
{
	size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789-_");

	return n > 0 && n < 200 && strcmp(name + n, ".cfg") == 0;
}

/* The path of a part that lies beside path; "" if that is too long. */
static void
beside(struct buf *ret, const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');

	if (slash)
		buf_add(ret, path, (size_t)(slash + 1 - path));
	buf_addstr(ret, name);
}

static bool scan_file(const char *path, int parts, struct buf *text,
    struct cfg_errors *e);

/* @include "NAME.cfg" alone on its line; the file is scanned likewise. */
static bool
scan_include(struct scan *s)
{
	static const char word[] = "@include";
	AUTO_BUF struct buf path = BUF_INIT(8192), text =
	    BUF_INIT(CFG_FILE_MAX);
	const char *p = s->p + sizeof word - 1, *quote;
	char name[256];

	if (s->parts == 0)
		return cfg_error(s->errors, s->path, s->line,
		    "'@include' is not supported%s", s->nested ?
		    " so deeply" : "");
	if ((size_t)(s->end - s->p) < sizeof word ||
	    memcmp(s->p, word, sizeof word - 1) != 0)
		return cfg_error(s->errors, s->path, s->line, "stray '@'");
	p += strspn(p, " \t");
	quote = *p == '"' ? strchr(p + 1, '"') : NULL;
	if (quote && quote - p < (int)sizeof name) {
		memcpy(name, p + 1, (size_t)(quote - p - 1));
		name[quote - p - 1] = '\0';
	}
	if (!quote || quote - p >= (int)sizeof name || !cfg_is_part(name))
		return cfg_error(s->errors, s->path, s->line, "@include must "
		    "name a file of this folder, \"NAME.cfg\"");
	s->p = quote + 1;
	beside(&path, s->path, name);
	return scan_file(path.data, s->parts - 1, &text, s->errors);
}

/* Walks the tokens of the text as libconfig's own scanner would. */
static bool
scan_text(struct scan *s)
{
	while (s->p < s->end) {
		size_t left = (size_t)(s->end - s->p);
		char c = *s->p, next = left > 1 ? s->p[1] : '\0';

		if (c == '#' || (c == '/' && next == '/')) {
			skip_past(s, "\n", 1);
		} else if (c == '/' && next == '*') {
			s->p += 2;
			skip_past(s, "*/", 2);
		} else if (c == '"') {
			skip_string(s);
		} else if (is_name(c, true)) {
			for (s->name = s->p; s->p < s->end &&
			    is_name(*s->p, false);)
				s->p++;
			s->name_len = (size_t)(s->p - s->name);
		} else if ((c >= '0' && c <= '9') || ((c == '-' || c == '+') &&
		    next >= '0' && next <= '9')) {
			check_number(s);
		} else if (c == '@') {
			if (!scan_include(s))
				return false;
		} else {
			s->line += c == '\n';
			s->p++;
		}
	}
	return !s->bad;
}

/* Looks for what libconfig would let pass. */
static bool
check_text(struct scan *s)
{
	size_t len = (size_t)(s->end - s->p), valid = jv_utf8(s->p, len);

	if (valid == len)
		return scan_text(s);
	for (size_t i = 0; i < valid; i++)
		s->line += s->p[i] == '\n';
	return cfg_error(s->errors, s->path, s->line, "not valid UTF-8 text");
}

static bool
read_text(const char *path, struct buf *text, struct cfg_errors *e)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *room;
	ssize_t n;

	if (fd < 0)
		return cfg_error(e, path, 0, "%s", strerror(errno));
	do {
		room = buf_room(text, 4096);
		if (!room)
			return cfg_error(e, path, 0, "longer than %d bytes",
			    CFG_FILE_MAX - 4096);
		n = read(fd, room, 4096);
		if (n < 0)
			return cfg_error(e, path, 0, "%s", strerror(errno));
		buf_wrote(text, (size_t)n);
	} while (n > 0);
	return true;
}

static bool
scan_file(const char *path, int parts, struct buf *text,
    struct cfg_errors *e)
{
	struct scan s = { .path = path, .line = 1, .name = "", .errors = e,
		.parts = parts, .nested = true };

	if (!read_text(path, text, e))
		return false;
	s.p = text->data;
	s.end = text->data + text->len;
	return check_text(&s);
}

static bool
parse(const char *path, const char *text, config_t *config,
    struct cfg_errors *e)
{
	const char *file;
	AUTO_BUF struct buf part = BUF_INIT(8192);

	if (config_read_string(config, text))
		return true;
	file = config_error_file(config);
	if (file)
		beside(&part, path, strrchr(file, '/') ?
		    strrchr(file, '/') + 1 : file);
	return cfg_error(e, file ? part.data : path,
	    (unsigned)config_error_line(config), "%s",
	    config_error_text(config));
}

bool
cfg_read_text(const char *path, const char *text, size_t len,
    struct config_t *config, struct cfg_errors *e)
{
	struct scan s = { .path = path, .p = text, .end = text + len,
		.line = 1, .name = "", .errors = e };

	return check_text(&s) && parse(path, text, config, e);
}

bool
cfg_read(const char *path, struct config_t *config, struct cfg_errors *e)
{
	AUTO_BUF struct buf text = BUF_INIT(CFG_FILE_MAX);

	return read_text(path, &text, e) &&
	    cfg_read_text(path, text.data, text.len, config, e);
}

bool
cfg_read_parts(const char *path, struct config_t *config,
    struct cfg_errors *e)
{
	AUTO_BUF struct buf text = BUF_INIT(CFG_FILE_MAX);
	AUTO_BUF struct buf dir = BUF_INIT(8192);
	struct scan s = { .path = path, .line = 1, .name = "", .errors = e,
		.parts = PARTS_MAX };

	if (!read_text(path, &text, e))
		return false;
	s.p = text.data;
	s.end = text.data + text.len;
	beside(&dir, path, ".");
	config_set_include_dir(config, dir.data);
	return check_text(&s) && parse(path, text.data, config, e);
}

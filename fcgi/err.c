#include "config.h"

#include "err.h"

#include <stdarg.h>
#include <unistd.h>

void
auto_free(void *pp)
{
	void *p;

	memcpy(&p, pp, sizeof p);
	free(p);
}

void
auto_fd(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* Cuts a sentence that did not fit back to a whole UTF-8 character. */
static void
cut(char *text, size_t size)
{
	size_t n = size - 1;

	while (n > 0 && ((unsigned char)text[n - 1] & 0xc0) == 0x80)
		n--;
	if (n > 0 && ((unsigned char)text[n - 1] & 0xc0) == 0xc0)
		n--;
	text[n] = '\0';
}

static void PRINTF(5, 0)
fill(struct err *err, int status, enum err_shape shape, int after_s,
    const char *fmt, va_list ap)
{
	char text[ERR_MSG_MAX];	/* arguments may point into err->msg */
	int n;

	n = vsnprintf(text, sizeof text, fmt, ap);
	if (n >= (int)sizeof text)
		cut(text, sizeof text);
	memcpy(err->msg, text, sizeof text);
	err->status = status;
	err->shape = shape;
	err->retry_after_s = after_s;
	err->allow = NULL;
}

bool
err_set(struct err *err, int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(err, status, ERR_MSG, 0, fmt, ap);
	va_end(ap);
	return false;
}

bool
err_bare(struct err *err, int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(err, status, ERR_BARE, 0, fmt, ap);
	va_end(ap);
	return false;
}

bool
err_shaped(struct err *err, int status, enum err_shape shape)
{
	*err = (struct err){ .status = status, .shape = shape };
	return false;
}

bool
err_retry(struct err *err, int status, int after_s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(err, status, ERR_MSG, after_s, fmt, ap);
	va_end(ap);
	return false;
}

bool
err_wrap(struct err *err, const char *fmt, ...)
{
	char context[ERR_MSG_MAX / 2];
	char text[ERR_MSG_MAX];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(context, sizeof context, fmt, ap);
	va_end(ap);
	if (n >= (int)sizeof context)
		cut(context, sizeof context);
	n = snprintf(text, sizeof text, "%s: %s", context, err->msg);
	if (n >= (int)sizeof text)
		cut(text, sizeof text);
	memcpy(err->msg, text, sizeof text);
	return false;
}

#include "config.h"

#include "jint.h"

#include "err.h"

/* Each run of ten decimal digits (Unicode 13's Nd below U+10000). */
static const uint16_t zeros[] = {
	0x0030, 0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6,
	0x0b66, 0x0be6, 0x0c66, 0x0ce6, 0x0d66, 0x0de6, 0x0e50, 0x0ed0,
	0x0f20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80,
	0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900,
	0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10,
};

/* The digit at *s, which moves past it; -1 for any other character. */
static int
digit(const char **s)
{
	const unsigned char *u = (const unsigned char *)*s;
	uint32_t c;
	int bytes;

	if (u[0] < 0x80) {
		c = u[0];
		bytes = 1;
	} else if ((u[0] & 0xe0) == 0xc0 && (u[1] & 0xc0) == 0x80) {
		c = (u[0] & 0x1fu) << 6 | (u[1] & 0x3fu);
		bytes = 2;
	} else if ((u[0] & 0xf0) == 0xe0 && (u[1] & 0xc0) == 0x80 &&
	    (u[2] & 0xc0) == 0x80) {
		c = (u[0] & 0xfu) << 12 | (u[1] & 0x3fu) << 6 | (u[2] & 0x3fu);
		bytes = 3;
	} else {
		return -1;
	}
	for (size_t i = 0; i < ARRAY_LEN(zeros); i++)
		if (c >= zeros[i] && c < zeros[i] + 10u) {
			*s += bytes;
			return (int)(c - zeros[i]);
		}
	return -1;
}

bool
jint_all_digits(const char *text)
{
	while (*text)
		if (digit(&text) < 0)
			return false;
	return true;
}

bool
jint_parse(const char *text, int32_t *ret, struct err *err)
{
	const char *s = text;
	bool minus = *s == '-';
	int64_t n = 0;
	int d;

	if (minus || *s == '+')
		s++;
	if (!*s)
		goto refuse;
	while (*s) {
		d = digit(&s);
		if (d < 0)
			goto refuse;
		n = n * 10 + d;
		if (n > INT32_MAX + (int64_t)minus)
			goto refuse;
	}
	*ret = (int32_t)(minus ? -n : n);
	return true;
refuse:
	return err_set(err, 400, "For input string: \"%s\"", text);
}

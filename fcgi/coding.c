#include "config.h"

#include "coding.h"

#include <strings.h>
#include <zlib.h>

#include "err.h"

#define ZIP "java.util.zip.ZipException: "
#define CHUNK 16384

/* What zlib is to expect. */
#define WINDOW_ZLIB MAX_WBITS
#define WINDOW_GZIP (MAX_WBITS + 16)

static bool
is_gzip(const Bytef *s, uInt len)
{
	return len >= 2 && s[0] == 0x1f && s[1] == 0x8b;
}

/* Java's words; zlib's own where Java, too, asks zlib. */
static bool
refuse(const z_stream *z, int how, struct err *err)
{
	if (how == Z_BUF_ERROR || how == Z_OK)
		return err_bare(err, 500, "java.io.EOFException: Unexpected "
		    "end of ZLIB input stream");
	return err_bare(err, 500, ZIP "%s", z->msg ? z->msg : "bad data");
}

/* One stream after the other, as gzip files may hold several. */
static bool
inflate_all(z_stream *z, bool gzip, struct buf *out, struct err *err)
{
	Bytef chunk[CHUNK];
	int how = Z_OK;

	while (buf_ok(out)) {
		z->next_out = chunk;
		z->avail_out = sizeof chunk;
		how = inflate(z, Z_NO_FLUSH);
		if (how != Z_OK && how != Z_STREAM_END)
			return refuse(z, how, err);
		buf_add(out, chunk, sizeof chunk - z->avail_out);
		if (how != Z_STREAM_END)
			continue;
		if (!gzip || !is_gzip(z->next_in, z->avail_in))
			break;
		inflateReset(z);
	}
	return buf_ok(out) || err_set(err, 413, "a body of more than %zu "
	    "bytes", out->limit);
}

static bool
undo(bool gzip, struct buf *body, struct err *err)
{
	AUTO_BUF struct buf out = BUF_INIT(body->limit);
	z_stream z = { .next_in = (Bytef *)body->data,
		.avail_in = (uInt)body->len };
	struct buf packed;
	bool good;

	if (inflateInit2(&z, gzip ? WINDOW_GZIP : WINDOW_ZLIB) != Z_OK)
		return err_set(err, 500, "no memory to unpack a body");
	good = inflate_all(&z, gzip, &out, err);
	inflateEnd(&z);
	if (!good)
		return false;
	packed = *body;
	*body = out;
	out = packed;
	return true;
}

bool
coding_undo(const char *name, struct buf *body, struct err *err)
{
	bool gzip = name && strcasecmp(name, "gzip") == 0;

	if (!gzip && (!name || strcasecmp(name, "deflate") != 0))
		return true;
	if (body->len == 0)
		return true;
	if (gzip && !is_gzip((const Bytef *)body->data, (uInt)body->len))
		return err_bare(err, 500, ZIP "Not in GZIP format");
	return undo(gzip, body, err);
}

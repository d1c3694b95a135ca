#include "config.h"

#include "localkube_answer.h"

#include <sys/socket.h>

#include "jv.h"

#define BLOCK (32 * 1024)
#define DRIBBLE 24		/* bytes at a time of a slow answer */
#define DRIBBLE_MS 20

int
kanswer_fd(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(c,
	    MHD_CONNECTION_INFO_CONNECTION_FD);

	return info ? info->connect_fd : -1;
}

enum MHD_Result
kanswer_reset(struct MHD_Connection *c)
{
	struct linger hard = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(kanswer_fd(c), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	return MHD_NO;
}

static enum MHD_Result
queue(struct MHD_Connection *c, int status, const char *type,
    struct MHD_Response *r)
{
	enum MHD_Result result;

	if (type && *type)
		MHD_add_response_header(r, "Content-Type", type);
	MHD_add_response_header(r, "Cache-Control", "no-cache, private");
	result = MHD_queue_response(c, (unsigned)status, r);
	MHD_destroy_response(r);
	return result;
}

enum MHD_Result
kanswer_text(struct MHD_Connection *c, int status, const char *type,
    const char *text)
{
	char *copy = mem_strdup(text);

	return queue(c, status, type, MHD_create_response_from_buffer(
	    strlen(copy), copy, MHD_RESPMEM_MUST_FREE));
}

enum MHD_Result
kanswer_status(struct MHD_Connection *c, const struct kst *st)
{
	char *text = mem_strdup(jv_print(st->body));
	struct MHD_Response *r = MHD_create_response_from_buffer(
	    strlen(text), text, MHD_RESPMEM_MUST_FREE);
	char seconds[16];

	if (st->retry_after_s) {
		snprintf(seconds, sizeof seconds, "%d", st->retry_after_s);
		MHD_add_response_header(r, "Retry-After", seconds);
	}
	return queue(c, st->code, "application/json", r);
}

/* What a response is read from: the stream, spoiled as the fault says. */
struct source {
	struct kstream *stream;
	enum kfault_kind fault;
	int64_t ms;
	int64_t left;		/* of half an answer; -1: half of one read */
};

static ssize_t
source_read(void *cls, uint64_t pos UNUSED, char *to, size_t max)
{
	struct source *src = cls;
	ssize_t n;

	if (src->fault == KFAULT_HALF && src->left == 0)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (src->fault == KFAULT_SLOW) {
		if (!kstream_sleep(src->stream->fd, src->ms))
			return MHD_CONTENT_READER_END_WITH_ERROR;
		max = max < DRIBBLE ? max : DRIBBLE;
	}
	if (src->fault == KFAULT_HALF && src->left > 0 &&
	    (int64_t)max > src->left)
		max = (size_t)src->left;
	n = src->stream->read(src->stream, to, max);
	if (n == KSTREAM_END)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (n < 0)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (src->fault == KFAULT_HALF && src->left > 0) {
		src->left -= n;
	} else if (src->fault == KFAULT_HALF) {
		n = n > 1 ? n / 2 : n;
		src->left = 0;
	}
	return n;
}

static void
source_free(void *cls)
{
	struct source *src = cls;

	src->stream->free(src->stream);
	free(src);
}

static struct MHD_Response *
from_stream(struct MHD_Connection *c, struct kstream *take_stream,
    const struct kfault *fault, int64_t size)
{
	struct source *src = mem_alloc(sizeof *src);

	src->stream = take_stream;
	src->stream->fd = kanswer_fd(c);
	src->fault = fault->kind;
	src->ms = fault->ms > 0 ? fault->ms : DRIBBLE_MS;
	src->left = size < 0 ? -1 : size / 2;
	return MHD_create_response_from_callback(
	    size < 0 ? MHD_SIZE_UNKNOWN : (uint64_t)size, BLOCK, source_read,
	    src, source_free);
}

/* A body that is there, as a stream: only so can a fault spoil it. */
struct text_stream {
	struct kstream stream;
	char *text;
	size_t len, sent;
};

static ssize_t
text_read(struct kstream *stream, char *to, size_t max)
{
	struct text_stream *t = (struct text_stream *)stream;
	size_t n = t->len - t->sent < max ? t->len - t->sent : max;

	if (n == 0)
		return KSTREAM_END;
	memcpy(to, t->text + t->sent, n);
	t->sent += n;
	return (ssize_t)n;
}

static void
text_free(struct kstream *stream)
{
	struct text_stream *t = (struct text_stream *)stream;

	free(t->text);
	free(t);
}

static void
add_warnings(struct MHD_Response *r, json_object *list)
{
	AUTO_BUF struct buf line = BUF_INIT(2048);

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		buf_clear(&line);
		buf_addf(&line, "299 - \"unknown field \\\"%s\\\"\"",
		    json_object_get_string(
		    json_object_array_get_idx(list, i)));
		if (buf_ok(&line))
			MHD_add_response_header(r, "Warning", line.data);
	}
}

enum MHD_Result
kanswer_reply(struct MHD_Connection *c, struct kreply *rp,
    const struct kfault *fault)
{
	size_t len = rp->body.len;
	char *text = buf_steal(&rp->body);
	struct MHD_Response *r;

	if (!text)
		return kanswer_reset(c);
	if (fault->kind == KFAULT_SLOW || fault->kind == KFAULT_HALF) {
		struct text_stream *t = mem_alloc(sizeof *t);

		t->stream.read = text_read;
		t->stream.free = text_free;
		t->text = text;
		t->len = len;
		r = from_stream(c, &t->stream, fault, (int64_t)len);
	} else {
		r = MHD_create_response_from_buffer(len, text,
		    MHD_RESPMEM_MUST_FREE);
	}
	if (rp->warnings)
		add_warnings(r, rp->warnings);
	return queue(c, rp->status, "application/json", r);
}

enum MHD_Result
kanswer_stream(struct MHD_Connection *c, int status, const char *type,
    struct kstream *stream, const struct kfault *fault, json_object *headers)
{
	struct MHD_Response *r = from_stream(c, stream, fault, -1);

	/* idle while nothing happens, which is no reason to close */
	MHD_set_connection_option(c, MHD_CONNECTION_OPTION_TIMEOUT, 0u);
	if (headers) {
		json_object_object_foreach(headers, key, value)
			MHD_add_response_header(r, key,
			    json_object_get_string(value));
	}
	return queue(c, status, type, r);
}

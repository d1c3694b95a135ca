#include "config.h"

#include <assert.h>

#include "err.h"
#include "fuzz.h"
#include "jv.h"
#include "kube_status.h"

static const char *const methods[] = { "GET", "POST", "PUT", "PATCH",
	"DELETE" };
static const char *const types[] = { "application/json", "text/plain",
	"text/html", "" };
static const long statuses[] = { 0, 200, 302, 400, 401, 403, 404, 405, 409,
	410, 413, 415, 422, 429, 500, 502, 503, 504, 599, 999 };

/* Whatever a server says: a result that fits, and a sentence in UTF-8. */
static void
check(const struct kube_answer *a, const struct kube_verdict *v,
    const struct err *err)
{
	assert(v->result > KUBE_OK && v->result <= KUBE_BROKEN);
	assert(err->status >= 400 && err->status < 600);
	assert(err->msg[0]);
	if (jv_utf8(a->body.data, a->body.len) == a->body.len)
		assert(jv_utf8(err->msg, strlen(err->msg)) ==
		    strlen(err->msg));
	assert(v->wait_s >= 0 && v->wait_s <= KUBE_RETRY_AFTER_MAX);
	assert(err->retry_after_s >= 0 &&
	    err->retry_after_s <= KUBE_RETRY_AFTER_MAX);
	if (!a->sent && a->status == 0)
		assert(!v->unsure);
}

/* Four bytes choose method, type, status and trouble; then the body. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_BUF struct buf body = BUF_INIT(1 << 16);
	struct kube_answer a = { 0 };
	struct kube_verdict v = { 0 };
	struct err err = ERR_INIT;

	if (size < 4)
		return 0;
	buf_add(&body, data + 4, size - 4);
	a.body = body;
	a.status = statuses[data[2] % ARRAY_LEN(statuses)];
	a.retry_after_s = data[3] & 4 ? (int64_t)data[3] << 40 : data[3];
	a.hopeless = data[3] & 8;
	a.sent = a.status > 0 || (data[3] & 16);
	a.too_long = data[3] & 32;
	snprintf(a.type, sizeof a.type, "%s",
	    types[data[1] % ARRAY_LEN(types)]);
	if (a.status == 0 || (data[3] & 64))
		snprintf(a.failure, sizeof a.failure, "connection reset");
	if (a.status == 200 && !a.failure[0] && !a.too_long)
		return 0;	/* nothing has failed */
	kube_judge(methods[data[0] % ARRAY_LEN(methods)], "host:443", &a, &v,
	    &err);
	check(&a, &v, &err);
	return 0;
}

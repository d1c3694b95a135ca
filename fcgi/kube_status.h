/*
 * What an answer of the Kubernetes API means: HTTP status, content type and
 * body -> a result, whether to ask again, and what Livy's client is told
 * (kube.h has the table). Pure.
 */
#ifndef KUBE_STATUS_H
#define KUBE_STATUS_H

#include "buf.h"
#include "defs.h"
#include "kube.h"

#define KUBE_RETRY_AFTER_MAX 30 /* seconds; a longer wish is cut */

/* One attempt, as the wire gave it. */
struct kube_answer {
	char failure[256];	/* transport trouble; "" = a whole answer */
	long status;		/* 0 = no answer */
	char type[64];		/* Content-Type */
	int64_t retry_after_s;	/* 0 = none */
	bool hopeless;		/* trouble that time does not mend: TLS trust */
	bool sent;		/* the request left, whole or in part */
	bool too_long;		/* body was cut at its limit */
	bool marked;		/* it has the header that mark names */
	struct buf body;
};

struct kube_verdict {
	enum kube_result result;
	bool retry;		/* asking again may help */
	bool unsure;		/* were it a write, it may be committed */
	int wait_s;		/* what the server asks us to wait */
};

/*
 * Judges a failed attempt: anything but a whole 2xx answer. method decides
 * what a 404 means; host is for the sentence in err.
 */
void kube_judge(const char *method, const char *host,
    const struct kube_answer *a, struct kube_verdict *ret, struct err *err);

#endif

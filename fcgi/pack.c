#include "config.h"

#include "pack.h"

#include "buf.h"
#include "cache.h"

/* When a string is left out. */
enum kept {
	KEPT,		/* never */
	KEPT_LONG,	/* where it has to be brief */
	KEPT_BARE,	/* beside a view, which has it, and then too */
};

/* The members of struct app_text in a run's order. */
static const struct {
	size_t at;
	enum kept kept;
} fields[PACK_TEXTS] = {
	{ offsetof(struct app_text, object), KEPT },
	{ offsetof(struct app_text, ns), KEPT },
	{ offsetof(struct app_text, pod), KEPT },
	{ offsetof(struct app_text, name), KEPT },
	{ offsetof(struct app_text, owner), KEPT },
	{ offsetof(struct app_text, team), KEPT },
	{ offsetof(struct app_text, proxy_user), KEPT },
	{ offsetof(struct app_text, request_id), KEPT },
	{ offsetof(struct app_text, key), KEPT },
	{ offsetof(struct app_text, failed), KEPT },
	{ offsetof(struct app_text, session_kind), KEPT },
	{ offsetof(struct app_text, template), KEPT },
	{ offsetof(struct app_text, image), KEPT },
	{ offsetof(struct app_text, error), KEPT_LONG },
	{ offsetof(struct app_text, pod_reason), KEPT },
	{ offsetof(struct app_text, echo), KEPT_BARE },
	{ offsetof(struct app_text, tail), KEPT_BARE },
};

_Static_assert(offsetof(struct app_text, place) == PACK_TEXTS * sizeof(char *),
    "each member of struct app_text that is kept has its row");

static const char *
field(const struct app_text *text, size_t i)
{
	return *(const char *const *)((const char *)text + fields[i].at);
}

static const struct buf *
part(const struct livy_view *view, size_t i)
{
	const struct buf *parts[PACK_PARTS] = {
		view->head, view->mid, view->log, view->tail,
	};

	return parts[i];
}

void
pack_measure(struct pack *ret, const struct app_text *text,
    const struct livy_view *view, bool brief)
{
	size_t len = 0, n;
	const char *s;

	ret->whole = view != NULL;
	for (size_t i = 0; i < PACK_PARTS && view; i++)
		ret->whole = ret->whole && buf_ok(part(view, i));
	for (size_t i = 0; i < PACK_TEXTS; i++) {
		s = field(text, i);
		if (!s || (brief && fields[i].kept != KEPT) ||
		    (view && fields[i].kept == KEPT_BARE)) {
			ret->text[i] = PACK_NONE;
			continue;
		}
		n = strlen(s);
		ret->text[i] = (uint32_t)n;
		len += n + 1;
	}
	for (size_t i = 0; i < PACK_PARTS; i++) {
		n = ret->whole ? part(view, i)->len : 0;
		ret->part[i] = (uint32_t)n;
		len += n;
	}
	ret->len = len < UINT32_MAX ? (uint32_t)len : UINT32_MAX;
}

void
pack_write(const struct pack *p, char *run, const struct app_text *text,
    const struct livy_view *view)
{
	for (size_t i = 0; i < PACK_TEXTS; i++)
		if (p->text[i] != PACK_NONE) {
			memcpy(run, field(text, i), p->text[i] + 1);
			run += p->text[i] + 1;
		}
	for (size_t i = 0; i < PACK_PARTS && p->whole; i++) {
		memcpy(run, part(view, i)->data, p->part[i]);
		run += p->part[i];
	}
}

bool
pack_parts(const struct pack *p, size_t *ret_at, size_t *ret_len)
{
	uint64_t at = 0, len = 0;

	for (size_t i = 0; i < PACK_TEXTS; i++)
		if (p->text[i] != PACK_NONE)
			at += (uint64_t)p->text[i] + 1;
	for (size_t i = 0; i < PACK_PARTS; i++)
		len += p->part[i];
	if (at + len != p->len)
		return false;
	*ret_at = at;
	*ret_len = len;
	return true;
}

bool
pack_read(const struct pack *p, struct cache_view *v)
{
	char *run = v->strings.data;
	size_t at, len;

	if (!pack_parts(p, &at, &len) || v->strings.len != p->len)
		return false;
	for (size_t i = 0; i < PACK_TEXTS; i++) {
		const char *s = NULL;

		if (p->text[i] != PACK_NONE) {
			s = run;
			run += p->text[i];
			if (*run++ != '\0')
				return false;
		}
		*(const char **)((char *)&v->text + fields[i].at) = s;
	}
	for (size_t i = 0; i < PACK_PARTS; i++) {
		v->part[i] = p->whole ? run : NULL;
		v->part_len[i] = p->part[i];
		run += p->part[i];
	}
	v->whole = p->whole;
	return true;
}

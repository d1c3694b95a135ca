#include "config.h"

#include "tmpl_text.h"

static bool
is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

bool
tmpl_is_name(const char *text, size_t len)
{
	if (len == 0 || len > TMPL_NAME_MAX || !is_letter(text[0]))
		return false;
	for (size_t i = 1; i < len; i++)
		if (!is_letter(text[i]) && text[i] != '_' &&
		    (text[i] < '0' || text[i] > '9'))
			return false;
	return true;
}

static bool
take_name(char ret[TMPL_NAME_MAX + 1], const char *text, size_t len)
{
	if (!tmpl_is_name(text, len))
		return false;
	memcpy(ret, text, len);
	ret[len] = '\0';
	return true;
}

static bool
is_word(const struct piece *p, const char *word)
{
	return p->len == strlen(word) && memcmp(p->at, word, p->len) == 0;
}

/* What stands before the condition: a name, or a value as it is. */
static bool
take_value(struct piece *p, bool conditional)
{
	size_t digits = p->len > 0 && *p->at == '-';
	size_t start = digits;

	while (digits < p->len && p->at[digits] >= '0' &&
	    p->at[digits] <= '9')
		digits++;
	if (!conditional) {
		p->value = VALUE_NAME;
	} else if (p->len >= 2 && *p->at == '\'' &&
	    p->at[p->len - 1] == '\'') {
		p->value = VALUE_TEXT;
		p->at++;
		p->len -= 2;
		return true;
	} else if (digits == p->len && digits > start && digits < 18) {
		p->value = VALUE_INT;
		return true;
	} else if (is_word(p, "true") || is_word(p, "false")) {
		p->value = VALUE_BOOL;
		return true;
	}
	return take_name(p->name, p->at, p->len);
}

/* The last " if " or " unless " of what is between the braces. */
static const char *
find_condition(const char *from, const char *end, bool unless)
{
	const char *word = unless ? " unless " : " if ", *found = NULL;
	size_t len = strlen(word);

	for (; (size_t)(end - from) > len; from++)
		if (memcmp(from, word, len) == 0)
			found = from;
	return found;
}

static bool
take_inside(struct piece *p, const char *from, const char *end)
{
	const char *when = find_condition(from, end, /* unless= */ false);

	if (!when) {
		when = find_condition(from, end, /* unless= */ true);
		p->unless = when;
	}
	p->at = from;
	p->len = (size_t)((when ? when : end) - from);
	if (when) {
		when += p->unless ? sizeof " unless " - 1 : sizeof " if " - 1;
		if (!take_name(p->when, when, (size_t)(end - when)))
			return false;
	}
	return take_value(p, when != NULL);
}

struct piece
piece_next(const char **text)
{
	const char *p = *text, *end;
	struct piece piece = { .at = p };

	if (!*p)
		return piece;
	if (strncmp(p, "${", 2) == 0) {
		end = strchr(p, '}');
		piece.kind = PIECE_VAR;
		if (!end || !take_inside(&piece, p + 2, end))
			return (struct piece){ .kind = PIECE_BAD, .at = p };
		*text = end + 1;
		return piece;
	}
	piece.kind = PIECE_TEXT;
	if (strncmp(p, "$${", 3) == 0) {
		piece.at++;
		p += 3;
	} else {
		for (p++; *p && strncmp(p, "${", 2) != 0 &&
		    strncmp(p, "$${", 3) != 0;)
			p++;
	}
	piece.len = (size_t)(p - piece.at);
	*text = p;
	return piece;
}

bool
piece_is_lone(const char *text, struct piece *ret)
{
	*ret = piece_next(&text);
	return ret->kind == PIECE_VAR && !*text;
}

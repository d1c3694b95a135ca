/*
 * The texts of templates, cut into what stands as it is and placeholders:
 * ${x}, ${x if y}, ${x unless y}, where x is a variable's name or, with a
 * condition, an integer, true, false or a 'text'. For tmpl_tree.c. Pure.
 */
#ifndef TMPL_TEXT_H
#define TMPL_TEXT_H

#include "defs.h"
#include "tmpl_tree.h"

enum piece_kind { PIECE_END, PIECE_TEXT, PIECE_VAR, PIECE_BAD };
enum piece_value { VALUE_NAME, VALUE_INT, VALUE_BOOL, VALUE_TEXT };

struct piece {
	enum piece_kind kind;
	const char *at;		/* of a text; of a placeholder's value */
	size_t len;
	enum piece_value value;
	char name[TMPL_NAME_MAX + 1];	/* of a variable */
	char when[TMPL_NAME_MAX + 1];	/* the condition's; "" = none */
	bool unless;
};

/* Takes the next piece off *text: a placeholder, or text up to the next. */
struct piece piece_next(const char **text);
/* Whether text is one placeholder and nothing else. */
bool piece_is_lone(const char *text, struct piece *ret);

#endif

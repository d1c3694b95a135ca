/*
 * Manifest templates: a libconfig tree with placeholders, rendered to a JSON
 * tree. Pure. The form is in the README and conf/templates/batch.cfg:
 *   policy = { refused_conf = [...]; allowed_conf = [...]; };
 *   application = { metadata = {...}; spec = {...}; };
 * group -> object, array and list -> array, list of pairs -> map with free
 * keys; a lone "${x}" keeps its type, removes its member when unset, and as
 * an element spreads a map or list; inside text it interpolates; "$${" is
 * "${". Order is policy: what follows "${conf}" overrides the client.
 */
#ifndef TMPL_H
#define TMPL_H

#include <json-c/json.h>

#include "defs.h"

struct err;
struct tmpl;

/* Parses a template file; errors are "path:line: text". */
bool tmpl_load(const char *path, struct tmpl **ret_new, struct err *err)
    MUST_CHECK;
void tmpl_free(struct tmpl *t);

/*
 * Checks that each placeholder names a member of known (an object whose
 * members are the variables there are; null = may be unset) or of the
 * template's defaults, and renders it once with them, so that a variable
 * which may be unset cannot stand inside text.
 */
bool tmpl_check(const struct tmpl *t, json_object *known, struct err *err)
    MUST_CHECK;

/*
 * Renders the application for the variables of vars, an object; null or
 * absent = unset. A failure is a 500 that names file and line.
 */
bool tmpl_render(const struct tmpl *t, json_object *vars,
    json_object **ret_new, struct err *err) MUST_CHECK;

/*
 * Whether the template's policy lets a client set this Spark conf key.
 * Patterns end in '*' or are whole keys; refused wins over allowed, and an
 * absent allowed list allows all.
 */
bool tmpl_conf_allowed(const struct tmpl *t, const char *key);

/* "path:line" of the template's application, for messages. */
const char *tmpl_where(const struct tmpl *t);

#endif

/*
 * Manifest templates: a libconfig tree with placeholders, rendered to a JSON
 * tree. Pure but for reading files. The form is in the README and
 * conf/templates/batch.cfg:
 *   extends = "batch.cfg";
 *   policy = { refused_conf = [...]; lift = ( ("conf.key", "var") ); };
 *   defaults = {...};
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

struct buf;
struct cfg_errors;
struct err;
struct tmpl;

/*
 * Parses a template file and those it extends or includes, which are of the
 * same folder; errors are "path:line: text".
 */
bool tmpl_load(const char *path, struct tmpl **ret_new,
    struct cfg_errors *errors) MUST_CHECK;
void tmpl_free(struct tmpl *t);

/*
 * Checks that each placeholder names a member of known (an object whose
 * members are the variables there are; null = may be unset), of the
 * template's defaults or a variable that it lifts, and renders it once with
 * them, so that a variable which may be unset cannot stand inside text.
 */
bool tmpl_check(const struct tmpl *t, json_object *known,
    struct cfg_errors *errors) MUST_CHECK;
/*
 * Checks as the operator would what it renders for known, where as little as
 * can be is set, and for sample, where all is. All that would be refused is
 * in errors, hazards are appended to warnings, a line each.
 */
bool tmpl_check_manifest(const struct tmpl *t, json_object *known,
    json_object *sample, struct buf *warnings, struct cfg_errors *errors)
    MUST_CHECK;

/*
 * Renders the application for the variables of vars, an object; null or
 * absent = unset. A failure is a 500 that names file and line.
 */
bool tmpl_render(const struct tmpl *t, json_object *vars,
    json_object **ret_new, struct err *err) MUST_CHECK;
/*
 * The same, and what decided each field: *ret_trace_new has, by the field's
 * path, {"at": "FILE:LINE", "by": words}. origins: a variable -> where it is
 * from, in words.
 */
bool tmpl_explain(const struct tmpl *t, json_object *vars,
    json_object *origins, json_object **ret_new, json_object **ret_trace_new,
    struct err *err) MUST_CHECK;

/*
 * Whether the template's policy lets a client set this Spark conf key.
 * Patterns end in '*' or are whole keys; refused wins over allowed, and an
 * absent allowed list allows all. A lifted key is always allowed.
 */
bool tmpl_conf_allowed(const struct tmpl *t, const char *key);

/*
 * Applies the policy to the request's conf, a member of vars: 400 for keys
 * that are refused or hold what belongs into a Secret; lifted keys leave
 * conf and become variables where no field of the request gives them. The
 * member "lifted" of vars tells which key a variable is from.
 */
bool tmpl_take_conf(const struct tmpl *t, json_object *vars, struct err *err)
    MUST_CHECK;

/* "path:line" of the template's application, for messages. */
const char *tmpl_where(const struct tmpl *t);

#endif

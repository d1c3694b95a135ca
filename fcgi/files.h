/*
 * The files a request names, by Livy's rules: a path without a scheme lies
 * on the default file system, a local one under an allowed folder. Local
 * means inside the driver's image here, so what is allowed leaves as
 * local://…, and local: URIs need no permission. Pure.
 */
#ifndef FILES_H
#define FILES_H

#include <json-c/json.h>

#include "defs.h"

struct buf;
struct conf;
struct err;

/*
 * Resolves jars, files, archives and pyFiles of vars; what the like-named
 * keys of its conf hold is appended to them and leaves conf.
 */
bool files_resolve_lists(const struct conf *conf, json_object *vars,
    struct err *err) MUST_CHECK;
/* Resolves file, which there must be, and sets type from its suffix. */
bool files_resolve_main(const struct conf *conf, json_object *vars,
    struct err *err) MUST_CHECK;

/* Appends what one file of add-jar or its like stands for, to out. */
bool files_resolve_one(const struct conf *conf, const char *text,
    struct buf *out, struct err *err) MUST_CHECK;

#endif

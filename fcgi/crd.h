/*
 * What a SparkApplication may hold: the fields and types of the operator's
 * custom resource definition (v1beta2, release 2.5), as tables that
 * tests/crd/table makes of it, and the rules that the operator's admission
 * adds. Pure. Templates are checked by it before any request comes, and
 * localkube answers by the same tables.
 */
#ifndef CRD_H
#define CRD_H

#include <json-c/json.h>

#include "buf.h"
#include "defs.h"

enum crd_type { CRD_STRING, CRD_INT, CRD_BOOL, CRD_INT_OR_STRING, CRD_OBJECT };
enum crd_shape { CRD_ONE, CRD_LIST, CRD_MAP };	/* of values of that type */

struct crd_field {
	const char *name;	/* NULL ends a table */
	enum crd_type type;
	enum crd_shape shape;
	bool required, nullable, has_min;
	int min;
	const char *words;	/* of strings, "a|b": those there are */
	const struct crd_field *in; /* of objects; NULL: anything */
};

extern const struct crd_field crd_application[];	/* spec, status */

enum crd_finding {
	CRD_WRONG,	/* would be refused, or could not work */
	CRD_UNKNOWN,	/* no such field: refused, unless the operator is newer */
	CRD_HAZARD,	/* depends on how the operator is set up */
};

/*
 * Checks a manifest; on_found gets each finding, with the path of its field
 * ("spec.driver.cores", "spec.sparkConf[\"spark.master\"]"). What is missing
 * is told of the path it should have.
 */
struct crd_check {
	void (*on_found)(void *arg, enum crd_finding what, const char *path,
	    const char *text);
	void *arg;
};
void crd_check(const struct crd_check *c, json_object *manifest);
/* For crd_check, in crd_rules.c: what no type says. */
void crd_check_rules(const struct crd_check *c, json_object *manifest);
/* The same, in crd_names.c: names, versions and amounts. */
void crd_check_names(const struct crd_check *c, json_object *manifest);
void crd_found(const struct crd_check *c, enum crd_finding what,
    const char *path, const char *fmt, ...) PRINTF(4, 5);

/* Appends a step to such a path. */
void crd_path_member(struct buf *path, const char *key);
void crd_path_item(struct buf *path, size_t index);

#endif

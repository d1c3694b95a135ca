/*
 * The schema of SparkApplications, as tables: the fields of the real custom
 * resource definition as far as their own types matter here. Parts that are
 * whole pod fields (template, volumes, affinity, ...) are taken as they come.
 * Pure.
 */
#ifndef LOCALKUBE_SCHEMA_H
#define LOCALKUBE_SCHEMA_H

#include "defs.h"

enum kfield_type {
	KFIELD_STRING, KFIELD_INT, KFIELD_BOOL, KFIELD_OBJECT,
	KFIELD_STRINGS,		/* array of strings */
	KFIELD_OBJECTS,		/* array of objects */
	KFIELD_MAP,		/* free keys, string values */
};

struct kfield {
	const char *name;	/* NULL ends a table */
	enum kfield_type type;
	const struct kfield *in; /* of objects; NULL: anything */
	const char *const *words; /* of strings: those allowed, or NULL */
	bool required;
	bool nullable;
	bool has_min;
	int min;
};

extern const struct kfield kschema_app[];	/* spec, status */

#endif

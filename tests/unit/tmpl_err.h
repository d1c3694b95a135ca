/*
 * Templates as the tests read them: what is wrong is in an err.
 */
#ifndef TMPL_ERR_H
#define TMPL_ERR_H

#include "cfg.h"
#include "tmpl.h"

static inline bool
read_template(const char *path, struct tmpl **ret_new, struct err *err)
{
	AUTO_CFG_ERRORS struct cfg_errors errors = CFG_ERRORS_INIT;

	return tmpl_load(path, ret_new, &errors) ||
	    cfg_errors_none(&errors, err);
}

static inline bool
try_template(const struct tmpl *t, json_object *known, struct err *err)
{
	AUTO_CFG_ERRORS struct cfg_errors errors = CFG_ERRORS_INIT;

	return tmpl_check(t, known, &errors) || cfg_errors_none(&errors, err);
}

#endif

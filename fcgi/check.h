/*
 * livy-fcgi -t: reads the configuration, its templates and what else the
 * master needs to start, and tells what it found. Called by main.c.
 */
#ifndef CHECK_H
#define CHECK_H

#include "defs.h"

/* Returns the exit status: 0, or 1 with all errors on stderr. */
int check_main(const char *config_path);

#endif

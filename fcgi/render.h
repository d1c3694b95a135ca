/*
 * livy-fcgi render KIND FILE: prints the manifest that a request body would
 * create, without asking the cluster.
 */
#ifndef RENDER_H
#define RENDER_H

#include "defs.h"

/* FILE "-" is standard input. Returns the exit status. */
int render_main(const char *config_path, const char *kind, const char *file);

#endif

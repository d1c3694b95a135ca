/*
 * livy-fcgi render KIND FILE: prints the manifest that a request body would
 * create, without asking the cluster. Called by main.c.
 */
#ifndef RENDER_H
#define RENDER_H

#include "defs.h"

struct render_args {
	const char *config_path;
	const char *kind;	/* "batch", "session" */
	const char *file;	/* the body; "-" is standard input */
	const char *user;	/* who would send it; NULL = the caller */
	const char *teams;	/* as nginx sends them: "data,ml"; or NULL */
	bool explain;		/* tell what decided each field, too */
};

/* Returns the exit status: 0, 1 with the answer's words on stderr, or 2. */
int render_main(const struct render_args *args);

#endif

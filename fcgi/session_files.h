/*
 * Files for a session that runs: add-jar, add-pyfile, add-file by URI, and
 * upload-… as a multipart body that is passed on as it comes. Handlers of
 * route.c's table.
 */
#ifndef SESSION_FILES_H
#define SESSION_FILES_H

#include "statement.h"

STATEMENT_HANDLER(session_add_jar);
STATEMENT_HANDLER(session_add_pyfile);
STATEMENT_HANDLER(session_add_file);
STATEMENT_HANDLER(session_upload_jar);
STATEMENT_HANDLER(session_upload_pyfile);
STATEMENT_HANDLER(session_upload_file);

#endif

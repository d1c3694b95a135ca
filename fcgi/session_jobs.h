/*
 * Livy's programmatic jobs: Java objects that run inside the driver. Their
 * runtime is not in the driver, so a job is refused in words that say so;
 * what asks about jobs is answered as Livy answers of unknown ones. Handlers
 * of route.c's table.
 */
#ifndef SESSION_JOBS_H
#define SESSION_JOBS_H

#include "statement.h"

STATEMENT_HANDLER(session_job_submit);	/* submit-job, run-job */
STATEMENT_HANDLER(session_job_view);
STATEMENT_HANDLER(session_job_cancel);

#endif

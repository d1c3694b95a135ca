/*
 * Answers as libmicrohttpd wants them, with the faults that spoil them on the
 * way. For localkube_http.c.
 */
#ifndef LOCALKUBE_ANSWER_H
#define LOCALKUBE_ANSWER_H

#include <microhttpd.h>

#include "localkube_api.h"
#include "localkube_fault.h"
#include "localkube_stream.h"

enum MHD_Result kanswer_text(struct MHD_Connection *c, int status,
    const char *type, const char *text);
/* Takes the reply's body and the stream. */
enum MHD_Result kanswer_reply(struct MHD_Connection *c, struct kreply *rp,
    const struct kfault *fault);
enum MHD_Result kanswer_status(struct MHD_Connection *c,
    const struct kst *st);
enum MHD_Result kanswer_stream(struct MHD_Connection *c, int status,
    const char *type, struct kstream *stream, const struct kfault *fault,
    json_object *headers);
/* Cuts the connection so that the peer sees a reset. */
enum MHD_Result kanswer_reset(struct MHD_Connection *c);
int kanswer_fd(struct MHD_Connection *c);

#endif

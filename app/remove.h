/*
 * DELETE /api/sandboxes/{id}: removes Pod and Service, whatever state they are
 * in; an id that is not there counts as deleted.
 */
#ifndef REMOVE_H
#define REMOVE_H

#include "http.h"

struct app;
struct reply;

/*
 * Two rounds of two calls in parallel: read both, delete what is ours by UID.
 * A Service seen without its own Pod, or the reverse, is looked at once more,
 * as a POST may be between its two calls.
 */
enum http_status
sandbox_delete(struct app *app, const char *id, struct reply *reply);

#endif

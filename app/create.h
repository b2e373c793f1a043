/*
 * POST /api/sandboxes: what a create means under every interleaving.
 */
#ifndef CREATE_H
#define CREATE_H

#include "http.h"

struct app;
struct reply;
struct request;

/*
 * Creates the sandbox of the request's body, or finishes or returns the one
 * that is there. A new one costs two calls: the Pod, then the Service that the
 * Pod owns.
 *
 * Who finishes a Pod without a Service? The request whose id the Pod carries
 * in its request-id annotation. Others wait for it a moment, then claim the
 * Pod by a patch that fails when the Pod has changed; a roll-back deletes the
 * Pod only while it is unchanged since it was last seen as our own. So no
 * request takes away what another has already promised to a client.
 */
enum http_status
sandbox_create(
    struct app *app, const struct request *request, struct reply *reply);

#endif

/*
 * What tells how the program itself is doing: /health, /ready and
 * /api/capabilities.
 */
#ifndef PROBE_H
#define PROBE_H

#include "http.h"

struct app;
struct reply;
struct request;

/* Alive; never calls Kubernetes. */
enum http_status
probe_health(
    struct app *app, const struct request *request, struct reply *reply);

/*
 * 200 when a request could be served now, else 503 with the cause: the API
 * server's state, our credentials, the rights that rbac.yaml lists. One result
 * serves all workers for a second.
 */
enum http_status
probe_ready(
    struct app *app, const struct request *request, struct reply *reply);

/* What this installation offers; never calls Kubernetes. */
enum http_status
probe_capabilities(
    struct app *app, const struct request *request, struct reply *reply);

#endif

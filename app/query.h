/*
 * The reading requests: GET of one sandbox, its presence, and all of them.
 */
#ifndef QUERY_H
#define QUERY_H

#include "http.h"

struct app;
struct reply;
struct request;

/* 404 only when the API server confirmed the absence. */
enum http_status
sandbox_get(struct app *app, const char *id, struct reply *reply);

/* Whether the Pod is there, terminating or not: always 200. */
enum http_status
sandbox_presence(struct app *app, const char *id, struct reply *reply);

/*
 * All sandboxes that have a URL, in two calls at once whatever their number.
 * Query: limit and continue (pages of Pods, as Kubernetes counts them, so that
 * a page may hold fewer), user_id, thread_id, status.
 */
enum http_status
sandbox_list(
    struct app *app, const struct request *request, struct reply *reply);

#endif

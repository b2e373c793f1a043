/*
 * Which handler answers a request: one table of paths and methods.
 */
#ifndef ROUTE_H
#define ROUTE_H

#include "http.h"
#include "request.h"

struct app;
struct reply;

/* Where a body is read from, when a route wants one. */
struct body_source {
	request_reader *read;
	void *data;
};

/*
 * Answers the request: finds its route, checks the id in the path, the method,
 * the deadline and the body, sets app->deadline and calls the handler. The
 * reply is complete afterwards.
 */
void
route_request(struct app *app, struct request *request,
    const struct body_source *source, struct reply *reply);

/* The route of a path as it stands in the table, "-" for an unknown one. */
const char *
route_name(const char *path);

#endif

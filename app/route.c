#include "route.h"

#include "app.h"
#include "create.h"
#include "k8s.h"
#include "probe.h"
#include "query.h"
#include "remove.h"
#include "reply.h"
#include "spec.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Seconds after which a client may come back to a busy program. */
#define BUSY_RETRY_S 1

typedef enum http_status
route_handler(
    struct app *app, const struct request *request, struct reply *reply);

/* A handler of the sandbox whose id the path holds. */
typedef enum http_status
id_handler(struct app *app, const char *id, struct reply *reply);

struct route {
	enum http_method method;
	const char *path;      /* ":id" stands for a sandbox id */
	long deadline_ms;      /* counted from nginx's receipt */
	route_handler *handle; /* of a path without an id */
	id_handler *handle_id; /* of one with it */
	bool body;             /* takes a JSON body */
};

/* Deadlines lie below the time-outs of DeerFlow's client. */
/* clang-format off */
static const struct route routes[] = {
	{ HTTP_GET,    "/health",                     1000, probe_health,       NULL,             false },
	{ HTTP_GET,    "/ready",                      8000, probe_ready,        NULL,             false },
	{ HTTP_GET,    "/api/capabilities",           1000, probe_capabilities, NULL,             false },
	{ HTTP_GET,    "/api/sandboxes",              8000, sandbox_list,       NULL,             false },
	{ HTTP_POST,   "/api/sandboxes",             25000, sandbox_create,     NULL,             true },
	{ HTTP_GET,    "/api/sandboxes/:id",          8000, NULL,               sandbox_get,      false },
	{ HTTP_DELETE, "/api/sandboxes/:id",         12000, NULL,               sandbox_delete,   false },
	{ HTTP_GET,    "/api/sandboxes/:id/presence", 8000, NULL,               sandbox_presence, false },
};
/* clang-format on */

#define ROUTES      (sizeof(routes) / sizeof(routes[0]))
#define SEGMENT_MAX 128 /* bytes of an id in a path, legal or not */

/*
 * Whether `path` has the shape of `pattern`; the segment at ":id" is copied,
 * cut when it is far too long for any id.
 */
static bool
matches(const char *pattern, const char *path, char id[SEGMENT_MAX])
{
	const char *at = strstr(pattern, ":id");

	if (at == NULL)
		return strcmp(pattern, path) == 0;

	size_t prefix = (size_t)(at - pattern);
	size_t length;

	if (strncmp(pattern, path, prefix) != 0)
		return false;
	length = strcspn(path + prefix, "/");
	if (length == 0 || strcmp(path + prefix + length, at + 3) != 0)
		return false;
	snprintf(id, SEGMENT_MAX, "%.*s", (int)length, path + prefix);
	return true;
}

const char *
route_name(const char *path)
{
	char id[SEGMENT_MAX];

	for (size_t i = 0; i < ROUTES; i++)
		if (matches(routes[i].path, path, id))
			return routes[i].path;
	return "-";
}

static enum http_status
refuse_method(
    const char *path, const struct request *request, struct reply *reply)
{
	char allow[64] = "";
	size_t length = 0;

	for (size_t n = 0; n < HTTP_METHOD_NAMES; n++)
		for (size_t i = 0; i < ROUTES; i++)
			if (routes[i].method == http_method_names[n].method &&
			    strcmp(routes[i].path, path) == 0)
				length += (size_t)snprintf(allow + length,
				    sizeof(allow) - length, "%s%s",
				    length == 0 ? "" : ", ",
				    http_method_names[n].name);
	reply_header(reply, "Allow", "%s", allow);
	return reply_problem(reply, HTTP_METHOD_NOT_ALLOWED,
	    "%.16s is not a method of %s; it takes %s", request->method_name,
	    path, allow);
}

/* The route, or NULL when the reply tells why there is none. */
static const struct route *
find(const struct request *request, char id[SEGMENT_MAX], struct reply *reply)
{
	const struct route *path = NULL;

	id[0] = '\0';
	for (size_t i = 0; i < ROUTES; i++) {
		if (!matches(routes[i].path, request->path, id))
			continue;
		path = &routes[i];
		if (routes[i].method == request->method)
			break;
	}
	if (path == NULL)
		reply_problem(reply, HTTP_NOT_FOUND,
		    "no such path; sandboxes are at /api/sandboxes");
	else if (path->handle_id != NULL && !sandbox_id_is_valid(id))
		reply_invalid(reply, "sandbox_id", sandbox_id_rule);
	else if (path->method != request->method)
		refuse_method(path->path, request, reply);
	else
		return path;
	return NULL;
}

/* HTTP_OK with the deadline set, or 503 for one that passed in the queue. */
static enum http_status
start_clock(struct app *app, const struct route *route,
    const struct request *request, struct reply *reply)
{
	long left_ms = route->deadline_ms - (long)(request->queued_s * 1000);

	if (left_ms <= 0) {
		reply_header(reply, "Retry-After", "%d", BUSY_RETRY_S);
		return reply_problem(reply, HTTP_UNAVAILABLE,
		    "all workers were busy for %.1f s; try again",
		    request->queued_s);
	}
	app->deadline = k8s_deadline_in(left_ms);
	return HTTP_OK;
}

static enum http_status
take_body(struct request *request, const struct body_source *source,
    struct reply *reply)
{
	static const char json[] = "application/json";
	const char *rest = request->content_type + sizeof(json) - 1;

	if (strncasecmp(request->content_type, json, sizeof(json) - 1) != 0 ||
	    strchr("; ", *rest) == NULL)
		return reply_problem(reply, HTTP_UNSUPPORTED_MEDIA_TYPE,
		    "the body must be sent as Content-Type: application/json");
	return request_read_body(request, source->read, source->data, reply);
}

void
route_request(struct app *app, struct request *request,
    const struct body_source *source, struct reply *reply)
{
	char id[SEGMENT_MAX];
	const struct route *route = find(request, id, reply);

	if (route == NULL ||
	    start_clock(app, route, request, reply) != HTTP_OK ||
	    (route->body && take_body(request, source, reply) != HTTP_OK))
		return;
	if (route->handle_id != NULL)
		route->handle_id(app, id, reply);
	else
		route->handle(app, request, reply);
}

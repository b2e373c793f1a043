#include "query.h"

#include "app.h"
#include "cluster.h"
#include "fault.h"
#include "reply.h"
#include "sandbox.h"
#include "tree.h"

/* Seconds after which a half-made sandbox is finished or gone. */
#define HALF_MADE_RETRY_S 1

static enum http_status
reply_absent(struct reply *reply, const char *id, const char *why)
{
	return reply_problem(reply, HTTP_NOT_FOUND, "sandbox %s %s", id, why);
}

enum http_status
sandbox_get(struct app *app, const char *id, struct reply *reply)
{
	PAIR_CLEANUP struct pair pair = { 0 };
	struct sandbox sandbox;
	enum http_status status = pair_read(&pair, app, id, reply);

	if (status != HTTP_OK)
		return status;
	if (pair.pod_found != FOUND_OURS)
		return reply_absent(reply, id, "does not exist");
	if (pair.service_found == FOUND_FOREIGN)
		return reply_absent(
		    reply, id, "does not exist: another Service has its name");
	if (pair.service == NULL && object_is_terminating(pair.pod))
		return reply_absent(reply, id, "is being deleted");
	sandbox_of_pod(&sandbox, pair.pod);
	if (pair.service == NULL ||
	    !service_belongs(pair.service, sandbox.uid) ||
	    !sandbox_port_of(&sandbox.port, pair.service)) {
		reply_header(reply, "Retry-After", "%d", HALF_MADE_RETRY_S);
		return reply_problem(reply, HTTP_UNAVAILABLE,
		    "sandbox %s is being created or repaired", id);
	}
	return reply_json(
	    reply, HTTP_OK, sandbox_json(&sandbox, app->settings));
}

enum http_status
sandbox_presence(struct app *app, const char *id, struct reply *reply)
{
	K8S_CLEANUP(k8s_call_done) struct k8s_call call = { 0 };
	enum found found = cluster_find_pod(app, &call, id);

	if (found == FOUND_UNKNOWN)
		return reply_fault(reply, app, &call);
	return reply_json(reply, HTTP_OK,
	    MAP({ "sandbox_id", TEXT(id) },
		{ "exists", BOOL(found == FOUND_OURS) },
		{ "container_id",
		    found == FOUND_OURS
			? tree_text_or_null(object_uid(call.object))
			: tree_null() }));
}

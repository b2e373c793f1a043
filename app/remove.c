#include "remove.h"

#include "app.h"
#include "cluster.h"
#include "fault.h"
#include "reply.h"
#include "tree.h"

#include <string.h>

static enum http_status
reply_foreign(struct reply *reply, const char *id, const char *kind)
{
	return reply_problem(reply, HTTP_CONFLICT,
	    "sandbox %s cannot be deleted: a %s that is not a sandbox's has "
	    "its name",
	    id, kind);
}

/* Reads both; HTTP_OK when nothing foreign stands there. */
static enum http_status
look(struct pair *pair, struct app *app, const char *id, struct reply *reply)
{
	enum http_status status = pair_read(pair, app, id, reply);

	if (status != HTTP_OK)
		return status;
	if (pair->pod_found == FOUND_FOREIGN)
		return reply_foreign(reply, id, "Pod");
	if (pair->service_found == FOUND_FOREIGN)
		return reply_foreign(reply, id, "Service");
	return HTTP_OK;
}

/*
 * A Service that is not owned by the Pod seen beside it may be that of a newer
 * Pod: one read after it tells. What is then to be deleted stays in the pair.
 */
static enum http_status
sort_out(struct pair *pair, struct k8s_call *later, struct app *app,
    const char *id, struct reply *reply)
{
	if (pair->service == NULL ||
	    (pair->pod != NULL &&
		service_is_owned(pair->service, object_uid(pair->pod))))
		return HTTP_OK;
	switch (cluster_find_pod(app, later, id)) {
	case FOUND_UNKNOWN:
		return reply_fault(reply, app, later);
	case FOUND_FOREIGN:
		return reply_foreign(reply, id, "Pod");
	case FOUND_ABSENT:
		return HTTP_OK;
	case FOUND_OURS:
		break;
	}
	if (pair->pod == NULL)
		pair->pod = later->object; /* made between the two reads */
	else if (strcmp(object_uid(pair->pod), object_uid(later->object)) != 0)
		pair->service = NULL; /* the newer Pod's */
	return HTTP_OK;
}

/*
 * A Pod was deleted that had no Service yet: a POST may have made one since,
 * for that very Pod. Anything newer is left alone.
 */
static enum http_status
delete_late_service(
    struct app *app, const char *id, const char *pod_uid, struct reply *reply)
{
	PAIR_CLEANUP struct pair pair = { 0 };
	enum http_status status = look(&pair, app, id, reply);

	if (status != HTTP_OK || pair.service == NULL ||
	    !service_is_owned(pair.service, pod_uid))
		return status;
	return cluster_delete(app, id, NULL, pair.service, reply);
}

enum http_status
sandbox_delete(struct app *app, const char *id, struct reply *reply)
{
	K8S_CLEANUP(k8s_call_done) struct k8s_call later = { 0 };
	PAIR_CLEANUP struct pair pair = { 0 };
	enum http_status status = look(&pair, app, id, reply);
	const bool alone = pair.service == NULL;

	if (status == HTTP_OK)
		status = sort_out(&pair, &later, app, id, reply);
	if (status == HTTP_OK)
		status = cluster_delete(app, id,
		    object_is_terminating(pair.pod) ? NULL : pair.pod,
		    object_is_terminating(pair.service) ? NULL : pair.service,
		    reply);
	if (status == HTTP_OK && pair.pod != NULL && alone)
		status =
		    delete_late_service(app, id, object_uid(pair.pod), reply);
	if (status != HTTP_OK)
		return status;
	return reply_json(reply, HTTP_OK,
	    MAP({ "ok", BOOL(true) }, { "sandbox_id", TEXT(id) }));
}

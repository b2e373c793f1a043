#include "cluster.h"

#include "app.h"
#include "fault.h"
#include "log.h"
#include "manifest.h"
#include "names.h"
#include "reply.h"
#include "settings.h"
#include "tree.h"

#include <string.h>

static const char *
namespace_of(const struct app *app)
{
	return app->settings->kubernetes.namespace_name;
}

const char *
object_uid(struct json_object *object)
{
	const char *uid = k8s_json_string(object, "metadata.uid");

	return uid == NULL ? "" : uid;
}

bool
object_is_terminating(struct json_object *object)
{
	return k8s_json_string(object, "metadata.deletionTimestamp") != NULL;
}

bool
object_is_older(struct json_object *object, struct json_object *other)
{
	const char *mine =
	    k8s_json_string(object, "metadata.creationTimestamp");
	const char *its = k8s_json_string(other, "metadata.creationTimestamp");

	/* RFC 3339 in UTC, always of the same form: text compares as time */
	return mine != NULL && its != NULL && strcmp(mine, its) < 0;
}

bool
service_is_owned(struct json_object *service, const char *pod_uid)
{
	return k8s_json_item(
		   service, "metadata.ownerReferences", "uid", pod_uid) != NULL;
}

bool
service_belongs(struct json_object *service, const char *pod_uid)
{
	return k8s_json_length(service, "metadata.ownerReferences") == 0 ||
	       service_is_owned(service, pod_uid);
}

static enum found
classify(struct json_object *object, const char *id)
{
	const char *app = k8s_json_string(object, "metadata.labels." LABEL_APP);
	const char *label =
	    k8s_json_string(object, "metadata.labels." LABEL_SANDBOX_ID);

	if (object == NULL)
		return FOUND_ABSENT;
	return app != NULL && label != NULL &&
		       strcmp(app, LABEL_APP_VALUE) == 0 &&
		       strcmp(label, id) == 0
		   ? FOUND_OURS
		   : FOUND_FOREIGN;
}

/*
 * The API server itself says that the object is not there. A server without
 * the whole resource answers NotFound as well, but names no object.
 */
static bool
is_absent(const struct k8s_call *call)
{
	return call->fault.kind == K8S_FAULT_STATUS &&
	       call->fault.reason == K8S_REASON_NOT_FOUND &&
	       k8s_json_string(call->object, "details.name") != NULL;
}

/* Absence is a result, every other fault a failure. */
static bool
is_read(const struct k8s_call *call)
{
	return call->fault.kind == K8S_FAULT_NONE || is_absent(call);
}

static struct json_object *
object_read(const struct k8s_call *call)
{
	return call->fault.kind == K8S_FAULT_NONE ? call->object : NULL;
}

static struct k8s_call
call_of(const struct app *app, enum k8s_verb verb,
    const struct k8s_resource *resource, const char *name,
    struct json_object *body)
{
	return (struct k8s_call){
		.verb = verb,
		.resource = resource,
		.ns = resource->namespaced ? namespace_of(app) : NULL,
		.name = name,
		.body = body,
	};
}

/* What the calls borrowed is not kept: it may end with the caller's block. */
static bool
perform(struct app *app, struct k8s_call *calls, size_t count)
{
	bool ok = k8s_perform(app->k8s, calls, count, &app->deadline);

	for (size_t i = 0; i < count; i++) {
		calls[i].name = NULL;
		calls[i].body = NULL;
	}
	return ok;
}

enum http_status
pair_read(
    struct pair *pair, struct app *app, const char *id, struct reply *reply)
{
	const struct object_names names = names_of(id);
	struct k8s_call calls[2] = {
		call_of(app, K8S_GET, &k8s_pods, names.pod, NULL),
		call_of(app, K8S_GET, &k8s_services, names.service, NULL),
	};

	pair_done(pair);
	(void)perform(app, calls, 2);
	pair->pod_call = calls[0];
	pair->service_call = calls[1];
	for (size_t i = 0; i < 2; i++)
		if (!is_read(&calls[i]))
			return reply_fault(reply, app, &calls[i]);
	pair->pod = object_read(&pair->pod_call);
	pair->service = object_read(&pair->service_call);
	pair->pod_found = classify(pair->pod, id);
	pair->service_found = classify(pair->service, id);
	return HTTP_OK;
}

void
pair_done(struct pair *pair)
{
	k8s_call_done(&pair->pod_call);
	k8s_call_done(&pair->service_call);
	*pair = (struct pair){ 0 };
}

bool
cluster_create(struct app *app, struct k8s_call *call,
    const struct k8s_resource *resource, struct json_object *body)
{
	*call = call_of(app, K8S_CREATE, resource, NULL, body);
	return perform(app, call, 1);
}

bool
cluster_ensure_namespace(struct app *app, struct k8s_call *call)
{
	K8S_CLEANUP(k8s_json_putp)
	struct json_object *body = manifest_namespace(namespace_of(app));
	bool made = cluster_create(app, call, &k8s_namespaces, body);

	if (made)
		log_info("created the namespace \"%s\"", namespace_of(app));
	return made || call->fault.reason == K8S_REASON_ALREADY_EXISTS;
}

enum found
cluster_find_pod(struct app *app, struct k8s_call *call, const char *id)
{
	const struct object_names names = names_of(id);

	*call = call_of(app, K8S_GET, &k8s_pods, names.pod, NULL);
	(void)perform(app, call, 1);
	return is_read(call) ? classify(object_read(call), id) : FOUND_UNKNOWN;
}

enum http_status
cluster_confirm_pod(struct app *app, const char *id, const char *uid,
    bool *same, struct reply *reply)
{
	K8S_CLEANUP(k8s_call_done) struct k8s_call call = { 0 };

	if (cluster_find_pod(app, &call, id) == FOUND_UNKNOWN)
		return reply_fault(reply, app, &call);
	*same = strcmp(object_uid(object_read(&call)), uid) == 0;
	return HTTP_OK;
}

bool
cluster_patch_pod(struct app *app, struct k8s_call *call, const char *id,
    struct json_object *patch)
{
	const struct object_names names = names_of(id);

	*call = call_of(app, K8S_PATCH, &k8s_pods, names.pod, patch);
	return perform(app, call, 1);
}

/* metav1.DeleteOptions with what must still be true of the object. */
static struct json_object *
delete_options(struct json_object *object, bool unchanged)
{
	const char *version =
	    k8s_json_string(object, "metadata.resourceVersion");

	return MAP({ "apiVersion", TEXT("v1") },
	    { "kind", TEXT("DeleteOptions") },
	    { "preconditions",
		MAP({ "uid", TEXT(object_uid(object)) },
		    { "resourceVersion",
			unchanged ? TEXT(version) : tree_absent() }) });
}

/* Gone, or another object by now: not ours to delete any more. */
static bool
is_deleted(const struct k8s_call *call)
{
	return call->fault.kind == K8S_FAULT_NONE || is_absent(call) ||
	       call->fault.reason == K8S_REASON_CONFLICT;
}

/* Adds the call that deletes `object`, if there is one; false = no memory. */
static bool
add_delete(const struct app *app, struct k8s_call *calls, size_t *count,
    const struct k8s_resource *resource, const char *name,
    struct json_object *object)
{
	if (object == NULL)
		return true;

	struct json_object *options = delete_options(object, false);

	calls[(*count)++] = call_of(app, K8S_DELETE, resource, name, options);
	return options != NULL;
}

enum http_status
cluster_delete(struct app *app, const char *id, struct json_object *pod,
    struct json_object *service, struct reply *reply)
{
	const struct object_names names = names_of(id);
	struct k8s_call calls[2];
	struct json_object *options[2] = { NULL, NULL };
	size_t count = 0;
	bool ok = add_delete(app, calls, &count, &k8s_pods, names.pod, pod) &&
		  add_delete(app, calls, &count, &k8s_services, names.service,
		      service);
	enum http_status status = ok ? HTTP_OK : reply_no_memory(reply);

	for (size_t i = 0; i < count; i++)
		options[i] = calls[i].body;
	if (ok && count > 0)
		(void)perform(app, calls, count);
	for (size_t i = 0; i < count; i++) {
		if (status == HTTP_OK && !is_deleted(&calls[i]))
			status = reply_fault(reply, app, &calls[i]);
		k8s_call_done(&calls[i]);
		k8s_json_putp(&options[i]);
	}
	return status;
}

bool
cluster_delete_unchanged(struct app *app, struct k8s_call *call, const char *id,
    struct json_object *pod)
{
	const struct object_names names = names_of(id);
	K8S_CLEANUP(k8s_json_putp)
	struct json_object *options = delete_options(pod, true);

	*call = call_of(app, K8S_DELETE, &k8s_pods, names.pod, options);
	if (options == NULL) {
		call->fault.kind = K8S_FAULT_MEMORY;
		return false;
	}
	return perform(app, call, 1) || is_absent(call);
}

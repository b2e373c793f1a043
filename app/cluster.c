#include "cluster.h"

#include "app.h"
#include "log.h"
#include "manifest.h"
#include "names.h"
#include "reply.h"
#include "settings.h"
#include "tree.h"

#include <json-c/json.h>
#include <string.h>

static const char *
namespace_of(const struct app *app)
{
	return app->settings->kubernetes.namespace_name;
}

const char *
uid_of(struct json_object *object)
{
	const char *uid = k8s_json_string(object, "metadata.uid");

	return uid == NULL ? "" : uid;
}

bool
is_terminating(struct json_object *object)
{
	return k8s_json_string(object, "metadata.deletionTimestamp") != NULL;
}

static size_t
owner_count(struct json_object *service)
{
	struct json_object *owners =
	    k8s_json_array(service, "metadata.ownerReferences");

	return owners == NULL ? 0 : json_object_array_length(owners);
}

bool
service_is_owned(struct json_object *service, const char *pod_uid)
{
	struct json_object *owners =
	    k8s_json_array(service, "metadata.ownerReferences");

	for (size_t i = 0; i < owner_count(service); i++) {
		const char *uid = k8s_json_string(
		    json_object_array_get_idx(owners, i), "uid");

		if (uid != NULL && strcmp(uid, pod_uid) == 0)
			return true;
	}
	return false;
}

bool
service_belongs(struct json_object *service, const char *pod_uid)
{
	return owner_count(service) == 0 || service_is_owned(service, pod_uid);
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

enum http_status
pair_read(
    struct pair *pair, struct app *app, const char *id, struct reply *reply)
{
	const struct object_names names = names_of(id);
	struct k8s_call calls[2] = {
		{ .verb = K8S_GET, .resource = &k8s_pods, .name = names.pod },
		{ .verb = K8S_GET,
		    .resource = &k8s_services,
		    .name = names.service },
	};

	pair_done(pair);
	calls[0].ns = calls[1].ns = namespace_of(app);
	(void)k8s_perform(app->k8s, calls, 2, &app->deadline);
	/* the names end with this block */
	calls[0].name = calls[1].name = NULL;
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
	*call = (struct k8s_call){
		.verb = K8S_CREATE,
		.resource = resource,
		.ns = resource->namespaced ? namespace_of(app) : NULL,
		.body = body,
	};
	return k8s_perform(app->k8s, call, 1, &app->deadline);
}

bool
cluster_ensure_namespace(struct app *app, struct k8s_call *call)
{
	const char *name = app->settings->kubernetes.namespace_name;
	K8S_CLEANUP(k8s_json_putp)
	struct json_object *body = manifest_namespace(name);
	bool made = cluster_create(app, call, &k8s_namespaces, body);

	call->body = NULL;
	if (made)
		log_info("created the namespace \"%s\"", name);
	return made || call->fault.reason == K8S_REASON_ALREADY_EXISTS;
}

enum found
cluster_find_pod(struct app *app, struct k8s_call *call, const char *id)
{
	const struct object_names names = names_of(id);

	*call = (struct k8s_call){
		.verb = K8S_GET,
		.resource = &k8s_pods,
		.ns = namespace_of(app),
		.name = names.pod,
	};
	(void)k8s_perform(app->k8s, call, 1, &app->deadline);
	call->name = NULL;
	return is_read(call) ? classify(object_read(call), id) : FOUND_UNKNOWN;
}

bool
cluster_patch_pod(struct app *app, struct k8s_call *call, const char *id,
    struct json_object *patch)
{
	const struct object_names names = names_of(id);

	*call = (struct k8s_call){
		.verb = K8S_PATCH,
		.resource = &k8s_pods,
		.ns = namespace_of(app),
		.name = names.pod,
		.body = patch,
	};

	bool ok = k8s_perform(app->k8s, call, 1, &app->deadline);

	call->name = NULL;
	return ok;
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
		MAP({ "uid", TEXT(uid_of(object)) },
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

enum http_status
cluster_delete(struct app *app, const char *id, struct json_object *pod,
    struct json_object *service, struct reply *reply)
{
	const struct object_names names = names_of(id);
	K8S_CLEANUP(k8s_json_putp) struct json_object *pod_options = NULL;
	K8S_CLEANUP(k8s_json_putp) struct json_object *service_options = NULL;
	struct k8s_call calls[2];
	size_t count = 0;

	if (pod != NULL) {
		pod_options = delete_options(pod, false);
		calls[count++] = (struct k8s_call){ .verb = K8S_DELETE,
			.resource = &k8s_pods,
			.ns = namespace_of(app),
			.name = names.pod,
			.body = pod_options };
	}
	if (service != NULL) {
		service_options = delete_options(service, false);
		calls[count++] = (struct k8s_call){ .verb = K8S_DELETE,
			.resource = &k8s_services,
			.ns = namespace_of(app),
			.name = names.service,
			.body = service_options };
	}
	if ((pod != NULL && pod_options == NULL) ||
	    (service != NULL && service_options == NULL))
		return reply_no_memory(reply);

	enum http_status status = HTTP_OK;

	if (count > 0)
		(void)k8s_perform(app->k8s, calls, count, &app->deadline);
	for (size_t i = 0; i < count; i++) {
		if (status == HTTP_OK && !is_deleted(&calls[i]))
			status = reply_fault(reply, app, &calls[i]);
		k8s_call_done(&calls[i]);
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

	*call = (struct k8s_call){
		.verb = K8S_DELETE,
		.resource = &k8s_pods,
		.ns = namespace_of(app),
		.name = names.pod,
		.body = options,
	};
	if (options == NULL) {
		call->fault.kind = K8S_FAULT_MEMORY;
		return false;
	}

	bool ok =
	    k8s_perform(app->k8s, call, 1, &app->deadline) || is_absent(call);

	call->name = NULL;
	call->body = NULL;
	return ok;
}

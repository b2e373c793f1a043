#include "sandbox.h"

#include "k8s.h"
#include "pod_status.h"
#include "settings.h"
#include "text.h"
#include "tree.h"

#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

static const char *const status_names[SANDBOX_STATUS__MAX] = {
	[SANDBOX_PENDING] = "Pending",
	[SANDBOX_RUNNING] = "Running",
	[SANDBOX_SUCCEEDED] = "Succeeded",
	[SANDBOX_FAILED] = "Failed",
	[SANDBOX_UNKNOWN] = "Unknown",
	[SANDBOX_TERMINATING] = "Terminating",
};

const char *
sandbox_status_name(enum sandbox_status status)
{
	return status_names[status];
}

static enum sandbox_status
status_of(struct json_object *pod)
{
	const char *phase = k8s_json_string(pod, "status.phase");

	if (k8s_json_string(pod, "metadata.deletionTimestamp") != NULL)
		return SANDBOX_TERMINATING;
	/* An object that no kubelet has seen yet may lack the phase. */
	if (phase == NULL)
		return SANDBOX_PENDING;
	for (int i = 0; i < SANDBOX_TERMINATING; i++)
		if (strcmp(phase, status_names[i]) == 0)
			return (enum sandbox_status)i;
	return SANDBOX_UNKNOWN;
}

/* Copies a text of the object, empty when it is not there. */
#define COPY(field, object, path)                                              \
	TEXT_COPY(field, k8s_json_string(object, path))

static long long
shell_sessions(struct json_object *pod)
{
	struct json_object *container =
	    k8s_json_item(pod, "spec.containers", "name", CONTAINER_NAME);
	const char *value = k8s_json_string(
	    k8s_json_item(container, "env", "name", ENV_SHELL_SESSIONS),
	    "value");

	return value == NULL ? 0 : strtoll(value, NULL, 10);
}

void
sandbox_of_pod(struct sandbox *sandbox, struct json_object *pod)
{
	*sandbox = (struct sandbox){ .status = status_of(pod) };
	COPY(sandbox->id, pod, "metadata.labels." LABEL_SANDBOX_ID);
	COPY(sandbox->uid, pod, "metadata.uid");
	COPY(sandbox->created_at, pod, "metadata.creationTimestamp");
	COPY(sandbox->user_id, pod,
	    "metadata.annotations[" ANNOTATION_USER_ID "]");
	COPY(sandbox->thread_id, pod,
	    "metadata.annotations[" ANNOTATION_THREAD_ID "]");
	COPY(sandbox->last_active_at, pod,
	    "metadata.annotations[" ANNOTATION_LAST_ACTIVE_AT "]");
	COPY(sandbox->expires_at, pod,
	    "metadata.annotations[" ANNOTATION_EXPIRES_AT "]");
	sandbox->max_shell_sessions = shell_sessions(pod);
	sandbox->ready = pod_is_ready(pod);
	if (!sandbox->ready)
		pod_explain(pod, sandbox->reason, sizeof(sandbox->reason),
		    sandbox->message, sizeof(sandbox->message));
}

bool
sandbox_port_of(struct sandbox_port *port, struct json_object *service)
{
	const char *type = k8s_json_string(service, "spec.type");
	struct json_object *first = k8s_json_map(service, "spec.ports.0");

	port->port = (int)k8s_json_int(first, "port", 0);
	port->node_port = (int)k8s_json_int(first, "nodePort", 0);
	if (type != NULL && strcmp(type, "NodePort") == 0)
		return port->node_port != 0;
	port->node_port = 0;
	return port->port != 0;
}

static struct json_object *
url(const struct sandbox *sandbox, const struct settings *settings)
{
	const struct object_names names = names_of(sandbox->id);

	if (sandbox->port.node_port != 0)
		return tree_textf("http://%s:%d", settings->sandbox.node_host,
		    sandbox->port.node_port);
	return tree_textf("http://%s.%s.svc.cluster.local:%d", names.service,
	    settings->kubernetes.namespace_name, sandbox->port.port);
}

struct json_object *
sandbox_json(const struct sandbox *sandbox, const struct settings *settings)
{
	return MAP({ "sandbox_id", TEXT(sandbox->id) },
	    { "sandbox_url", url(sandbox, settings) },
	    { "status", TEXT(sandbox_status_name(sandbox->status)) },
	    { "ready", BOOL(sandbox->ready) },
	    { "reason", tree_text_or_null(sandbox->reason) },
	    { "message", tree_text_or_null(sandbox->message) },
	    { "thread_id", tree_text_or_null(sandbox->thread_id) },
	    { "user_id", tree_text_or_null(sandbox->user_id) },
	    { "container_id", tree_text_or_null(sandbox->uid) },
	    { "created_at", tree_text_or_null(sandbox->created_at) },
	    { "last_active_at", tree_text_or_null(sandbox->last_active_at) },
	    { "expires_at", tree_text_or_null(sandbox->expires_at) },
	    { "max_shell_sessions", INT(sandbox->max_shell_sessions != 0
					    ? sandbox->max_shell_sessions
					    : SHELL_SESSIONS_DEFAULT) },
	    { "lark_cli_broker", tree_null() });
}

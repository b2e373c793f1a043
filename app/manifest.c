#include "manifest.h"

#include "names.h"
#include "settings.h"
#include "spec.h"
#include "tree.h"
#include "volumes.h"

#include <stdbool.h>

/* What the sandbox image answers as soon as it is up. */
#define PROBE_PATH "/v1/sandbox"

/* Seconds between SIGTERM and SIGKILL: a sandbox has nothing to finish. */
#define GRACE_S 5

static struct json_object *
labels(const struct sandbox_spec *spec)
{
	return MAP({ LABEL_APP, TEXT(LABEL_APP_VALUE) },
	    { LABEL_SANDBOX_ID, TEXT(spec->sandbox_id) },
	    { "app.kubernetes.io/name", TEXT("deer-flow") },
	    { "app.kubernetes.io/component", TEXT("sandbox") },
	    { "app.kubernetes.io/managed-by", TEXT("sandbox-provisioner") });
}

/* Ids may begin with "_", which a label must not: so annotations. */
static struct json_object *
annotations(const struct sandbox_spec *spec,
    const struct manifest_origin *origin, bool with_activity)
{
	char now[TIMESTAMP_MAX];

	timestamp_now(now);
	return MAP({ ANNOTATION_USER_ID, TEXT(spec->user_id) },
	    { ANNOTATION_THREAD_ID, TEXT(spec->thread_id) },
	    { ANNOTATION_REQUEST_ID, TEXT(origin->request_id) },
	    { ANNOTATION_API_KEY_NAME, tree_text_or_absent(origin->key_name) },
	    { ANNOTATION_LAST_ACTIVE_AT,
		with_activity ? TEXT(now) : tree_absent() });
}

/*
 * Readiness without delay and every second: a client waits for it. Liveness
 * forgives a minute: the sandbox shares one CPU with whatever runs in it.
 */
static struct json_object *
probe(int period_s, int timeout_s, int failures)
{
	return MAP({ "httpGet", MAP({ "path", TEXT(PROBE_PATH) },
				    { "port", TEXT(PORT_NAME) }) },
	    { "periodSeconds", INT(period_s) },
	    { "timeoutSeconds", INT(timeout_s) },
	    { "failureThreshold", INT(failures) });
}

static struct json_object *
resources(void)
{
	return MAP({ "requests",
		       MAP({ "cpu", TEXT("100m") }, { "memory", TEXT("256Mi") },
			   { "ephemeral-storage", TEXT("500Mi") }) },
	    { "limits", MAP({ "cpu", TEXT("1") }, { "memory", TEXT("1Gi") },
			    { "ephemeral-storage", TEXT("500Mi") }) });
}

static struct json_object *
environment(const struct sandbox_spec *spec)
{
	if (spec->max_shell_sessions == 0)
		return tree_absent();
	return LIST(MAP({ "name", TEXT(ENV_SHELL_SESSIONS) },
	    { "value", tree_textf("%lld", spec->max_shell_sessions) }));
}

static struct json_object *
sandbox_container(const struct sandbox_spec *spec,
    const struct settings *settings, const struct volumes *volumes)
{
	return MAP({ "name", TEXT(CONTAINER_NAME) },
	    { "image", TEXT(settings->sandbox.image) },
	    { "imagePullPolicy", TEXT("IfNotPresent") },
	    { "ports", LIST(MAP({ "name", TEXT(PORT_NAME) },
			   { "containerPort", INT(settings->sandbox.port) },
			   { "protocol", TEXT("TCP") })) },
	    { "env", environment(spec) }, { "readinessProbe", probe(1, 3, 3) },
	    { "livenessProbe", probe(10, 10, 6) }, { "resources", resources() },
	    { "volumeMounts", volumes_mounts_json(volumes) },
	    { "securityContext",
		MAP({ "privileged", BOOL(false) },
		    /* the default image needs sudo */
		    { "allowPrivilegeEscalation", BOOL(true) }) });
}

struct json_object *
manifest_pod(const struct sandbox_spec *spec, const struct settings *settings,
    const struct manifest_origin *origin)
{
	const struct object_names names = names_of(spec->sandbox_id);
	struct volumes volumes;
	struct json_object *pod = NULL;

	if (volumes_plan(&volumes, spec, settings))
		pod = MAP({ "apiVersion", TEXT("v1") }, { "kind", TEXT("Pod") },
		    { "metadata",
			MAP({ "name", TEXT(names.pod) },
			    { "namespace",
				TEXT(settings->kubernetes.namespace_name) },
			    { "labels", labels(spec) },
			    { "annotations",
				annotations(spec, origin, true) }) },
		    { "spec",
			MAP({ "containers", LIST(sandbox_container(
						spec, settings, &volumes)) },
			    { "volumes", volumes_json(&volumes) },
			    { "restartPolicy", TEXT("Always") },
			    { "terminationGracePeriodSeconds", INT(GRACE_S) },
			    { "automountServiceAccountToken", BOOL(false) },
			    /* thousands of Services would fill the environment
			     */
			    { "enableServiceLinks", BOOL(false) }) });
	volumes_done(&volumes);
	return pod;
}

static struct json_object *
owner(const struct object_names *names, const char *pod_uid)
{
	if (pod_uid == NULL)
		return tree_absent();
	return LIST(MAP({ "apiVersion", TEXT("v1") }, { "kind", TEXT("Pod") },
	    { "name", TEXT(names->pod) }, { "uid", TEXT(pod_uid) }));
}

struct json_object *
manifest_service(const struct sandbox_spec *spec,
    const struct settings *settings, const struct manifest_origin *origin,
    const char *pod_uid)
{
	const struct object_names names = names_of(spec->sandbox_id);
	const bool node_port =
	    settings->sandbox.service_type == SERVICE_NODE_PORT;

	return MAP({ "apiVersion", TEXT("v1") }, { "kind", TEXT("Service") },
	    { "metadata",
		MAP({ "name", TEXT(names.service) },
		    { "namespace", TEXT(settings->kubernetes.namespace_name) },
		    { "labels", labels(spec) },
		    { "annotations", annotations(spec, origin, false) },
		    { "ownerReferences", owner(&names, pod_uid) }) },
	    { "spec",
		MAP({ "type", TEXT(node_port ? "NodePort" : "ClusterIP") },
		    { "selector",
			MAP({ LABEL_SANDBOX_ID, TEXT(spec->sandbox_id) }) },
		    { "ports",
			LIST(MAP({ "name", TEXT(PORT_NAME) },
			    { "port", INT(settings->sandbox.port) },
			    { "targetPort", INT(settings->sandbox.port) },
			    { "protocol", TEXT("TCP") })) },
		    /* there is one pod: nobody else could be sent to */
		    { "publishNotReadyAddresses", BOOL(true) }) });
}

struct json_object *
manifest_claim(const struct sandbox_spec *spec,
    const struct manifest_origin *origin, const char *resource_version)
{
	return MAP({ "metadata",
	    MAP({ "resourceVersion", TEXT(resource_version) },
		{ "annotations", annotations(spec, origin, true) }) });
}

struct json_object *
manifest_namespace(const char *name)
{
	return MAP({ "apiVersion", TEXT("v1") }, { "kind", TEXT("Namespace") },
	    { "metadata",
		MAP({ "name", TEXT(name) },
		    { "labels",
			MAP({ "app.kubernetes.io/name", TEXT("deer-flow") },
			    { "app.kubernetes.io/component", TEXT("sandbox") },
			    { "app.kubernetes.io/managed-by",
				TEXT("sandbox-provisioner") }) }) });
}

#include "fault.h"

#include "app.h"
#include "k8s.h"
#include "reply.h"
#include "settings.h"

#include <string.h>

/* Seconds after which a client may try again when the cluster does not say. */
#define RETRY_AFTER_S 5

static bool
mentions(const struct k8s_fault *fault, const char *words)
{
	return strstr(fault->message, words) != NULL;
}

/* A quota or the NodePort range is used up. */
static bool
is_exhausted(const struct k8s_fault *fault)
{
	/* quota: 403; node ports: 422 or 500, depending on the release */
	return fault->kind == K8S_FAULT_STATUS &&
	       ((fault->http == 403 && mentions(fault, "exceeded quota")) ||
		   mentions(fault, "range is full") ||
		   mentions(fault, "no more ports") ||
		   mentions(fault, "provided port is not in the valid range"));
}

bool
fault_is_account_missing(const struct k8s_fault *fault)
{
	return fault->kind == K8S_FAULT_STATUS && fault->http == 403 &&
	       mentions(fault, "error looking up service account");
}

/* Which settings a field of a refused manifest comes from. */
static const char *
settings_behind(const struct k8s_call *call)
{
	static const struct {
		const char *field, *settings;
	} origins[] = {
		{ "image", "sandbox.image" },
		{ "olume", "the settings under storage" },
		{ "subPath", "storage.skills_claim_subpath" },
		{ "ort", "sandbox.port" },
		{ "namespace", "kubernetes.namespace" },
	};
	const char *field =
	    k8s_json_string(call->object, "details.causes.0.field");

	for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]); i++)
		if (strstr(field != NULL ? field : call->fault.message,
			origins[i].field) != NULL)
			return origins[i].settings;
	return "the settings under sandbox and storage";
}

static void
retry_after(struct reply *reply, const struct k8s_fault *fault)
{
	reply_header(reply, "Retry-After", "%d",
	    fault->retry_after_s > 0 ? fault->retry_after_s : RETRY_AFTER_S);
}

static enum http_status
reply_refused_manifest(struct reply *reply, const struct k8s_call *call)
{
	return reply_problem(reply, HTTP_INTERNAL_ERROR,
	    "Kubernetes refuses the %s that our configuration makes; check %s: "
	    "%s",
	    call->resource->kind, settings_behind(call), call->fault.message);
}

/* 403 is RBAC's, or that of an admission plug-in: only the words tell. */
static enum http_status
reply_forbidden(
    struct reply *reply, const struct app *app, const struct k8s_call *call)
{
	const char *ns = app->settings->kubernetes.namespace_name;

	if (fault_is_account_missing(&call->fault) ||
	    mentions(&call->fault, "being terminated")) {
		retry_after(reply, &call->fault);
		return reply_problem(reply, HTTP_UNAVAILABLE,
		    "the namespace \"%s\" is not ready for sandboxes: %s", ns,
		    call->fault.message);
	}
	if (!mentions(&call->fault, "cannot "))
		return reply_refused_manifest(reply, call);
	return reply_problem(reply, HTTP_BAD_GATEWAY,
	    "Kubernetes does not let us %s %s in namespace \"%s\"; grant it as "
	    "in rbac.yaml: %s",
	    k8s_verb_name(call->verb), call->resource->plural, ns,
	    call->fault.message);
}

/* The API server answered, and said no. */
static enum http_status
reply_status(
    struct reply *reply, const struct app *app, const struct k8s_call *call)
{
	const struct k8s_fault *fault = &call->fault;
	const char *verb = k8s_verb_name(call->verb);
	const char *plural = call->resource->plural;

	if (is_exhausted(fault)) {
		retry_after(reply, fault);
		return reply_problem(reply, HTTP_TOO_MANY_REQUESTS,
		    "the cluster has no room for another sandbox: %s",
		    fault->message);
	}
	switch (fault->http) {
	case 401:
		return reply_problem(reply, HTTP_BAD_GATEWAY,
		    "the API server refuses our credentials (cannot %s %s); "
		    "renew those of the kubeconfig: %s",
		    verb, plural, fault->message);
	case 403:
		return reply_forbidden(reply, app, call);
	case 400:
	case 422:
		return reply_refused_manifest(reply, call);
	case 409:
		retry_after(reply, fault);
		return reply_problem(reply, HTTP_CONFLICT,
		    "the sandbox is being changed by another request: %s",
		    fault->message);
	case 429:
		retry_after(reply, fault);
		return reply_problem(reply, HTTP_TOO_MANY_REQUESTS,
		    "the API server is overloaded: %s", fault->message);
	case 503:
		retry_after(reply, fault);
		return reply_problem(reply, HTTP_UNAVAILABLE,
		    "the API server is not ready (cannot %s %s): %s", verb,
		    plural, fault->message);
	case 504:
		return reply_problem(reply, HTTP_GATEWAY_TIMEOUT,
		    "the API server ran out of time (%s %s): %s", verb, plural,
		    fault->message);
	default:
		return reply_problem(reply, HTTP_BAD_GATEWAY,
		    "the API server failed to %s %s (%d): %s", verb, plural,
		    fault->http, fault->message);
	}
}

enum http_status
reply_fault(
    struct reply *reply, const struct app *app, const struct k8s_call *call)
{
	const struct k8s_fault *fault = &call->fault;
	const char *verb = k8s_verb_name(call->verb);
	const char *plural = call->resource->plural;

	switch (fault->kind) {
	case K8S_FAULT_STATUS:
		return reply_status(reply, app, call);
	case K8S_FAULT_TIMEOUT:
		return reply_problem(reply, HTTP_GATEWAY_TIMEOUT,
		    "no answer from the API server in time (%s %s): %s", verb,
		    plural, fault->message);
	case K8S_FAULT_NONE:
	case K8S_FAULT_MEMORY:
	case K8S_FAULT__MAX:
		return reply_no_memory(reply);
	case K8S_FAULT_UNREACHABLE:
	case K8S_FAULT_TLS:
	case K8S_FAULT_CREDENTIAL:
	case K8S_FAULT_PROTOCOL:
		break;
	}
	return reply_problem(reply, HTTP_BAD_GATEWAY, "cannot %s %s: %s", verb,
	    plural, fault->message);
}

#include "create.h"

#include "app.h"
#include "cluster.h"
#include "creation.h"
#include "fault.h"
#include "names.h"
#include "reply.h"
#include "request.h"
#include "sandbox.h"
#include "settings.h"
#include "shared.h"

#include <json-c/json.h>
#include <string.h>

/* A namespace gets its service account a moment after it was made. */
#define ACCOUNT_WAIT_MS 5000

/* No interleaving that makes sense takes so many steps. */
#define STEPS_MAX 1000

/* Makes the missing namespace, once; true = the Pod is worth another try. */
static bool
mend_namespace(struct creation *creation, struct k8s_call *refused)
{
	struct k8s_call call;

	if (refused->fault.kind != K8S_FAULT_STATUS ||
	    refused->fault.reason != K8S_REASON_NOT_FOUND ||
	    creation->namespace_tried ||
	    !creation->app->settings->kubernetes.create_namespace)
		return false;
	creation->namespace_tried = true;
	if (cluster_ensure_namespace(creation->app, &call)) {
		k8s_call_done(&call);
		return true;
	}
	/* why it cannot be made tells more than that it is missing */
	k8s_call_done(refused);
	*refused = call;
	return false;
}

/* Waits for the namespace's service account; false = waited long enough. */
static bool
await_account(struct creation *creation, const struct k8s_call *refused)
{
	return fault_is_account_missing(&refused->fault) &&
	       creation_wait(
		   creation, &creation->account_deadline, ACCOUNT_WAIT_MS);
}

/*
 * Rights, quotas, admission and validation come before the name: the API server
 * refuses what is there already in the same words as what is not.
 */
static bool
is_judged_first(const struct k8s_fault *fault)
{
	return fault->kind == K8S_FAULT_STATUS &&
	       (fault->http == 400 || fault->http == 403 || fault->http == 422);
}

/*
 * Sent, but the answer was lost: did it arrive? The second time the Pod is not
 * tried again if it did not.
 */
static enum step
pod_maybe_done(struct creation *creation, struct k8s_call *call)
{
	creation_extend_time(creation);
	if (creation->pod_retried || call->fault.kind == K8S_FAULT_TIMEOUT)
		creation_keep_refusal(creation, call);
	else
		(void)pause_until(&creation->pause, &creation->app->deadline);
	creation->pod_retried = true;
	return STEP_LOOK;
}

static enum step
pod_refused(struct creation *creation, struct k8s_call *call)
{
	if (call->fault.reason == K8S_REASON_ALREADY_EXISTS)
		return STEP_LOOK;
	if (call->fault.maybe_done)
		return pod_maybe_done(creation, call);
	/* other creates changed the quota at the same time */
	if (call->fault.reason == K8S_REASON_CONFLICT &&
	    pause_until(&creation->pause, &creation->app->deadline))
		return STEP_POD;
	if (mend_namespace(creation, call) || await_account(creation, call))
		return STEP_POD;
	if (is_judged_first(&call->fault)) {
		creation_keep_refusal(creation, call);
		return STEP_LOOK;
	}
	reply_fault(creation->reply, creation->app, call);
	return STEP_END;
}

static enum step
create_pod(struct creation *creation)
{
	K8S_CLEANUP(k8s_json_putp)
	struct json_object *body = manifest_pod(
	    &creation->spec, creation->app->settings, &creation->origin);
	K8S_CLEANUP(k8s_call_done) struct k8s_call call = { 0 };

	if (body == NULL) {
		reply_no_memory(creation->reply);
		return STEP_END;
	}
	atomic_store(&creation->app->slot->waiting, false);
	if (cluster_create(creation->app, &call, &k8s_pods, body)) {
		creation_own(creation, call.object, true);
		return STEP_SERVICE;
	}
	return pod_refused(creation, &call);
}

static enum step
create_service(struct creation *creation)
{
	K8S_CLEANUP(k8s_json_putp)
	struct json_object *body =
	    manifest_service(&creation->spec, creation->app->settings,
		&creation->origin, object_uid(creation->pod));
	K8S_CLEANUP(k8s_call_done) struct k8s_call call = { 0 };

	if (body == NULL)
		call.fault.kind = K8S_FAULT_MEMORY;
	else if (cluster_create(creation->app, &call, &k8s_services, body))
		return creation_answer(
		    creation, HTTP_CREATED, creation->pod, call.object);
	call.resource = &k8s_services;
	creation_keep_refusal(creation, &call);
	return STEP_SETTLE;
}

static enum step
perform(struct creation *creation, enum step step)
{
	switch (step) {
	case STEP_POD:
		return create_pod(creation);
	case STEP_SERVICE:
		return create_service(creation);
	case STEP_LOOK:
		return creation_look(creation);
	case STEP_SETTLE:
		return creation_settle(creation);
	case STEP_END:
		break;
	}
	return STEP_END;
}

/*
 * The time is over. A Pod of ours without a Service is finished or taken back
 * before we say so.
 */
static void
give_up(struct creation *creation)
{
	struct k8s_call late = { .verb = K8S_CREATE,
		.resource = &k8s_services,
		.fault = { .kind = K8S_FAULT_TIMEOUT,
		    .message = "the request's time is over" } };
	enum step step = STEP_END;

	if (creation->made_pod) {
		if (creation->refusal.fault.kind == K8S_FAULT_NONE)
			creation_keep_refusal(creation, &late);
		do
			step = creation_settle(creation);
		while (step == STEP_SETTLE);
	} else {
		step = STEP_LOOK;
	}
	if (step != STEP_END)
		reply_problem(creation->reply, HTTP_GATEWAY_TIMEOUT,
		    "sandbox %s did not come to rest in time; try again",
		    creation->spec.sandbox_id);
}

enum http_status
sandbox_create(
    struct app *app, const struct request *request, struct reply *reply)
{
	struct creation creation = {
		.app = app,
		.reply = reply,
		.origin = { request->id, request->key_name },
	};
	enum http_status status = spec_parse(&creation.spec, app->settings,
	    request->body, request->body_length, reply);
	enum step step = status == HTTP_OK ? STEP_POD : STEP_END;

	for (int i = 0; step != STEP_END; i++) {
		if (i == STEPS_MAX ||
		    k8s_deadline_left_ms(&app->deadline) == 0) {
			give_up(&creation);
			break;
		}
		step = perform(&creation, step);
	}
	atomic_store(&app->slot->waiting, false);
	json_object_put(creation.pod);
	creation_forget_refusal(&creation);
	spec_done(&creation.spec);
	return reply->status;
}

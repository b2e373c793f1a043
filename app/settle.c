#include "app.h"
#include "cluster.h"
#include "creation.h"
#include "fault.h"
#include "log.h"
#include "names.h"
#include "reply.h"

#include <string.h>

/* A Pod that starts changes a few times a second; then we have been unlucky. */
#define SETTLES_MAX 20

/*
 * Ends with why the Service was refused; that it was there already explains
 * nothing, so then a problem met since stands.
 */
static enum step
fail(struct creation *creation)
{
	const struct k8s_call *refusal = &creation->refusal;

	if (refusal->fault.reason == K8S_REASON_ALREADY_EXISTS &&
	    creation->reply->length > 0)
		return STEP_END;
	reply_clear_headers(creation->reply);
	reply_fault(creation->reply, creation->app, refusal);
	return STEP_END;
}

static enum step
left_behind(struct creation *creation, const char *why)
{
	log_warn("sandbox %s is left without a Service (%s): the next POST or "
		 "DELETE of it mends that",
	    creation->spec.sandbox_id, why);
	return fail(creation);
}

static enum step
try_service_again(struct creation *creation)
{
	creation_forget_refusal(creation);
	(void)pause_until(&creation->pause, &creation->app->deadline);
	return STEP_SERVICE;
}

static bool
is_our_pod(const struct creation *creation, const struct pair *pair)
{
	return pair->pod != NULL &&
	       strcmp(object_uid(pair->pod), object_uid(creation->pod)) == 0;
}

/*
 * Owned by our Pod, or made for it by a provisioner that records neither owner
 * nor request: such a one of a former Pod is older.
 */
static bool
completes(struct json_object *service, struct json_object *pod)
{
	const char *request = k8s_json_string(
	    service, "metadata.annotations[" ANNOTATION_REQUEST_ID "]");

	return service_is_owned(service, object_uid(pod)) ||
	       (service_belongs(service, object_uid(pod)) && request == NULL &&
		   !object_is_older(service, pod));
}

/* Deletes the Pod that this request made, unless somebody else has it now. */
static enum step
roll_back(struct creation *creation, const struct pair *pair)
{
	K8S_CLEANUP(k8s_call_done) struct k8s_call call = { 0 };

	if (!creation->made_pod || !creation_is_mine(creation, pair->pod))
		return left_behind(
		    creation, "the Pod was there before this request");
	if (!cluster_delete_unchanged(
		creation->app, &call, creation->spec.sandbox_id, pair->pod))
		return call.fault.reason == K8S_REASON_CONFLICT
			   ? STEP_SETTLE
			   : left_behind(creation, call.fault.message);
	if (pair->service_found == FOUND_FOREIGN)
		return creation_conflict(creation,
		    "cannot be made: a Service that is not a sandbox's has its "
		    "name");
	return fail(creation);
}

/* A Service of ours is there: it completes the sandbox, or makes way. */
static enum step
settle_with_service(struct creation *creation, const struct pair *pair)
{
	bool same;

	if (completes(pair->service, pair->pod))
		return creation_answer(creation,
		    creation_is_mine(creation, pair->service) ? HTTP_CREATED
							      : HTTP_OK,
		    pair->pod, pair->service);
	if (object_is_terminating(pair->service))
		return try_service_again(creation);
	/* read after it, the Pod tells whether the Service is a newer one's */
	if (cluster_confirm_pod(creation->app, creation->spec.sandbox_id,
		object_uid(pair->pod), &same, creation->reply) != HTTP_OK)
		return left_behind(creation, creation->reply->cause);
	if (!same) {
		creation_forget_refusal(creation);
		return STEP_LOOK;
	}
	if (cluster_delete(creation->app, creation->spec.sandbox_id, NULL,
		pair->service, creation->reply) != HTTP_OK)
		return roll_back(creation, pair);
	return try_service_again(creation);
}

static bool
is_worth_retrying(struct creation *creation)
{
	const struct k8s_fault *fault = &creation->refusal.fault;

	/* it has gone since, or other creates changed the quota meanwhile */
	if (fault->reason == K8S_REASON_ALREADY_EXISTS ||
	    fault->reason == K8S_REASON_CONFLICT)
		return true;
	if (!fault->maybe_done || creation->service_retried ||
	    fault->kind == K8S_FAULT_TIMEOUT)
		return false;
	creation->service_retried = true;
	return true;
}

enum step
creation_settle(struct creation *creation)
{
	PAIR_CLEANUP struct pair pair = { 0 };

	creation_extend_time(creation);
	if (creation->settles++ == SETTLES_MAX)
		return left_behind(creation, "it keeps changing");
	if (pair_read(&pair, creation->app, creation->spec.sandbox_id,
		creation->reply) != HTTP_OK)
		return left_behind(creation, creation->reply->cause);
	if (!is_our_pod(creation, &pair) || object_is_terminating(pair.pod)) {
		/* deleted meanwhile: what is there now decides */
		if (creation->refusal.fault.reason != K8S_REASON_ALREADY_EXISTS)
			return fail(creation);
		creation_forget_refusal(creation);
		return STEP_LOOK;
	}
	if (pair.service_found == FOUND_OURS)
		return settle_with_service(creation, &pair);
	if (pair.service == NULL && is_worth_retrying(creation))
		return try_service_again(creation);
	return roll_back(creation, &pair);
}

#include "app.h"
#include "cluster.h"
#include "creation.h"
#include "fault.h"
#include "log.h"
#include "reply.h"

#include <string.h>

/* Cleaning up may take this long although the request's time is over. */
#define SETTLE_MS 2000

/* A Pod that starts changes a few times a second; then we have been unlucky. */
#define ROLL_BACK_TRIES 20

/* Gives the clean-up a deadline of its own when the request's is near. */
static void
extend_deadline(struct creation *creation)
{
	struct timespec *deadline = &creation->app->deadline;

	if (!creation->time_extended &&
	    k8s_deadline_left_ms(deadline) < SETTLE_MS)
		*deadline = k8s_deadline_in(SETTLE_MS);
	creation->time_extended = true;
}

static enum step
fail(struct creation *creation, const struct k8s_call *refused)
{
	reply_clear_headers(creation->reply); /* of a failed look meanwhile */
	reply_fault(creation->reply, creation->app, refused);
	return STEP_END;
}

static enum step
left_behind(
    struct creation *creation, const struct k8s_call *refused, const char *why)
{
	log_warn("sandbox %s is left without a Service (%s): the next POST or "
		 "DELETE of it mends that",
	    creation->spec.sandbox_id, why);
	return fail(creation, refused);
}

static bool
is_our_pod(const struct creation *creation, const struct pair *pair)
{
	return pair->pod != NULL &&
	       strcmp(object_uid(pair->pod), object_uid(creation->pod)) == 0;
}

/*
 * The Service is there: owned by our Pod it completes the sandbox; a stale one
 * of a former Pod makes way.
 */
static enum step
settle_with_service(struct creation *creation, const struct pair *pair)
{
	if (service_is_owned(pair->service, object_uid(creation->pod)))
		return creation_answer(creation,
		    creation_is_mine(creation, pair->service) ? HTTP_CREATED
							      : HTTP_OK,
		    pair->pod, pair->service);
	if (object_is_terminating(pair->service)) {
		(void)pause_until(&creation->pause, &creation->app->deadline);
		return STEP_SERVICE;
	}
	if (cluster_delete(creation->app, creation->spec.sandbox_id, NULL,
		pair->service, creation->reply) != HTTP_OK)
		return STEP_END;
	return STEP_SERVICE;
}

/* Deletes the Pod that this request made, unless somebody else has it now. */
static bool
roll_back(struct creation *creation, struct json_object *pod, bool *again)
{
	K8S_CLEANUP(k8s_call_done) struct k8s_call call = { 0 };

	*again = false;
	if (!creation->made_pod || !creation_is_mine(creation, pod))
		return true;
	if (cluster_delete_unchanged(
		creation->app, &call, creation->spec.sandbox_id, pod))
		return true;
	*again = call.fault.reason == K8S_REASON_CONFLICT;
	return false;
}

static bool
is_worth_retrying(struct creation *creation, const struct k8s_call *refused)
{
	if (refused->fault.reason == K8S_REASON_ALREADY_EXISTS)
		return true;
	if (!refused->fault.maybe_done || creation->service_retried ||
	    refused->fault.kind == K8S_FAULT_TIMEOUT)
		return false;
	creation->service_retried = true;
	return true;
}

/* One look; true = look again, false = *step is what follows. */
static bool
settle_once(
    struct creation *creation, const struct k8s_call *refused, enum step *step)
{
	PAIR_CLEANUP struct pair pair = { 0 };
	bool again;

	if (pair_read(&pair, creation->app, creation->spec.sandbox_id,
		creation->reply) != HTTP_OK) {
		*step = left_behind(creation, refused, creation->reply->cause);
		return false;
	}
	if (!is_our_pod(creation, &pair) || object_is_terminating(pair.pod)) {
		/* deleted meanwhile: what is there now decides */
		*step = refused->fault.reason == K8S_REASON_ALREADY_EXISTS
			    ? STEP_LOOK
			    : fail(creation, refused);
		return false;
	}
	if (pair.service_found == FOUND_OURS) {
		*step = settle_with_service(creation, &pair);
		return false;
	}
	if (pair.service == NULL && is_worth_retrying(creation, refused)) {
		*step = STEP_SERVICE;
		return false;
	}
	if (!roll_back(creation, pair.pod, &again)) {
		if (again)
			return true;
		*step = left_behind(creation, refused, "cannot delete its Pod");
		return false;
	}
	if (pair.service_found == FOUND_FOREIGN) {
		reply_problem(creation->reply, HTTP_CONFLICT,
		    "sandbox %s cannot be made: a Service that is not a "
		    "sandbox's has its name",
		    creation->spec.sandbox_id);
		*step = STEP_END;
	} else {
		*step = fail(creation, refused);
	}
	return false;
}

enum step
creation_settle(struct creation *creation, const struct k8s_call *refused)
{
	enum step step = STEP_END;

	extend_deadline(creation);
	for (int i = 0; i < ROLL_BACK_TRIES; i++)
		if (!settle_once(creation, refused, &step))
			return step;
	return left_behind(creation, refused, "its Pod keeps changing");
}

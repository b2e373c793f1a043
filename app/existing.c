#include "app.h"
#include "cluster.h"
#include "creation.h"
#include "fault.h"
#include "reply.h"
#include "sandbox.h"
#include "settings.h"
#include "shared.h"

#include <string.h>

/* A Pod without Service: how long its maker is given before we take over. */
#define MAKER_WAIT_MS 1000

/* How long a POST waits for the former sandbox of its id to be gone. */
#define TERMINATE_WAIT_MS 20000

/* Seconds that a client is asked to wait for a terminating sandbox. */
#define TERMINATE_RETRY_S 5

/* Of the workers for writing, this part may wait for terminating sandboxes. */
#define WAITERS_PART 4

static enum step
conflict_for_now(struct creation *creation, const char *why)
{
	reply_header(creation->reply, "Retry-After", "%d", TERMINATE_RETRY_S);
	return creation_conflict(creation, why);
}

/* Registers this worker as one that waits; false = enough of them do. */
static bool
may_wait(struct creation *creation)
{
	struct app *app = creation->app;
	size_t part = (size_t)app->settings->server.writers / WAITERS_PART;
	size_t limit = part == 0 ? 1 : part;

	if (atomic_load(&app->slot->waiting))
		return true;
	if (shared_waiting(app->shared) >= limit)
		return false;
	atomic_store(&app->slot->waiting, true);
	if (shared_waiting(app->shared) <= limit)
		return true;
	atomic_store(&app->slot->waiting, false); /* another was faster */
	return false;
}

static enum step
await_end(struct creation *creation)
{
	creation_forget_refusal(creation);
	if (!may_wait(creation))
		return conflict_for_now(creation,
		    "is still being deleted, and enough requests wait for "
		    "such already");
	if (!creation_wait(
		creation, &creation->terminate_deadline, TERMINATE_WAIT_MS))
		return conflict_for_now(creation, "is still being deleted");
	return STEP_LOOK;
}

/* An identity that is not recorded fits everybody: the sandbox is adopted. */
static bool
is_for(const struct sandbox *sandbox, const struct sandbox_spec *spec)
{
	return (sandbox->user_id[0] == '\0' ||
		   strcmp(sandbox->user_id, spec->user_id) == 0) &&
	       (sandbox->thread_id[0] == '\0' ||
		   strcmp(sandbox->thread_id, spec->thread_id) == 0);
}

static bool
has_capacity(const struct sandbox *sandbox, const struct sandbox_spec *spec)
{
	long long sessions = sandbox->max_shell_sessions != 0
				 ? sandbox->max_shell_sessions
				 : SHELL_SESSIONS_DEFAULT;

	return sessions >= spec->max_shell_sessions;
}

/* Makes the Pod ours to finish, unless it has changed since we saw it. */
static bool
claim(struct creation *creation, struct json_object *pod, struct k8s_call *call)
{
	const char *version = k8s_json_string(pod, "metadata.resourceVersion");
	K8S_CLEANUP(k8s_json_putp)
	struct json_object *patch =
	    manifest_claim(&creation->spec, &creation->origin, version);

	if (patch == NULL) {
		call->fault.kind = K8S_FAULT_MEMORY;
		return false;
	}

	creation->claim_tried = true;

	bool claimed = cluster_patch_pod(
	    creation->app, call, creation->spec.sandbox_id, patch);

	call->body = NULL;
	return claimed;
}

/* Changed, gone or half-known: look again; else the claim cannot be had. */
static enum step
claim_failed(struct creation *creation, const struct k8s_call *call)
{
	if (call->fault.reason == K8S_REASON_CONFLICT ||
	    call->fault.reason == K8S_REASON_NOT_FOUND ||
	    (call->fault.maybe_done && call->fault.kind != K8S_FAULT_TIMEOUT)) {
		(void)pause_until(&creation->pause, &creation->app->deadline);
		return STEP_LOOK;
	}
	reply_fault(creation->reply, creation->app, call);
	return STEP_END;
}

/* Its maker may be about to create the Service; if not, we do. */
static enum step
finish(struct creation *creation, struct json_object *pod)
{
	K8S_CLEANUP(k8s_call_done) struct k8s_call call = { 0 };

	if (creation_wait(creation, &creation->maker_deadline, MAKER_WAIT_MS))
		return STEP_LOOK;
	if (!claim(creation, pod, &call))
		return claim_failed(creation, &call);
	creation_own(creation, call.object, false);
	return STEP_SERVICE;
}

/* Complete, but made by a provisioner that records no identity. */
static enum step
adopt(struct creation *creation, const struct pair *pair)
{
	K8S_CLEANUP(k8s_call_done) struct k8s_call call = { 0 };

	if (!claim(creation, pair->pod, &call))
		return claim_failed(creation, &call);
	return creation_answer(creation, HTTP_OK, call.object, pair->service);
}

/* Deletes by UID, then looks again. */
static enum step
clear(struct creation *creation, struct json_object *pod,
    struct json_object *service)
{
	if (cluster_delete(creation->app, creation->spec.sandbox_id, pod,
		service, creation->reply) != HTTP_OK)
		return STEP_END;
	creation_forget_refusal(creation);
	return STEP_LOOK;
}

/* The Service is of another Pod: a former one's makes way, a newer one's not.
 */
static enum step
clear_stale_service(struct creation *creation, const struct pair *pair)
{
	bool same;

	/* read after the Service, the Pod tells */
	if (cluster_confirm_pod(creation->app, creation->spec.sandbox_id,
		object_uid(pair->pod), &same, creation->reply) != HTTP_OK)
		return STEP_END;
	return same ? clear(creation, NULL, pair->service) : STEP_LOOK;
}

/* The Pod is ours and lives: is it what the request wants? */
static enum step
judge(struct creation *creation, const struct pair *pair)
{
	struct sandbox sandbox;

	sandbox_of_pod(&sandbox, pair->pod);
	if (!is_for(&sandbox, &creation->spec))
		return creation_conflict(
		    creation, "belongs to another user or thread");
	if (sandbox.status == SANDBOX_FAILED ||
	    sandbox.status == SANDBOX_SUCCEEDED)
		return clear(creation, pair->pod, pair->service);
	if (!has_capacity(&sandbox, &creation->spec)) {
		reply_problem(creation->reply, HTTP_CONFLICT,
		    "Existing sandbox shell capacity is below the requested "
		    "value; replacement must be coordinated by the Gateway");
		return STEP_END;
	}
	if (pair->service == NULL)
		return finish(creation, pair->pod);
	if (object_is_terminating(pair->service))
		return await_end(creation);
	if (!service_belongs(pair->service, sandbox.uid))
		return clear_stale_service(creation, pair);
	if (sandbox.user_id[0] == '\0' || sandbox.thread_id[0] == '\0')
		return adopt(creation, pair);
	return creation_answer(creation, HTTP_OK, pair->pod, pair->service);
}

/* The Pod was refused and nothing is there; or the look itself failed. */
static enum step
refused(struct creation *creation)
{
	if (creation->refusal.fault.kind != K8S_FAULT_NONE) {
		reply_clear_headers(creation->reply);
		reply_fault(creation->reply, creation->app, &creation->refusal);
	}
	return STEP_END;
}

enum step
creation_look(struct creation *creation)
{
	PAIR_CLEANUP struct pair pair = { 0 };

	if (pair_read(&pair, creation->app, creation->spec.sandbox_id,
		creation->reply) != HTTP_OK)
		return refused(creation);
	if (pair.pod_found == FOUND_FOREIGN)
		return creation_conflict(creation,
		    "cannot be made: a Pod that is not a sandbox has its name");
	if (pair.service_found == FOUND_FOREIGN)
		return creation_conflict(creation,
		    "cannot be made: a Service that is not a sandbox's has its "
		    "name");
	if (pair.pod == NULL)
		return creation->refusal.fault.kind != K8S_FAULT_NONE
			   ? refused(creation)
			   : STEP_POD;
	if (object_is_terminating(pair.pod))
		return await_end(creation);
	/* the answer to our own create was lost */
	if (creation_is_mine(creation, pair.pod) && pair.service == NULL) {
		creation_own(creation, pair.pod, !creation->claim_tried);
		return STEP_SERVICE;
	}
	return judge(creation, &pair);
}

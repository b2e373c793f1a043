#include "creation.h"

#include "app.h"
#include "names.h"
#include "reply.h"
#include "sandbox.h"

#include <json-c/json.h>
#include <string.h>

#define EXTENSION_MS 2000 /* a few calls */
#define ANSWER_MS    500  /* of the deadline are kept for the answer */

void
creation_own(struct creation *creation, struct json_object *pod, bool made)
{
	struct json_object *former = creation->pod;

	creation->pod = json_object_get(pod);
	creation->made_pod = made;
	json_object_put(former);
	creation_forget_refusal(creation); /* of the Pod, before it was there */
}

bool
creation_is_mine(const struct creation *creation, struct json_object *object)
{
	const char *id = k8s_json_string(
	    object, "metadata.annotations[" ANNOTATION_REQUEST_ID "]");

	return id != NULL && strcmp(id, creation->origin.request_id) == 0;
}

enum step
creation_answer(struct creation *creation, enum http_status status,
    struct json_object *pod, struct json_object *service)
{
	struct sandbox sandbox;

	sandbox_of_pod(&sandbox, pod);
	if (!sandbox_port_of(&sandbox.port, service)) {
		reply_problem(creation->reply, HTTP_BAD_GATEWAY,
		    "the Service of sandbox %s has no port: delete the sandbox "
		    "and create it again",
		    creation->spec.sandbox_id);
		return STEP_END;
	}
	reply_clear_headers(creation->reply);
	if (status == HTTP_CREATED)
		reply_header(creation->reply, "Location", "/api/sandboxes/%s",
		    creation->spec.sandbox_id);
	reply_json(creation->reply, status,
	    sandbox_json(&sandbox, creation->app->settings));
	return STEP_END;
}

void
creation_keep_refusal(struct creation *creation, struct k8s_call *call)
{
	creation_forget_refusal(creation);
	creation->refusal = *call;
	*call = (struct k8s_call){ 0 };
}

void
creation_forget_refusal(struct creation *creation)
{
	k8s_call_done(&creation->refusal);
	creation->refusal = (struct k8s_call){ 0 };
}

void
creation_extend_time(struct creation *creation)
{
	struct timespec *deadline = &creation->app->deadline;

	if (creation->time_extended ||
	    k8s_deadline_left_ms(deadline) >= EXTENSION_MS)
		return;
	*deadline = k8s_deadline_in(EXTENSION_MS);
	creation->time_extended = true;
}

enum step
creation_conflict(struct creation *creation, const char *why)
{
	reply_problem(creation->reply, HTTP_CONFLICT, "sandbox %s %s",
	    creation->spec.sandbox_id, why);
	return STEP_END;
}

bool
creation_wait(struct creation *creation, struct timespec *deadline, long ms)
{
	long left_ms =
	    k8s_deadline_left_ms(&creation->app->deadline) - ANSWER_MS;

	if (deadline->tv_sec == 0)
		*deadline = k8s_deadline_in(left_ms < 0    ? 0
					    : left_ms < ms ? left_ms
							   : ms);
	return pause_until(&creation->pause, deadline);
}

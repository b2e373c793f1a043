#include "pod_status.h"

#include "k8s.h"
#include "text.h"

#include <json-c/json.h>
#include <string.h>

/* What was found so far; borrowed from the Pod, NULL = nothing. */
struct explanation {
	const char *reason, *message;
};

static bool
is_text(const char *text, const char *expected)
{
	return text != NULL && strcmp(text, expected) == 0;
}

static struct json_object *
condition_find(struct json_object *pod, const char *type)
{
	return k8s_json_item(pod, "status.conditions", "type", type);
}

bool
pod_is_ready(struct json_object *pod)
{
	return is_text(
	    k8s_json_string(condition_find(pod, "Ready"), "status"), "True");
}

/*
 * One container: what it waits for, unless that is the ordinary start; a crash
 * loop is explained by how the last run ended.
 */
static struct explanation
explain_container(struct json_object *status)
{
	struct json_object *waiting = k8s_json_map(status, "state.waiting");
	struct json_object *ended = k8s_json_map(status, "state.terminated");
	struct json_object *last = k8s_json_map(status, "lastState.terminated");
	const char *reason = k8s_json_string(waiting, "reason");
	const char *died = k8s_json_string(last, "reason");

	if (is_text(reason, "CrashLoopBackOff") && is_text(died, "OOMKilled"))
		return (struct explanation){ died,
			k8s_json_string(waiting, "message") };
	if (reason != NULL)
		return (struct explanation){ reason,
			k8s_json_string(waiting, "message") };
	if (k8s_json_string(ended, "reason") != NULL)
		return (struct explanation){ k8s_json_string(ended, "reason"),
			k8s_json_string(ended, "message") };
	return (struct explanation){ 0 };
}

static bool
is_ordinary(const char *reason)
{
	return is_text(reason, "ContainerCreating") ||
	       is_text(reason, "PodInitializing") ||
	       is_text(reason, "Completed");
}

/* The first container with a trouble, else the first that says anything. */
static struct explanation
explain_containers(struct json_object *pod)
{
	static const char *const lists[] = { "status.initContainerStatuses",
		"status.containerStatuses" };
	struct explanation found = { 0 };

	for (size_t list = 0; list < 2; list++) {
		struct json_object *statuses = k8s_json_array(pod, lists[list]);

		for (size_t i = 0; i < k8s_json_length(pod, lists[list]); i++) {
			struct explanation one = explain_container(
			    json_object_array_get_idx(statuses, i));

			if (one.reason != NULL && !is_ordinary(one.reason))
				return one;
			/* an init container that is done explains nothing */
			if (one.reason != NULL &&
			    (list == 1 || !is_text(one.reason, "Completed")))
				found = one;
		}
	}
	return found;
}

/* Scheduling comes first: until it is done the other conditions say nothing. */
static struct explanation
explain_conditions(struct json_object *pod)
{
	static const char *const types[] = { "PodScheduled", "Initialized",
		"ContainersReady", "Ready" };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct json_object *condition = condition_find(pod, types[i]);

		if (is_text(k8s_json_string(condition, "status"), "False") &&
		    k8s_json_string(condition, "reason") != NULL)
			return (struct explanation){ k8s_json_string(
							 condition, "reason"),
				k8s_json_string(condition, "message") };
	}
	return (struct explanation){ 0 };
}

static struct explanation
explain(struct json_object *pod)
{
	struct explanation own = { k8s_json_string(pod, "status.reason"),
		k8s_json_string(pod, "status.message") };
	struct explanation scheduling = { 0 };
	struct json_object *scheduled = condition_find(pod, "PodScheduled");

	if (own.reason != NULL)
		return own;
	if (is_text(k8s_json_string(scheduled, "status"), "False"))
		scheduling = explain_conditions(pod);
	if (scheduling.reason != NULL)
		return scheduling;

	struct explanation containers = explain_containers(pod);

	return containers.reason != NULL ? containers : explain_conditions(pod);
}

void
pod_explain(struct json_object *pod, char *reason, size_t reason_size,
    char *message, size_t message_size)
{
	struct explanation found = explain(pod);

	text_copy(reason, reason_size, found.reason);
	text_copy(message, message_size, found.message);
}

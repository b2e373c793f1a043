#include "status.h"

#include "json.h"
#include "message.h"

#include <limits.h>
#include <string.h>

/* Of a body that is no Status, e.g. a proxy's or the server's overload text. */
#define BODY_SHOWN 200

static const struct {
	const char *name;
	enum k8s_reason reason;
} reasons[] = {
	{ "Unauthorized", K8S_REASON_UNAUTHORIZED },
	{ "Forbidden", K8S_REASON_FORBIDDEN },
	{ "NotFound", K8S_REASON_NOT_FOUND },
	{ "AlreadyExists", K8S_REASON_ALREADY_EXISTS },
	{ "Conflict", K8S_REASON_CONFLICT },
	{ "Gone", K8S_REASON_GONE },
	{ "Invalid", K8S_REASON_INVALID },
	{ "ServerTimeout", K8S_REASON_SERVER_TIMEOUT },
	{ "Timeout", K8S_REASON_TIMEOUT },
	{ "TooManyRequests", K8S_REASON_TOO_MANY_REQUESTS },
	{ "BadRequest", K8S_REASON_BAD_REQUEST },
	{ "MethodNotAllowed", K8S_REASON_METHOD_NOT_ALLOWED },
	{ "InternalError", K8S_REASON_INTERNAL_ERROR },
	{ "Expired", K8S_REASON_EXPIRED },
	{ "ServiceUnavailable", K8S_REASON_SERVICE_UNAVAILABLE },
};

static enum k8s_reason
reason_of(const char *name)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (name != NULL && strcmp(reasons[i].name, name) == 0)
			return reasons[i].reason;
	return K8S_REASON_UNKNOWN;
}

/*
 * Without a Status only those codes that mean the same whoever says them; a
 * bare 404 may be a wrong path and must not pass for an object's absence.
 */
static enum k8s_reason
reason_of_code(int http)
{
	switch (http) {
	case 401:
		return K8S_REASON_UNAUTHORIZED;
	case 429:
		return K8S_REASON_TOO_MANY_REQUESTS;
	case 503:
		return K8S_REASON_SERVICE_UNAVAILABLE;
	default:
		return K8S_REASON_UNKNOWN;
	}
}

bool
k8s_status_is(struct json_object *object)
{
	const char *kind = k8s_json_string(object, "kind");

	return kind != NULL && strcmp(kind, "Status") == 0;
}

static void
status_read(struct k8s_fault *fault, struct json_object *status)
{
	struct json_object *message = k8s_json_find(status, "message");
	long long seconds =
	    k8s_json_int(status, "details.retryAfterSeconds", 0);

	fault->reason = reason_of(k8s_json_string(status, "reason"));
	if (seconds > 0 && seconds < INT_MAX && fault->retry_after_s == 0)
		fault->retry_after_s = (int)seconds;
	if (json_object_is_type(message, json_type_string))
		k8s_message_copy(fault->message, sizeof(fault->message),
		    json_object_get_string(message),
		    (size_t)json_object_get_string_len(message));
}

static void
other_read(struct k8s_fault *fault, const char *text, const char *server)
{
	size_t length = strlen(text);

	while (length > 0 && strchr(" \r\n\t", text[length - 1]) != NULL)
		length--;
	fault->reason = reason_of_code(fault->http);
	if (length == 0 || text[0] == '<')
		k8s_fault_set(fault, K8S_FAULT_STATUS,
		    "%s answered HTTP %d without a Kubernetes Status", server,
		    fault->http);
	else
		k8s_fault_set(fault, K8S_FAULT_STATUS,
		    "%s answered HTTP %d without a Kubernetes Status: %.*s",
		    server, fault->http,
		    (int)(length < BODY_SHOWN ? length : BODY_SHOWN), text);
}

void
k8s_status_fault(struct k8s_fault *fault, int http, int retry_after_s,
    struct json_object *object, const char *text, const char *server)
{
	fault->kind = K8S_FAULT_STATUS;
	fault->http = http;
	fault->retry_after_s = retry_after_s;
	fault->message[0] = '\0';
	if (!k8s_status_is(object)) {
		other_read(fault, text, server);
		return;
	}
	status_read(fault, object);
	if (fault->message[0] == '\0')
		k8s_fault_set(fault, K8S_FAULT_STATUS,
		    "%s answered HTTP %d without a message", server, http);
}

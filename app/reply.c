#include "reply.h"

#include "k8s.h"
#include "text.h"
#include "tree.h"

#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JSON_FLAGS (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

void
reply_init(struct reply *reply, const char *request_id)
{
	*reply = (struct reply){
		.request_id = request_id,
		.status = HTTP_INTERNAL_ERROR,
		.content_type = "application/json",
	};
}

void
reply_done(struct reply *reply)
{
	free(reply->text);
	reply->text = NULL;
	reply->length = reply->capacity = 0;
}

void
reply_clear_headers(struct reply *reply)
{
	reply->header_count = 0;
}

void
reply_header(struct reply *reply, const char *name, const char *format, ...)
{
	va_list arguments;

	if (reply->header_count == REPLY_HEADERS_MAX)
		return;

	size_t at = reply->header_count++;

	reply->headers[at].name = name;
	va_start(arguments, format);
	vsnprintf(reply->headers[at].value, sizeof(reply->headers[at].value),
	    format, arguments);
	va_end(arguments);
}

bool
reply_append(struct reply *reply, const char *text, size_t length)
{
	if (length > REPLY_TEXT_MAX - reply->length)
		return false;
	if (length > reply->capacity - reply->length) {
		size_t capacity = reply->capacity == 0 ? 1024 : reply->capacity;

		while (capacity < reply->length + length)
			capacity *= 2;

		char *grown = realloc(reply->text, capacity);

		if (grown == NULL)
			return false;
		reply->text = grown;
		reply->capacity = capacity;
	}
	memcpy(reply->text + reply->length, text, length);
	reply->length += length;
	return true;
}

bool
reply_append_json(struct reply *reply, struct json_object *value)
{
	K8S_CLEANUP(k8s_json_putp) struct json_object *owned = value;
	size_t length;

	if (owned == NULL)
		return false;

	const char *text =
	    json_object_to_json_string_length(owned, JSON_FLAGS, &length);

	return text != NULL && reply_append(reply, text, length);
}

enum http_status
reply_text(struct reply *reply, enum http_status status)
{
	reply->status = status;
	return status;
}

/* Replaces the body; false = no memory, and then says so. */
static bool
put(struct reply *reply, struct json_object *body)
{
	reply->length = 0;
	if (reply_append_json(reply, body))
		return true;
	reply_no_memory(reply);
	return false;
}

enum http_status
reply_json(
    struct reply *reply, enum http_status status, struct json_object *body)
{
	if (!put(reply, body))
		return reply->status;
	reply->content_type = "application/json";
	reply->cause[0] = '\0';
	return reply_text(reply, status);
}

/* `errors` may be absent; consumed. */
static enum http_status
problem(struct reply *reply, enum http_status status, const char *detail,
    struct json_object *errors)
{
	snprintf(reply->cause, sizeof(reply->cause), "%s", detail);
	if (!put(reply,
		MAP({ "type", TEXT("about:blank") },
		    { "title", TEXT(http_status_title(status)) },
		    { "status", INT(status) }, { "detail", TEXT(detail) },
		    { "request_id", tree_text_or_null(reply->request_id) },
		    { "errors", errors })))
		return reply->status;
	reply->content_type = "application/problem+json";
	return reply_text(reply, status);
}

enum http_status
reply_problem(
    struct reply *reply, enum http_status status, const char *format, ...)
{
	char detail[K8S_MESSAGE_MAX + 512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(detail, sizeof(detail), format, arguments);
	va_end(arguments);
	text_mend_end(detail);
	return problem(reply, status, detail, tree_absent());
}

void
reply_errors_add(
    struct reply_errors *errors, const char *field, const char *rule)
{
	if (rule == NULL || errors->failed)
		return;
	if (errors->list == NULL)
		errors->list = EMPTY_LIST();
	errors->failed = !tree_append(errors->list,
	    MAP({ "field", TEXT(field) }, { "message", TEXT(rule) }));
}

/* "field: rule; field: rule", as much as fits. */
static void
summarise(struct json_object *errors, char *detail, size_t size)
{
	size_t count = json_object_array_length(errors);
	size_t length = 0;

	for (size_t i = 0; i < count && length < size; i++) {
		struct json_object *error =
		    json_object_array_get_idx(errors, i);

		length +=
		    (size_t)snprintf(detail + length, size - length, "%s%s: %s",
			i == 0 ? "" : "; ", k8s_json_string(error, "field"),
			k8s_json_string(error, "message"));
	}
	text_mend_end(detail);
}

enum http_status
reply_errors(struct reply *reply, struct reply_errors *errors)
{
	char detail[K8S_MESSAGE_MAX];
	struct json_object *list = errors->list;
	const bool failed = errors->failed;

	*errors = (struct reply_errors){ 0 };
	if (failed) {
		json_object_put(list);
		return reply_no_memory(reply);
	}
	if (list == NULL)
		return HTTP_OK;
	summarise(list, detail, sizeof(detail));
	return problem(reply, HTTP_UNPROCESSABLE, detail, list);
}

enum http_status
reply_invalid(struct reply *reply, const char *field, const char *rule)
{
	struct reply_errors errors = { 0 };

	reply_errors_add(&errors, field, rule);
	return reply_errors(reply, &errors);
}

enum http_status
reply_no_memory(struct reply *reply)
{
	static const char body[] =
	    "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\","
	    "\"status\":503,\"detail\":\"out of memory\"}";

	snprintf(reply->cause, sizeof(reply->cause), "out of memory");
	free(reply->text);
	/* A literal could not be freed; an empty body is still an answer. */
	reply->text = strdup(body);
	reply->length = reply->text == NULL ? 0 : sizeof(body) - 1;
	reply->capacity = reply->length;
	reply->content_type = "application/problem+json";
	return reply_text(reply, HTTP_UNAVAILABLE);
}

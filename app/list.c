#include "query.h"

#include "app.h"
#include "cluster.h"
#include "fault.h"
#include "names.h"
#include "reply.h"
#include "request.h"
#include "sandbox.h"
#include "settings.h"
#include "text.h"
#include "tree.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT_MAX    1000
#define CONTINUE_MAX 2048 /* bytes of Kubernetes' continue token */
#define FILTER_MAX   128

/* Tokens are base64 for URLs: they pass into queries and JSON as they are. */
#define CONTINUE_ALPHABET                                                      \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_="

static const char continue_rule[] =
    "is not, or is no longer, the token of a next page: list from the start";

/* What a Service adds to the sandbox of the same id. */
struct endpoint {
	char id[SANDBOX_ID_MAX + 1];
	char owner_uid[SANDBOX_UID_MAX]; /* of its Pod; "" = no owner */
	struct sandbox_port port;
};

/* A growing array; items of `size` bytes. */
struct rows {
	char *items;
	size_t count, capacity, size;
};

/* What is listed of what is there. */
struct filter {
	char user_id[FILTER_MAX], thread_id[FILTER_MAX], status[FILTER_MAX];
	bool by_user, by_thread, by_status;
	long limit; /* 0 = all */
	char from[CONTINUE_MAX];
};

/* A new zeroed row; NULL = no memory. */
static void *
rows_add(struct rows *rows)
{
	if (rows->count == rows->capacity) {
		size_t capacity = rows->capacity == 0 ? 64 : rows->capacity * 2;
		char *grown = reallocarray(rows->items, capacity, rows->size);

		if (grown == NULL)
			return NULL;
		rows->items = grown;
		rows->capacity = capacity;
	}

	void *row = rows->items + rows->count++ * rows->size;

	return memset(row, 0, rows->size);
}

static void
rows_done(struct rows *rows)
{
	free(rows->items);
	rows->items = NULL;
}

/* Somebody may borrow our labels under a name that is not ours. */
static bool
is_named(struct json_object *item, const char *name)
{
	const char *actual = k8s_json_string(item, "metadata.name");

	return actual != NULL && strcmp(actual, name) == 0;
}

static bool
take_pod(struct json_object *item, void *data)
{
	struct rows *rows = data;
	struct sandbox *sandbox = rows_add(rows);

	if (sandbox == NULL)
		return false;
	sandbox_of_pod(sandbox, item);
	if (!sandbox_id_is_valid(sandbox->id) ||
	    !is_named(item, names_of(sandbox->id).pod))
		rows->count--;
	return true;
}

static bool
take_service(struct json_object *item, void *data)
{
	struct rows *rows = data;
	struct endpoint *endpoint = rows_add(rows);

	if (endpoint == NULL)
		return false;
	TEXT_COPY(endpoint->id,
	    k8s_json_string(item, "metadata.labels." LABEL_SANDBOX_ID));
	TEXT_COPY(endpoint->owner_uid,
	    k8s_json_string(item, "metadata.ownerReferences.0.uid"));
	if (!sandbox_id_is_valid(endpoint->id) ||
	    !is_named(item, names_of(endpoint->id).service) ||
	    !sandbox_port_of(&endpoint->port, item))
		rows->count--;
	return true;
}

static int
by_id(const void *left, const void *right)
{
	return strcmp(((const struct endpoint *)left)->id,
	    ((const struct endpoint *)right)->id);
}

/* Gives the sandbox its address; false when it has no Service of its own. */
static bool
join(struct sandbox *sandbox, const struct rows *endpoints)
{
	struct endpoint key = { 0 };

	if (endpoints->count == 0)
		return false;
	TEXT_COPY(key.id, sandbox->id);

	const struct endpoint *found = bsearch(
	    &key, endpoints->items, endpoints->count, sizeof(key), by_id);

	if (found == NULL || (found->owner_uid[0] != '\0' &&
				 strcmp(found->owner_uid, sandbox->uid) != 0))
		return false;
	sandbox->port = found->port;
	return true;
}

static bool
is_wanted(const struct sandbox *sandbox, const struct filter *filter)
{
	return (!filter->by_user ||
		   strcmp(sandbox->user_id, filter->user_id) == 0) &&
	       (!filter->by_thread ||
		   strcmp(sandbox->thread_id, filter->thread_id) == 0) &&
	       (!filter->by_status ||
		   strcmp(sandbox_status_name(sandbox->status),
		       filter->status) == 0);
}

static bool
is_status_name(const char *name)
{
	for (int i = 0; i < SANDBOX_STATUS__MAX; i++)
		if (strcmp(name, sandbox_status_name((enum sandbox_status)i)) ==
		    0)
			return true;
	return false;
}

/* NULL, or the rule that the value of `limit` breaks. */
static const char *
parse_limit(const char *text, long *limit)
{
	char *end;

	*limit = strtol(text, &end, 10);
	return *text >= '0' && *text <= '9' && *end == '\0' && *limit >= 1 &&
		       *limit <= LIMIT_MAX
		   ? NULL
		   : "must be an integer from 1 to 1000";
}

/* The value of a parameter that is an id; true when it is given. */
static bool
take_identity(const struct request *request, const char *name, char *value,
    struct reply_errors *errors)
{
	if (!request_query(request, name, value, FILTER_MAX))
		return false;
	if (!identity_is_valid(value))
		reply_errors_add(errors, name, identity_rule);
	return true;
}

/* HTTP_OK, or a 422 that names every parameter that breaks its rule. */
static enum http_status
filter_parse(
    struct filter *filter, const struct request *request, struct reply *reply)
{
	struct reply_errors errors = { 0 };
	char limit[16];

	*filter = (struct filter){ 0 };
	filter->by_user =
	    take_identity(request, "user_id", filter->user_id, &errors);
	filter->by_thread =
	    take_identity(request, "thread_id", filter->thread_id, &errors);
	filter->by_status =
	    request_query(request, "status", filter->status, FILTER_MAX);
	if (filter->by_status && !is_status_name(filter->status))
		reply_errors_add(&errors, "status",
		    "must be Pending, Running, Succeeded, Failed, Unknown or "
		    "Terminating");
	if (request_query(request, "limit", limit, sizeof(limit)))
		reply_errors_add(
		    &errors, "limit", parse_limit(limit, &filter->limit));
	if (request_query(
		request, "continue", filter->from, sizeof(filter->from)) &&
	    filter->from[strspn(filter->from, CONTINUE_ALPHABET)] != '\0')
		reply_errors_add(&errors, "continue", continue_rule);
	return reply_errors(reply, &errors);
}

static enum http_status
reply_rows(struct reply *reply, const struct app *app,
    const struct filter *filter, const struct rows *pods,
    const struct rows *endpoints, const char *next)
{
	static const char head[] = "{\"sandboxes\":[";
	struct sandbox *sandboxes = (struct sandbox *)(void *)pods->items;
	char tail[CONTINUE_MAX + 64];
	size_t count = 0;

	if (!reply_append(reply, head, sizeof(head) - 1))
		return reply_no_memory(reply);
	for (size_t i = 0; i < pods->count; i++) {
		if (!is_wanted(&sandboxes[i], filter) ||
		    !join(&sandboxes[i], endpoints))
			continue;
		if ((count > 0 && !reply_append(reply, ",", 1)) ||
		    !reply_append_json(
			reply, sandbox_json(&sandboxes[i], app->settings)))
			return reply_no_memory(reply);
		count++;
	}

	int length =
	    next == NULL || *next == '\0'
		? snprintf(tail, sizeof(tail), "],\"count\":%zu}", count)
		: snprintf(tail, sizeof(tail),
		      "],\"count\":%zu,\"continue\":\"%s\"}", count, next);

	if ((size_t)length >= sizeof(tail) ||
	    !reply_append(reply, tail, (size_t)length))
		return reply_no_memory(reply);
	return reply_text(reply, HTTP_OK);
}

static enum http_status
reply_refused(struct reply *reply, const struct app *app,
    const struct filter *filter, const struct k8s_call *call)
{
	/* 410 = the page's snapshot is gone, 400 = not a token at all */
	if (filter->from[0] != '\0' && call->fault.kind == K8S_FAULT_STATUS &&
	    (call->fault.http == 410 || call->fault.http == 400))
		return reply_invalid(reply, "continue", continue_rule);
	return reply_fault(reply, app, call);
}

/* The two calls at once, the Pods page by page when a limit is given. */
static enum http_status
read_rows(struct app *app, const struct filter *filter, struct k8s_call *calls,
    struct rows *pods, struct rows *endpoints, struct reply *reply)
{
	char query[sizeof(SELECTOR_QUERY) + CONTINUE_MAX + 64];
	const char *ns = app->settings->kubernetes.namespace_name;
	int length = snprintf(query, sizeof(query), "%s", SELECTOR_QUERY);

	if (filter->limit > 0)
		length +=
		    snprintf(query + length, sizeof(query) - (size_t)length,
			"&limit=%ld", filter->limit);
	if (filter->from[0] != '\0')
		snprintf(query + length, sizeof(query) - (size_t)length,
		    "&continue=%s", filter->from);
	calls[0] = (struct k8s_call){ .verb = K8S_LIST,
		.resource = &k8s_pods,
		.ns = ns,
		.query = query,
		.item = take_pod,
		.item_data = pods };
	calls[1] = (struct k8s_call){ .verb = K8S_LIST,
		.resource = &k8s_services,
		.ns = ns,
		.query = SELECTOR_QUERY,
		.item = take_service,
		.item_data = endpoints };

	bool ok = k8s_perform(app->k8s, calls, 2, &app->deadline);

	calls[0].query = NULL;
	for (size_t i = 0; i < 2 && !ok; i++)
		if (calls[i].fault.kind != K8S_FAULT_NONE)
			return reply_refused(reply, app, filter, &calls[i]);
	return HTTP_OK;
}

enum http_status
sandbox_list(
    struct app *app, const struct request *request, struct reply *reply)
{
	struct rows pods = { .size = sizeof(struct sandbox) };
	struct rows endpoints = { .size = sizeof(struct endpoint) };
	struct k8s_call calls[2] = { 0 };
	struct filter filter;
	enum http_status status = filter_parse(&filter, request, reply);

	if (status == HTTP_OK)
		status =
		    read_rows(app, &filter, calls, &pods, &endpoints, reply);
	if (status == HTTP_OK) {
		if (endpoints.count > 0)
			qsort(endpoints.items, endpoints.count, endpoints.size,
			    by_id);
		status = reply_rows(reply, app, &filter, &pods, &endpoints,
		    k8s_json_string(calls[0].object, "metadata.continue"));
	}
	k8s_call_done(&calls[0]);
	k8s_call_done(&calls[1]);
	rows_done(&pods);
	rows_done(&endpoints);
	return status;
}

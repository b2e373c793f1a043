#include "flight.h"

#include "json.h"
#include "message.h"
#include "resource.h"
#include "status.h"

#include <stdlib.h>
#include <string.h>

/* ---- What a verb means -------------------------------------------------- */

static const char *
method_of(enum k8s_verb verb)
{
	static const char *const methods[K8S_VERB__MAX] = {
		[K8S_GET] = "GET",
		[K8S_LIST] = "GET",
		[K8S_CREATE] = "POST",
		[K8S_DELETE] = "DELETE",
		[K8S_PATCH] = "PATCH",
	};

	return methods[verb];
}

static bool
writes(const struct k8s_call *call)
{
	return call->verb != K8S_GET && call->verb != K8S_LIST;
}

/* Whether a request that may have been done already may be sent again. */
static bool
repeatable(const struct k8s_call *call)
{
	switch (call->verb) {
	case K8S_GET:
	case K8S_LIST:
		return true;
	case K8S_CREATE: /* the second is answered ALREADY_EXISTS */
		return call->resource == &k8s_self_subject_access_reviews ||
		       k8s_json_string(call->body, "metadata.name") != NULL;
	case K8S_DELETE: /* the second cannot hit a successor */
		return k8s_json_string(call->body, "preconditions.uid") != NULL;
	default:
		return false;
	}
}

/* ---- Sending ------------------------------------------------------------ */

/* Items of a refusal are nobody's items. */
static bool
on_bytes(const char *bytes, size_t length, long http, void *data)
{
	struct k8s_flight *flight = data;

	if (http < 200 || http > 299)
		flight->items.item = NULL;
	return k8s_items_feed(&flight->items, bytes, length);
}

static void
end(struct k8s_flight *flight)
{
	struct k8s_fault *fault = &flight->call->fault;
	bool half = flight->unanswered && writes(flight->call);

	flight->state = K8S_FLIGHT_DONE;
	fault->maybe_done = fault->kind != K8S_FAULT_NONE && half;
}

static void
request_set(struct k8s_flight *flight, struct k8s_base *base)
{
	struct k8s_call *call = flight->call;
	struct k8s_exchange *exchange = &flight->exchange;

	exchange->method = method_of(call->verb);
	exchange->url = flight->url;
	exchange->token = k8s_credential_token(&base->credential);
	flight->token_generation = base->credential.generation;
	exchange->sink = on_bytes;
	exchange->sink_data = flight;
	if (!writes(call) || call->body == NULL)
		return;
	exchange->content_type =
	    call->verb == K8S_PATCH
		? "Content-Type: application/merge-patch+json"
		: "Content-Type: application/json";
	exchange->body = json_object_to_json_string_length(call->body,
	    JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE,
	    &exchange->body_length);
}

void
k8s_flight_restart(struct k8s_flight *flight, struct k8s_base *base,
    const struct timespec *deadline)
{
	struct k8s_call *call = flight->call;
	long left_ms = k8s_deadline_left_ms(deadline);

	if (left_ms == 0) {
		k8s_flight_abort(flight, base, K8S_FAULT_TIMEOUT);
		return;
	}
	k8s_items_done(&flight->items);
	k8s_items_init(&flight->items,
	    call->verb == K8S_LIST ? call->item : NULL, call->item_data,
	    base->response_max);
	request_set(flight, base);
	flight->exchange.timeout_ms = left_ms;
	flight->state = K8S_FLIGHT_FLYING;
	if (!k8s_transport_start(base->transport, &flight->exchange))
		k8s_flight_abort(flight, base, K8S_FAULT_MEMORY);
}

void
k8s_flight_begin(struct k8s_flight *flight, struct k8s_base *base,
    struct k8s_call *call, const struct timespec *deadline)
{
	struct k8s_error error;

	*flight = (struct k8s_flight){ .call = call };
	call->object = NULL;
	call->fault = (struct k8s_fault){ 0 };
	flight->url = k8s_resource_url(base->config->base, call, &error);
	if (flight->url == NULL) {
		k8s_fault_set(
		    &call->fault, K8S_FAULT_PROTOCOL, "%s", error.message);
		end(flight);
		return;
	}
	k8s_flight_restart(flight, base, deadline);
}

void
k8s_flight_done(struct k8s_flight *flight)
{
	k8s_items_done(&flight->items);
	free(flight->url);
	flight->url = NULL;
}

/* ---- Landing ------------------------------------------------------------ */

void
k8s_flight_abort(
    struct k8s_flight *flight, struct k8s_base *base, enum k8s_fault_kind kind)
{
	struct k8s_call *call = flight->call;
	const char *server = base->config->server;

	k8s_transport_stop(base->transport, &flight->exchange);
	if (flight->exchange.sent)
		flight->unanswered = true;
	if (kind == K8S_FAULT_MEMORY)
		k8s_fault_set(&call->fault, kind, "out of memory");
	else if (flight->unanswered)
		k8s_fault_set(&call->fault, kind,
		    "no answer from %s within the deadline", server);
	else
		k8s_fault_set(&call->fault, kind,
		    "no connection to %s within the deadline", server);
	end(flight);
}

static void
answer_take(struct k8s_flight *flight, const char *server)
{
	struct k8s_call *call = flight->call;
	struct k8s_buffer *text = &flight->items.rest;
	struct k8s_error why;

	call->object = k8s_json_parse_answer(
	    text->length > 0 ? text->data : "", text->length, &why);
	if (call->object == NULL)
		k8s_fault_set(&call->fault, K8S_FAULT_PROTOCOL,
		    "the answer of %s cannot be read: %s", server, why.message);
	else if (!json_object_is_type(call->object, json_type_object)) {
		k8s_fault_set(&call->fault, K8S_FAULT_PROTOCOL,
		    "the answer of %s is not an object", server);
		k8s_json_putp(&call->object);
	}
}

static void
refusal_take(struct k8s_flight *flight, const char *server)
{
	struct k8s_call *call = flight->call;
	struct k8s_buffer *text = &flight->items.rest;
	const char *body = text->length > 0 ? text->data : "";

	call->object = k8s_json_parse_answer(body, text->length, NULL);
	k8s_status_fault(&call->fault, (int)flight->exchange.http,
	    flight->exchange.retry_after_s, call->object, body, server);
	/*
	 * A proxy or a server that gave up says nothing about what etcd did.
	 * A 503 of the server itself is said before anything is done.
	 */
	const bool is_status = k8s_status_is(call->object);

	if (call->fault.http >= 500 && !(call->fault.http == 503 && is_status))
		flight->unanswered = true;
	if (!is_status)
		k8s_json_putp(&call->object);
}

/* A complete answer arrived; reads it into the call. */
static void
http_take(struct k8s_flight *flight, const char *server)
{
	struct k8s_call *call = flight->call;
	int http = (int)flight->exchange.http;

	if (http >= 400) {
		refusal_take(flight, server);
		return;
	}
	if (http >= 200 && http < 300)
		answer_take(flight, server);
	else
		k8s_fault_set(&call->fault, K8S_FAULT_PROTOCOL,
		    "%s answered HTTP %d, which no API server does", server,
		    http);
	call->fault.http = http;
	if (call->fault.kind != K8S_FAULT_NONE)
		flight->unanswered = true;
}

/* No answer, or not a whole one. */
static void
failure_take(struct k8s_flight *flight, struct k8s_base *base,
    const struct timespec *deadline)
{
	struct k8s_fault *fault = &flight->call->fault;
	struct k8s_items *items = &flight->items;

	if (flight->exchange.sent)
		flight->unanswered = true;
	if (items->failed != K8S_FAULT_NONE)
		k8s_fault_set(fault, items->failed,
		    "the answer of %s cannot be taken: %s",
		    base->config->server, items->error.message);
	else if (flight->exchange.code == CURLE_OPERATION_TIMEDOUT &&
		 (flight->exchange.sent || k8s_deadline_left_ms(deadline) == 0))
		k8s_flight_abort(flight, base, K8S_FAULT_TIMEOUT);
	else
		k8s_transport_fault(base->transport, &flight->exchange, fault);
}

/* Each kind of retry happens once; true when one was arranged. */
static bool
retry(struct k8s_flight *flight, struct k8s_base *base, long left_ms)
{
	const struct k8s_exchange *exchange = &flight->exchange;
	const struct k8s_fault *fault = &flight->call->fault;

	if (exchange->lost && !flight->retried_connection &&
	    repeatable(flight->call)) {
		flight->retried_connection = true;
		flight->exchange.fresh = true;
		flight->start_at = k8s_deadline_in(0);
		return true;
	}
	if (fault->kind != K8S_FAULT_STATUS)
		return false;
	if (fault->http == 401 && !flight->retried_token) {
		flight->retried_token = true;
		flight->start_at = k8s_deadline_in(0);
		return k8s_credential_renew(
		    &base->credential, flight->token_generation);
	}
	if (fault->http == 429 && fault->retry_after_s > 0 &&
	    fault->retry_after_s <= left_ms / 2000 && !flight->retried_later) {
		flight->retried_later = true;
		flight->start_at =
		    k8s_deadline_in(fault->retry_after_s * 1000L);
		return true;
	}
	return false;
}

void
k8s_flight_land(struct k8s_flight *flight, struct k8s_base *base,
    const struct timespec *deadline)
{
	struct k8s_call *call = flight->call;

	if (flight->exchange.code == CURLE_OK)
		http_take(flight, base->config->server);
	else
		failure_take(flight, base, deadline);
	if (call->fault.kind != K8S_FAULT_NONE &&
	    retry(flight, base, k8s_deadline_left_ms(deadline))) {
		k8s_json_putp(&call->object);
		call->fault = (struct k8s_fault){ 0 };
		flight->state = K8S_FLIGHT_WAITING;
		return;
	}
	end(flight);
}

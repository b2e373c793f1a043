#include "flight.h"
#include "json.h"
#include "message.h"

#include <stdlib.h>

#define RESPONSE_MAX_DEFAULT ((size_t)8 << 20)
#define USER_AGENT_DEFAULT   "k8s_client"

struct k8s_client {
	struct k8s_base base;
	struct k8s_flight flights[K8S_CALLS_MAX];
};

/* ---- Life --------------------------------------------------------------- */

struct k8s_client *
k8s_client_new(const struct k8s_config *config,
    const struct k8s_client_options *options, struct k8s_error *error)
{
	struct k8s_client *client = calloc(1, sizeof(*client));
	const char *user_agent = USER_AGENT_DEFAULT;

	if (client == NULL) {
		k8s_error_set(error, "out of memory");
		return NULL;
	}
	client->base.config = config;
	client->base.response_max = RESPONSE_MAX_DEFAULT;
	if (options != NULL && options->response_max > 0)
		client->base.response_max = options->response_max;
	if (options != NULL && options->user_agent != NULL)
		user_agent = options->user_agent;
	if (!k8s_credential_init(&client->base.credential, config, error))
		return k8s_client_free(client);
	client->base.transport = k8s_transport_new(config, user_agent, error);
	if (client->base.transport == NULL)
		return k8s_client_free(client);
	return client;
}

struct k8s_client *
k8s_client_free(struct k8s_client *client)
{
	if (client == NULL)
		return NULL;
	k8s_transport_free(client->base.transport);
	k8s_credential_done(&client->base.credential);
	free(client);
	return NULL;
}

unsigned long
k8s_client_requests(const struct k8s_client *client)
{
	return k8s_transport_requests(client->base.transport);
}

void
k8s_call_done(struct k8s_call *call)
{
	if (call == NULL)
		return;
	k8s_json_putp(&call->object);
	call->fault = (struct k8s_fault){ 0 };
}

/* ---- Performing --------------------------------------------------------- */

/*
 * Moves every flight that can move. Returns for how long there is nothing to
 * do but wait for the network, at most until the deadline; -1 = all done.
 */
static long
flights_step(
    struct k8s_client *client, size_t n, const struct timespec *deadline)
{
	long wait_ms = -1;

	for (size_t i = 0; i < n; i++) {
		struct k8s_flight *flight = &client->flights[i];
		long next_ms = k8s_deadline_left_ms(deadline);

		if (flight->state == K8S_FLIGHT_FLYING &&
		    flight->exchange.ended)
			k8s_flight_land(flight, &client->base, deadline);
		if (flight->state == K8S_FLIGHT_WAITING) {
			next_ms = k8s_deadline_left_ms(&flight->start_at);
			if (next_ms == 0)
				k8s_flight_restart(
				    flight, &client->base, deadline);
		}
		if (flight->state == K8S_FLIGHT_DONE)
			continue;
		if (k8s_deadline_left_ms(deadline) == 0)
			k8s_flight_abort(
			    flight, &client->base, K8S_FAULT_TIMEOUT);
		else if (wait_ms < 0 || next_ms < wait_ms)
			wait_ms = next_ms;
	}
	return wait_ms;
}

static void
flights_abort(struct k8s_client *client, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (client->flights[i].state != K8S_FLIGHT_DONE)
			k8s_flight_abort(&client->flights[i], &client->base,
			    K8S_FAULT_MEMORY);
}

static void
flights_fly(
    struct k8s_client *client, size_t n, const struct timespec *deadline)
{
	long wait_ms;

	while ((wait_ms = flights_step(client, n, deadline)) >= 0) {
		/* libcurl's own calls fail for want of memory only. */
		if (!k8s_transport_turn(client->base.transport, wait_ms)) {
			flights_abort(client, n);
			return;
		}
	}
}

static bool
refuse_all(struct k8s_call *calls, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		calls[i].object = NULL;
		calls[i].fault = (struct k8s_fault){ 0 };
		k8s_fault_set(&calls[i].fault, K8S_FAULT_PROTOCOL,
		    "more than %d calls at once", K8S_CALLS_MAX);
	}
	return false;
}

bool
k8s_perform(struct k8s_client *client, struct k8s_call *calls, size_t n,
    const struct timespec *deadline)
{
	bool all = true;

	if (n > K8S_CALLS_MAX)
		return refuse_all(calls, n);
	for (size_t i = 0; i < n; i++)
		k8s_flight_begin(
		    &client->flights[i], &client->base, &calls[i], deadline);
	flights_fly(client, n, deadline);
	for (size_t i = 0; i < n; i++) {
		k8s_flight_done(&client->flights[i]);
		all = all && calls[i].fault.kind == K8S_FAULT_NONE;
	}
	return all;
}

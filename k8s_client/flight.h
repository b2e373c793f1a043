/* One call from its first request to its outcome, retries included. */
#ifndef K8S_FLIGHT_H
#define K8S_FLIGHT_H

#include "credential.h"
#include "items.h"
#include "k8s.h"
#include "transport.h"

enum k8s_flight_state {
	K8S_FLIGHT_DONE, /* the call has its outcome */
	K8S_FLIGHT_WAITING,
	K8S_FLIGHT_FLYING,
};

struct k8s_flight {
	struct k8s_call *call;
	enum k8s_flight_state state;
	struct timespec start_at; /* while it waits to be repeated */
	struct k8s_exchange exchange;
	struct k8s_items items; /* the answer */
	char *url;
	unsigned token_generation; /* of the request on its way */
	bool unanswered; /* a request of this call left and got no answer */
	bool retried_connection, retried_token, retried_later;
};

/* What the flights of one client share. */
struct k8s_base {
	const struct k8s_config *config;
	struct k8s_credential credential;
	struct k8s_transport *transport;
	size_t response_max;
};

/* Sends the first request, or ends the flight with a fault. */
void
k8s_flight_begin(struct k8s_flight *flight, struct k8s_base *base,
    struct k8s_call *call, const struct timespec *deadline);

/* After its exchange ended: takes the answer, or arranges a retry. */
void
k8s_flight_land(struct k8s_flight *flight, struct k8s_base *base,
    const struct timespec *deadline);

/* Sends the request again. */
void
k8s_flight_restart(struct k8s_flight *flight, struct k8s_base *base,
    const struct timespec *deadline);

/* Ends it now, as it is, with `kind`: TIMEOUT, or MEMORY. */
void
k8s_flight_abort(
    struct k8s_flight *flight, struct k8s_base *base, enum k8s_fault_kind kind);

void
k8s_flight_done(struct k8s_flight *flight);

#endif

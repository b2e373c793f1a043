/*
 * HTTP over libcurl: pooled easy handles on one multi handle, which owns the
 * kept connections. Knows no Kubernetes but the configuration's addresses.
 */
#ifndef K8S_TRANSPORT_H
#define K8S_TRANSPORT_H

#include "config.h"
#include "k8s.h"

#include <curl/curl.h>

struct k8s_transport;

/* Takes a part of an answer's body. false stops the exchange. */
typedef bool
k8s_sink_fn(const char *bytes, size_t length, long http, void *data);

/* One request and its answer. Must stay where it is until it has ended. */
struct k8s_exchange {
	/* in, borrowed until the exchange has ended */
	const char *method;
	const char *url;
	const char *content_type; /* NULL = no body */
	const char *body;
	size_t body_length;
	const char *token; /* "" = none */
	long timeout_ms;
	bool fresh; /* on a new connection */
	k8s_sink_fn *sink;
	void *sink_data;
	/* out */
	bool ended;
	CURLcode code;
	long http;         /* means nothing unless `code` is CURLE_OK */
	int retry_after_s; /* 0 = not said */
	bool sent;         /* the request left, or part of it may have */
	bool lost;         /* a kept connection died without an answer */
	/* private */
	struct k8s_transport *transport;
	CURL *easy;
	struct curl_slist *headers;
	char text[CURL_ERROR_SIZE];
};

/* curl_global_init(), once in a process. */
bool
k8s_transport_ready(void);

struct k8s_transport *
k8s_transport_new(const struct k8s_config *config, const char *user_agent,
    struct k8s_error *error);

struct k8s_transport *
k8s_transport_free(struct k8s_transport *transport);

/* false: out of memory, or K8S_CALLS_MAX are under way. */
bool
k8s_transport_start(
    struct k8s_transport *transport, struct k8s_exchange *exchange);

/* Ends an exchange that has not ended, without an answer. */
void
k8s_transport_stop(
    struct k8s_transport *transport, struct k8s_exchange *exchange);

/*
 * Moves what can move, then waits at most `wait_ms` unless an exchange ended.
 * false: libcurl itself failed.
 */
bool
k8s_transport_turn(struct k8s_transport *transport, long wait_ms);

/* Why an ended exchange has no answer: kind and message of *fault. */
void
k8s_transport_fault(struct k8s_transport *transport,
    const struct k8s_exchange *exchange, struct k8s_fault *fault);

unsigned long
k8s_transport_requests(const struct k8s_transport *transport);

#endif

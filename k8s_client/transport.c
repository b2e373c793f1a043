#include "transport.h"

#include "message.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* A server that does not even shake hands by then is not reachable. */
#define CONNECT_MS_MAX 10000

struct k8s_transport {
	const struct k8s_config *config;
	char *user_agent;
	CURLM *multi;
	struct curl_slist *connect_to;
	CURL *idle[K8S_CALLS_MAX];
	size_t idle_n;
	size_t busy_n;
	unsigned long requests;
};

/* ---- Life --------------------------------------------------------------- */

static pthread_once_t ready_once = PTHREAD_ONCE_INIT;
static CURLcode ready_code = CURLE_FAILED_INIT;

static void
ready_init(void)
{
	ready_code = curl_global_init(CURL_GLOBAL_DEFAULT);
}

bool
k8s_transport_ready(void)
{
	pthread_once(&ready_once, ready_init);
	return ready_code == CURLE_OK;
}

static bool
transport_init(struct k8s_transport *transport, const char *user_agent)
{
	const char *connect_to = transport->config->connect_to;

	transport->user_agent = strdup(user_agent);
	transport->multi = curl_multi_init();
	if (transport->user_agent == NULL || transport->multi == NULL)
		return false;
	if (connect_to != NULL) {
		transport->connect_to = curl_slist_append(NULL, connect_to);
		if (transport->connect_to == NULL)
			return false;
	}
	return curl_multi_setopt(transport->multi, CURLMOPT_MAXCONNECTS,
		   (long)K8S_CALLS_MAX) == CURLM_OK;
}

struct k8s_transport *
k8s_transport_new(const struct k8s_config *config, const char *user_agent,
    struct k8s_error *error)
{
	if (!k8s_transport_ready()) {
		k8s_error_set(error, "libcurl cannot be initialised");
		return NULL;
	}
	struct k8s_transport *transport = calloc(1, sizeof(*transport));
	if (transport != NULL) {
		transport->config = config;
		if (transport_init(transport, user_agent))
			return transport;
	}
	k8s_error_set(error, "out of memory");
	return k8s_transport_free(transport);
}

struct k8s_transport *
k8s_transport_free(struct k8s_transport *transport)
{
	if (transport == NULL)
		return NULL;
	while (transport->idle_n > 0)
		curl_easy_cleanup(transport->idle[--transport->idle_n]);
	if (transport->multi != NULL)
		curl_multi_cleanup(transport->multi);
	curl_slist_free_all(transport->connect_to);
	free(transport->user_agent);
	free(transport);
	return NULL;
}

unsigned long
k8s_transport_requests(const struct k8s_transport *transport)
{
	return transport->requests;
}

/* ---- Callbacks of libcurl ----------------------------------------------- */

/*
 * Called when a request is about to leave. libcurl repeats by itself whatever
 * request, a DELETE too, found its kept connection dead; which ones may be
 * repeated is not its to decide, so the second time is refused.
 */
static int
on_request(void *data, char *ip, char *own_ip, int port, int own_port)
{
	struct k8s_exchange *exchange = data;

	(void)ip;
	(void)own_ip;
	(void)port;
	(void)own_port;
	if (exchange->sent) {
		exchange->lost = true;
		return CURL_PREREQFUNC_ABORT;
	}
	exchange->sent = true;
	exchange->transport->requests++;
	return CURL_PREREQFUNC_OK;
}

static size_t
on_body(char *bytes, size_t size, size_t n, void *data)
{
	struct k8s_exchange *exchange = data;
	long http = 0;

	curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &http);
	if (!exchange->sink(bytes, size * n, http, exchange->sink_data))
		return 0; /* libcurl never hands over 0 bytes: an error */
	return size * n;
}

/* ---- Setting up a handle ------------------------------------------------ */

#define SET(easy, option, value)                                               \
	(curl_easy_setopt((easy), (option), (value)) == CURLE_OK)

static bool
set_blob(CURL *easy, CURLoption option, const struct k8s_buffer *bytes)
{
	/* The configuration outlives the handle. */
	struct curl_blob blob = { .data = bytes->data,
		.len = bytes->length,
		.flags = CURL_BLOB_NOCOPY };

	return bytes->length == 0 || SET(easy, option, &blob);
}

/* What protects every request, whatever it asks. */
static bool
set_manners(CURL *easy, const struct k8s_transport *transport)
{
	const char *scheme = transport->config->plain ? "http" : "https";

	/*
	 * PATH_AS_IS: no name can climb to a collection. QUICK_EXIT: a name
	 * server that is silent must not hold up the deadline.
	 */
	return SET(easy, CURLOPT_NOSIGNAL, 1L) &&
	       SET(easy, CURLOPT_PROTOCOLS_STR, scheme) &&
	       SET(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) &&
	       SET(easy, CURLOPT_FOLLOWLOCATION, 0L) &&
	       SET(easy, CURLOPT_PROXY, "") &&
	       SET(easy, CURLOPT_PATH_AS_IS, 1L) &&
	       SET(easy, CURLOPT_QUICK_EXIT, 1L) &&
	       SET(easy, CURLOPT_TCP_KEEPALIVE, 1L) &&
	       SET(easy, CURLOPT_USERAGENT, transport->user_agent);
}

static bool
set_tls(CURL *easy, const struct k8s_config *config)
{
	if (config->plain)
		return true;
	/* Else any CA of the system could vouch for the cluster. */
	if (config->ca.length > 0 && (!SET(easy, CURLOPT_CAPATH, NULL) ||
					 !SET(easy, CURLOPT_CAINFO, NULL)))
		return false;
	/* Without a password libcurl's TLS would ask on the terminal. */
	return SET(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
	       SET(easy, CURLOPT_SSL_VERIFYPEER, config->insecure ? 0L : 1L) &&
	       SET(easy, CURLOPT_SSL_VERIFYHOST, config->insecure ? 0L : 2L) &&
	       set_blob(easy, CURLOPT_CAINFO_BLOB, &config->ca) &&
	       set_blob(easy, CURLOPT_SSLCERT_BLOB, &config->certificate) &&
	       set_blob(easy, CURLOPT_SSLKEY_BLOB, &config->key) &&
	       SET(easy, CURLOPT_KEYPASSWD, "");
}

static bool
header_add(struct k8s_exchange *exchange, const char *header)
{
	struct curl_slist *longer =
	    curl_slist_append(exchange->headers, header);

	if (longer == NULL)
		return false;
	exchange->headers = longer;
	return true;
}

/* Request line, headers and body. */
static bool
set_request(CURL *easy, struct k8s_exchange *exchange)
{
	if (!SET(easy, CURLOPT_URL, exchange->url) ||
	    !header_add(exchange, "Accept: application/json") ||
	    !header_add(exchange, "Expect:"))
		return false;
	if (exchange->content_type != NULL &&
	    (!header_add(exchange, exchange->content_type) ||
		!SET(easy, CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)exchange->body_length) ||
		!SET(easy, CURLOPT_POSTFIELDS, exchange->body)))
		return false;
	if (*exchange->token != '\0' &&
	    (!SET(easy, CURLOPT_HTTPAUTH, CURLAUTH_BEARER) ||
		!SET(easy, CURLOPT_XOAUTH2_BEARER, exchange->token)))
		return false;
	return SET(easy, CURLOPT_CUSTOMREQUEST, exchange->method) &&
	       SET(easy, CURLOPT_HTTPHEADER, exchange->headers);
}

static bool
set_course(CURL *easy, struct k8s_exchange *exchange,
    const struct k8s_transport *transport)
{
	long connect_ms = exchange->timeout_ms < CONNECT_MS_MAX
			      ? exchange->timeout_ms
			      : CONNECT_MS_MAX;

	return SET(easy, CURLOPT_CONNECT_TO, transport->connect_to) &&
	       SET(easy, CURLOPT_FRESH_CONNECT, exchange->fresh ? 1L : 0L) &&
	       SET(easy, CURLOPT_CONNECTTIMEOUT_MS, connect_ms) &&
	       SET(easy, CURLOPT_TIMEOUT_MS, exchange->timeout_ms) &&
	       SET(easy, CURLOPT_ERRORBUFFER, exchange->text) &&
	       SET(easy, CURLOPT_PRIVATE, exchange) &&
	       SET(easy, CURLOPT_PREREQFUNCTION, on_request) &&
	       SET(easy, CURLOPT_PREREQDATA, exchange) &&
	       SET(easy, CURLOPT_WRITEFUNCTION, on_body) &&
	       SET(easy, CURLOPT_WRITEDATA, exchange);
}

static bool
handle_set(CURL *easy, struct k8s_exchange *exchange,
    const struct k8s_transport *transport)
{
	/* Keeps connections and TLS sessions, and nothing of the last user. */
	curl_easy_reset(easy);
	return set_manners(easy, transport) &&
	       set_tls(easy, transport->config) &&
	       set_request(easy, exchange) &&
	       set_course(easy, exchange, transport);
}

/* ---- Exchanges ---------------------------------------------------------- */

static void
handle_release(struct k8s_transport *transport, struct k8s_exchange *exchange)
{
	/* Also drops the token, which reset() would keep until the next use. */
	curl_easy_reset(exchange->easy);
	transport->idle[transport->idle_n++] = exchange->easy;
	transport->busy_n--;
	exchange->easy = NULL;
	curl_slist_free_all(exchange->headers);
	exchange->headers = NULL;
}

bool
k8s_transport_start(
    struct k8s_transport *transport, struct k8s_exchange *exchange)
{
	CURL *easy;

	if (transport->idle_n > 0)
		easy = transport->idle[--transport->idle_n];
	else if (transport->busy_n < K8S_CALLS_MAX)
		easy = curl_easy_init();
	else
		return false;
	if (easy == NULL)
		return false;
	transport->busy_n++;
	exchange->transport = transport;
	exchange->easy = easy;
	exchange->headers = NULL;
	exchange->ended = false;
	exchange->code = CURLE_OK;
	exchange->http = 0;
	exchange->retry_after_s = 0;
	exchange->sent = false;
	exchange->lost = false;
	exchange->text[0] = '\0';
	if (handle_set(easy, exchange, transport) &&
	    curl_multi_add_handle(transport->multi, easy) == CURLM_OK)
		return true;
	handle_release(transport, exchange);
	return false;
}

void
k8s_transport_stop(
    struct k8s_transport *transport, struct k8s_exchange *exchange)
{
	if (exchange->easy == NULL)
		return;
	curl_multi_remove_handle(transport->multi, exchange->easy);
	handle_release(transport, exchange);
	exchange->code = CURLE_OPERATION_TIMEDOUT;
	exchange->ended = true;
}

/* A kept connection that ended before the first byte of an answer. */
static bool
died_unanswered(CURL *easy, CURLcode code)
{
	long connects = 0;
	long header_bytes = 0;

	if (code != CURLE_SEND_ERROR && code != CURLE_RECV_ERROR &&
	    code != CURLE_GOT_NOTHING)
		return false;
	curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &connects);
	curl_easy_getinfo(easy, CURLINFO_HEADER_SIZE, &header_bytes);
	return connects == 0 && header_bytes == 0;
}

static void
exchange_end(struct k8s_transport *transport, CURL *easy, CURLcode code)
{
	struct k8s_exchange *exchange = NULL;
	curl_off_t retry_after = 0;
	long os_error = 0;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &exchange);
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &exchange->http);
	curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after);
	curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &os_error);
	if (retry_after > 0 && retry_after < INT_MAX)
		exchange->retry_after_s = (int)retry_after;
	if (died_unanswered(easy, code))
		exchange->lost = true;
	/* The system's own words are clearer than libcurl's around them. */
	if (code == CURLE_COULDNT_CONNECT && os_error != 0)
		k8s_message_copy(exchange->text, sizeof(exchange->text),
		    strerror((int)os_error), strlen(strerror((int)os_error)));
	if (code == CURLE_SSL_CONNECT_ERROR && os_error != 0)
		code = CURLE_COULDNT_CONNECT;
	exchange->code = code;
	exchange->ended = true;
	curl_multi_remove_handle(transport->multi, easy);
	handle_release(transport, exchange);
}

bool
k8s_transport_turn(struct k8s_transport *transport, long wait_ms)
{
	CURLMsg *message;
	bool any_ended = false;
	int running;
	int left;

	if (curl_multi_perform(transport->multi, &running) != CURLM_OK)
		return false;
	while (
	    (message = curl_multi_info_read(transport->multi, &left)) != NULL) {
		if (message->msg != CURLMSG_DONE)
			continue;
		exchange_end(
		    transport, message->easy_handle, message->data.result);
		any_ended = true;
	}
	if (any_ended || wait_ms <= 0)
		return true;
	/* A signal ends the wait early; the caller turns until its deadline. */
	int wait = wait_ms < INT_MAX ? (int)wait_ms : INT_MAX;
	return curl_multi_poll(transport->multi, NULL, 0, wait, NULL) ==
	       CURLM_OK;
}

/* ---- Errors ------------------------------------------------------------- */

static enum k8s_fault_kind
kind_of(CURLcode code)
{
	switch (code) {
	case CURLE_OUT_OF_MEMORY:
		return K8S_FAULT_MEMORY;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
		return K8S_FAULT_TLS;
	case CURLE_SSL_CERTPROBLEM:
		return K8S_FAULT_CREDENTIAL;
	case CURLE_PARTIAL_FILE:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_BAD_CONTENT_ENCODING:
		return K8S_FAULT_PROTOCOL;
	default:
		return K8S_FAULT_UNREACHABLE;
	}
}

/* A sentence with one %s for the server; libcurl's words follow it. */
static const char *
sentence_of(CURLcode code, bool lost)
{
	if (lost)
		return "the kept connection to %s broke before an answer";
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
		return "cannot resolve the host of %s";
	case CURLE_COULDNT_CONNECT:
	case CURLE_OPERATION_TIMEDOUT:
		return "cannot connect to %s";
	case CURLE_PEER_FAILED_VERIFICATION:
		return "the certificate of %s is not valid";
	case CURLE_SSL_CACERT_BADFILE:
		return "the CA certificate for %s cannot be used";
	case CURLE_SSL_CERTPROBLEM:
		return "our client certificate for %s cannot be used";
	case CURLE_SSL_CONNECT_ERROR:
		return "the TLS handshake with %s failed";
	case CURLE_PARTIAL_FILE:
		return "the answer of %s was cut short";
	case CURLE_GOT_NOTHING:
		return "%s closed the connection without an answer";
	default:
		return "the connection to %s failed";
	}
}

void
k8s_transport_fault(struct k8s_transport *transport,
    const struct k8s_exchange *exchange, struct k8s_fault *fault)
{
	char head[K8S_MESSAGE_MAX];
	const char *sentence = sentence_of(exchange->code, exchange->lost);
	const char *hole = strstr(sentence, "%s");
	const char *words = exchange->text[0] != '\0'
				? exchange->text
				: curl_easy_strerror(exchange->code);
	enum k8s_fault_kind kind =
	    exchange->lost ? K8S_FAULT_UNREACHABLE : kind_of(exchange->code);

	k8s_message_copy(
	    head, sizeof(head), sentence, (size_t)(hole - sentence));
	if (exchange->lost)
		words = "it was closed";
	k8s_fault_set(fault, kind, "%s%s%s: %s", head,
	    transport->config->server, hole + 2, words);
}

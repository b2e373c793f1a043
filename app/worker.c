#include "worker.h"

#include "app.h"
#include "clock.h"
#include "cluster.h"
#include "k8s.h"
#include "log.h"
#include "reply.h"
#include "request.h"
#include "route.h"
#include "settings.h"
#include "shared.h"
#include "text.h"

#include <fcgiapp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_WORD_MAX 1024

/* The namespace is tried for this long before the first request is taken. */
#define NAMESPACE_MS 3000

static void
on_terminate(int signal)
{
	(void)signal;
	FCGX_ShutdownPending();
}

/* Without SA_RESTART, so that an idle accept() ends at once. */
static void
handle_signals(void)
{
	struct sigaction action = { .sa_handler = on_terminate };
	sigset_t none;

	sigemptyset(&action.sa_mask);
	sigaction(SIGTERM, &action, NULL);
	action.sa_handler = SIG_IGN;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	sigaction(SIGPIPE, &action, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void
mask_terminate(int how)
{
	sigset_t terminate;

	sigemptyset(&terminate);
	sigaddset(&terminate, SIGTERM);
	sigprocmask(how, &terminate, NULL);
}

static size_t
read_body(void *source, char *buffer, size_t size)
{
	int got = FCGX_GetStr(buffer, (int)size, source);

	return got > 0 ? (size_t)got : 0;
}

static void
write_reply(FCGX_Stream *out, const struct reply *reply)
{
	FCGX_FPrintF(out, "Status: %d %s\r\nContent-Type: %s\r\n",
	    (int)reply->status, http_status_title(reply->status),
	    reply->content_type);
	FCGX_PutS("Cache-Control: no-store\r\n", out);
	for (size_t i = 0; i < reply->header_count; i++)
		FCGX_FPrintF(out, "%s: %s\r\n", reply->headers[i].name,
		    reply->headers[i].value);
	FCGX_PutS("\r\n", out);
	FCGX_PutStr(reply->text, (int)reply->length, out);
}

/* A client's text as one word of a log line: it cannot pose as other fields. */
static const char *
word(char copy[LOG_WORD_MAX], const char *text, const char *breaking)
{
	text_copy(copy, LOG_WORD_MAX, text);
	for (char *at = copy; *at != '\0'; at++)
		if (strchr(breaking, *at) != NULL)
			*at = '?';
	return copy;
}

static void
log_request(const struct request *request, const struct reply *reply,
    unsigned long calls, int64_t began_us)
{
	const char *route = route_name(request->path);
	char method[LOG_WORD_MAX], path[LOG_WORD_MAX], cause[LOG_WORD_MAX];
	const double ms = (double)(clock_us() - began_us) / 1000;
	const double queued_ms = request->queued_s * 1000;

	const bool failed = reply->status >= HTTP_BAD_REQUEST;

	(reply->status >= HTTP_INTERNAL_ERROR ? log_error
	    : failed                          ? log_warn
					      : log_info)(
	    "request=%s method=%.16s route=%s path=%.128s key=%.64s status=%d "
	    "calls=%lu ms=%.1f queued_ms=%.0f%s%s%s",
	    request->id, word(method, request->method_name, " \"\\"), route,
	    word(path, request->path, " \"\\"), request->key_name,
	    (int)reply->status, calls, ms, queued_ms, failed ? " cause=\"" : "",
	    failed ? word(cause, reply->cause, "\"\\") : "",
	    failed ? "\"" : "");
}

static void
serve(struct app *app, FCGX_Request *fcgi)
{
	const struct body_source source = { read_body, fcgi->in };
	const unsigned long calls = k8s_client_requests(app->k8s);
	const int64_t began_us = clock_us();
	struct request request;
	struct reply reply;

	if (request_init(&request, fcgi->envp, &reply) == HTTP_OK)
		route_request(app, &request, &source, &reply);
	write_reply(fcgi->out, &reply);
	log_request(
	    &request, &reply, k8s_client_requests(app->k8s) - calls, began_us);
	reply_done(&reply);
	request_done(&request);
}

/* A convenience at start: a POST that finds the namespace missing tries too. */
static void
try_namespace(struct app *app)
{
	struct k8s_call call = { 0 };

	app->deadline = k8s_deadline_in(NAMESPACE_MS);
	if (!cluster_ensure_namespace(app, &call))
		log_warn("cannot create the namespace \"%s\": %s",
		    app->settings->kubernetes.namespace_name,
		    call.fault.message);
	k8s_call_done(&call);
}

int
worker_run(const struct worker *worker)
{
	const struct k8s_client_options options = {
		.user_agent = "sandbox-provisioner/" VERSION,
	};
	struct app app = {
		.settings = worker->settings,
		.shared = worker->shared,
		.slot = worker->slot,
	};
	struct k8s_error error;
	FCGX_Request fcgi;

	handle_signals();
	srandom((unsigned)getpid());
	app.k8s = k8s_client_new(worker->cluster, &options, &error);
	if (app.k8s == NULL) {
		log_error("worker: %s", error.message);
		return EXIT_FAILURE;
	}
	if (worker->ensure_namespace)
		try_namespace(&app);
	if (FCGX_Init() != 0 || FCGX_InitRequest(&fcgi, worker->socket,
				    FCGI_FAIL_ACCEPT_ON_INTR) != 0) {
		log_error("worker: cannot initialise libfcgi");
		k8s_client_free(app.k8s);
		return EXIT_FAILURE;
	}
	while (FCGX_Accept_r(&fcgi) == 0) {
		/* libfcgi takes an interrupted read or write for the end */
		mask_terminate(SIG_BLOCK);
		serve(&app, &fcgi);
		FCGX_Finish_r(&fcgi);
		mask_terminate(SIG_UNBLOCK);
	}
	FCGX_Free(&fcgi, 1);
	k8s_client_free(app.k8s);
	return EXIT_SUCCESS;
}

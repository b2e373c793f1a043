#include "probe.h"

#include "app.h"
#include "reply.h"
#include "request.h"
#include "settings.h"
#include "spec.h"
#include "tree.h"

enum http_status
probe_health(
    struct app *app, const struct request *request, struct reply *reply)
{
	(void)app;
	(void)request;
	return reply_json(reply, HTTP_OK, MAP({ "status", TEXT("ok") }));
}

enum http_status
probe_capabilities(
    struct app *app, const struct request *request, struct reply *reply)
{
	const struct settings *settings = app->settings;
	const bool node_port =
	    settings->sandbox.service_type == SERVICE_NODE_PORT;

	(void)request;
	return reply_json(reply, HTTP_OK,
	    MAP({ "lark_cli_init_image",
		    BOOL(settings->lark.init_image != NULL) },
		{ "lark_cli_broker_image",
		    BOOL(settings->lark.broker_image != NULL) },
		{ "service_type", TEXT(node_port ? "NodePort" : "ClusterIP") },
		{ "limits", MAP({ "sandbox_id_length", INT(SANDBOX_ID_MAX) },
				{ "extra_mounts", INT(EXTRA_MOUNTS_MAX) },
				{ "request_body_bytes",
				    INT((int64_t)REQUEST_BODY_MAX) }) },
		{ "version", TEXT(VERSION) }));
}

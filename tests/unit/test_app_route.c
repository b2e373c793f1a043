/* Routes: what is answered before any handler, and by those without a cluster.
 */
#include "app_fixture.h"

#include "app.h"
#include "route.h"
#include "shared.h"

/* The body "{}", as often as it is asked for. */
static size_t
read_empty_object(void *data, char *buffer, size_t size)
{
	size_t length = size < 2 ? size : 2;

	(void)data;
	memcpy(buffer, "{}", length);
	return length;
}

/* The app has no client: a handler that calls Kubernetes would crash. */
static void
ask(struct reply *reply, const char *method, const char *path,
    const char *content_type, double queued_s)
{
	static const struct body_source source = { read_empty_object, NULL };
	SETTINGS_CLEANUP struct settings *settings = fixture_settings("");
	struct worker_slot slot = { 0 };
	struct app app = { .settings = settings, .slot = &slot };
	struct request request = {
		.method = http_method_of(method),
		.method_name = method,
		.path = path,
		.query = "",
		.content_type = content_type,
		.key_name = "",
		.id = "r1",
		.body_length = 2,
		.queued_s = queued_s,
	};

	reply_init(reply, "r1");
	route_request(&app, &request, &source, reply);
	request_done(&request);
}

static void
assert_problem(
    const struct reply *reply, enum http_status status, const char *what)
{
	JSON_CLEANUP struct json_object *body = fixture_body(reply);

	if (reply->status != status)
		fail_msg("%s: %d %s", what, reply->status, reply->cause);
	assert_string_equal(reply->content_type, "application/problem+json");
	assert_int_equal(k8s_json_int(body, "status", 0), status);
	assert_string_equal(
	    k8s_json_string(body, "title"), http_status_title(status));
	assert_string_equal(k8s_json_string(body, "request_id"), "r1");
	assert_non_null(k8s_json_string(body, "detail"));
	assert_non_null(k8s_json_string(body, "type"));
}

static void
an_unknown_path_is_404(void **state)
{
	static const char *const paths[] = { "", "/", "/api", "/api/",
		"/api/sandboxes/", "/api/sandbox", "/API/sandboxes",
		"/api/sandboxes/a/", "/api/sandboxes/a/b",
		"/api/sandboxes/a/presence/", "/api/sandboxes//presence",
		"/health/", "/healthz", "/metricsx" };
	static const char *const methods[] = { "GET", "POST", "DELETE", "PUT" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		for (size_t m = 0; m < COUNT_OF(methods); m++) {
			REPLY_CLEANUP struct reply reply;

			ask(&reply, methods[m], paths[i], "", 0);
			assert_problem(&reply, HTTP_NOT_FOUND, paths[i]);
		}
	}
}

static void
a_wrong_method_is_405_with_those_allowed(void **state)
{
	static const struct {
		const char *method, *path, *allow;
	} rows[] = {
		{ "POST", "/health", "GET, HEAD" },
		{ "DELETE", "/ready", "GET, HEAD" },
		{ "PUT", "/api/capabilities", "GET, HEAD" },
		{ "DELETE", "/api/sandboxes", "GET, HEAD, POST" },
		{ "OPTIONS", "/api/sandboxes", "GET, HEAD, POST" },
		{ "POST", "/api/sandboxes/a", "GET, HEAD, DELETE" },
		{ "PATCH", "/api/sandboxes/a", "GET, HEAD, DELETE" },
		{ "get", "/api/sandboxes/a", "GET, HEAD, DELETE" },
		{ "DELETE", "/api/sandboxes/a/presence", "GET, HEAD" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		REPLY_CLEANUP struct reply reply;

		ask(&reply, rows[i].method, rows[i].path, "", 0);
		assert_problem(&reply, HTTP_METHOD_NOT_ALLOWED, rows[i].path);
		assert_non_null(fixture_header(&reply, "Allow"));
		assert_string_equal(
		    fixture_header(&reply, "Allow"), rows[i].allow);
	}
}

/* Before the method, the queue and the cluster. */
static void
an_illegal_id_is_422_on_every_method(void **state)
{
	static const char *const ids[] = { "A", "-a", "a-", "a_b", "a.b", "..",
		"a b", "%61", "\u00e9",
		"a23456789012345678901234567890123456789012345678901x",
		"a234567890123456789012345678901234567890123456789012345678901"
		"2345678901234567890123456789012345678901234567890123456789012"
		"345678901234567890" };
	static const char *const methods[] = { "GET", "HEAD", "DELETE", "POST",
		"PUT", "x" };
	static const char *const ends[] = { "", "/presence" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(ids) * COUNT_OF(methods) * 2; i++) {
		char path[256];
		REPLY_CLEANUP struct reply reply;

		snprintf(path, sizeof(path), "/api/sandboxes/%s%s",
		    ids[i / 2 / COUNT_OF(methods)], ends[i % 2]);
		ask(&reply, methods[i / 2 % COUNT_OF(methods)], path, "", 1000);
		assert_problem(&reply, HTTP_UNPROCESSABLE, path);

		JSON_CLEANUP struct json_object *body = fixture_body(&reply);

		assert_string_equal(
		    k8s_json_string(body, "errors.0.field"), "sandbox_id");
	}
}

static void
a_body_that_is_not_declared_json_is_415(void **state)
{
	static const char *const types[] = { "", "text/plain", "application",
		"application/jsonx", "application/json+x", "x/json",
		"application/x-www-form-urlencoded", "multipart/form-data" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(types); i++) {
		REPLY_CLEANUP struct reply reply;

		ask(&reply, "POST", "/api/sandboxes", types[i], 0);
		assert_problem(&reply, HTTP_UNSUPPORTED_MEDIA_TYPE, types[i]);
	}
}

/* An empty object is refused by its fields, so it was read and taken. */
static void
json_is_declared_in_any_case_and_with_parameters(void **state)
{
	static const char *const types[] = { "application/json",
		"Application/JSON", "application/json; charset=utf-8",
		"application/json;charset=utf-8", "application/json ;x" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(types); i++) {
		REPLY_CLEANUP struct reply reply;

		ask(&reply, "POST", "/api/sandboxes", types[i], 0);
		assert_problem(&reply, HTTP_UNPROCESSABLE, types[i]);
	}
}

static void
a_deadline_that_passed_in_the_queue_is_503(void **state)
{
	static const struct {
		const char *method, *path;
		double deadline_s;
	} rows[] = {
		{ "POST", "/api/sandboxes", 25 },
		{ "DELETE", "/api/sandboxes/a", 12 },
		{ "GET", "/api/sandboxes/a", 8 },
		{ "GET", "/api/sandboxes/a/presence", 8 },
		{ "GET", "/api/sandboxes", 8 },
		{ "GET", "/api/capabilities", 1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		REPLY_CLEANUP struct reply reply;

		ask(&reply, rows[i].method, rows[i].path, "application/json",
		    rows[i].deadline_s);
		assert_problem(&reply, HTTP_UNAVAILABLE, rows[i].path);
		assert_string_equal(fixture_header(&reply, "Retry-After"), "1");
	}
}

static void
a_deadline_that_has_not_passed_is_kept(void **state)
{
	REPLY_CLEANUP struct reply late;
	REPLY_CLEANUP struct reply reply;

	(void)state;
	/* refused for its type, so not for its time */
	ask(&late, "POST", "/api/sandboxes", "", 24.9);
	assert_problem(&late, HTTP_UNSUPPORTED_MEDIA_TYPE, "24.9 s");
	ask(&reply, "GET", "/api/capabilities", "", 0.9);
	assert_int_equal(reply.status, HTTP_OK);
}

static void
health_needs_no_cluster(void **state)
{
	static const char *const methods[] = { "GET", "HEAD" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(methods); i++) {
		REPLY_CLEANUP struct reply reply;

		ask(&reply, methods[i], "/health", "", 0);
		assert_int_equal(reply.status, HTTP_OK);
		assert_string_equal(reply.content_type, "application/json");
		assert_int_equal(reply.length, 15);
		assert_memory_equal(reply.text, "{\"status\":\"ok\"}", 15);
	}
}

static void
capabilities_need_no_cluster(void **state)
{
	REPLY_CLEANUP struct reply reply;

	(void)state;
	ask(&reply, "GET", "/api/capabilities", "", 0);
	assert_int_equal(reply.status, HTTP_OK);

	JSON_CLEANUP struct json_object *body = fixture_body(&reply);

	assert_false(k8s_json_bool(body, "lark_cli_init_image", true));
	assert_false(k8s_json_bool(body, "lark_cli_broker_image", true));
	assert_string_equal(k8s_json_string(body, "service_type"), "NodePort");
	assert_int_equal(k8s_json_int(body, "limits.extra_mounts", 0), 10);
	assert_non_null(k8s_json_string(body, "version"));
}

static void
a_route_is_named_as_in_the_table(void **state)
{
	static const char *const rows[][2] = {
		{ "/health", "/health" },
		{ "/api/sandboxes", "/api/sandboxes" },
		{ "/api/sandboxes/abc", "/api/sandboxes/:id" },
		{ "/api/sandboxes/A_B", "/api/sandboxes/:id" },
		{ "/api/sandboxes/abc/presence",
		    "/api/sandboxes/:id/presence" },
		{ "/api/sandboxes/a/b", "-" },
		{ "", "-" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_string_equal(route_name(rows[i][0]), rows[i][1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_unknown_path_is_404),
		cmocka_unit_test(a_wrong_method_is_405_with_those_allowed),
		cmocka_unit_test(an_illegal_id_is_422_on_every_method),
		cmocka_unit_test(a_body_that_is_not_declared_json_is_415),
		cmocka_unit_test(
		    json_is_declared_in_any_case_and_with_parameters),
		cmocka_unit_test(a_deadline_that_passed_in_the_queue_is_503),
		cmocka_unit_test(a_deadline_that_has_not_passed_is_kept),
		cmocka_unit_test(health_needs_no_cluster),
		cmocka_unit_test(capabilities_need_no_cluster),
		cmocka_unit_test(a_route_is_named_as_in_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

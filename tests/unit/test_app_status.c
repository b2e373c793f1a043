/* What a sandbox tells about itself, read from Pods and Services. */
#include "app_fixture.h"

#include "pod_status.h"
#include "sandbox.h"

/* A pod with this `status`, as the API server shows it. */
static struct json_object *
pod_of(const char *metadata, const char *status)
{
	char text[4096];
	int length = snprintf(text, sizeof(text),
	    "{\"metadata\":{\"name\":\"sandbox-s1\"%s},"
	    "\"spec\":{\"containers\":[{\"name\":\"sandbox\"}]},"
	    "\"status\":{%s}}",
	    metadata, status);

	assert_in_range(length, 1, sizeof(text) - 1);
	return fixture_json(text, (size_t)length);
}

#define PODS "tests/golden/pods.json"

/* "" for what is null in the file. */
static const char *
expected_text(struct json_object *row, const char *name)
{
	const char *text = k8s_json_string(row, name);

	return text == NULL ? "" : text;
}

static void
assert_explains_itself(struct json_object *row)
{
	struct sandbox sandbox;

	sandbox_of_pod(&sandbox, k8s_json_map(row, "pod"));
	if (strcmp(sandbox_status_name(sandbox.status),
		expected_text(row, "status")) != 0 ||
	    sandbox.ready != k8s_json_bool(row, "ready", false) ||
	    strcmp(sandbox.reason, expected_text(row, "reason")) != 0 ||
	    strcmp(sandbox.message, expected_text(row, "message")) != 0)
		fail_msg("a pod that is %s: %s ready=%d \"%s\" \"%s\"",
		    k8s_json_string(row, "pod that is"),
		    sandbox_status_name(sandbox.status), sandbox.ready,
		    sandbox.reason, sandbox.message);
}

/* Pods in the shapes in which API servers show them, and what they mean. */
static void
a_pod_explains_itself(void **state)
{
	char *text = fixture_read(PODS);

	(void)state;
	if (text == NULL)
		fail_msg("run the tests where " PODS " is");

	JSON_CLEANUP struct json_object *rows =
	    fixture_json(text, strlen(text));

	free(text);
	assert_true(json_object_array_length(rows) > 0);
	for (size_t i = 0; i < json_object_array_length(rows); i++)
		assert_explains_itself(json_object_array_get_idx(rows, i));
}

static void
long_messages_end_between_characters(void **state)
{
	char status[2048] = "\"phase\":\"Failed\",\"reason\":\"Evicted\","
			    "\"message\":\"";
	struct sandbox sandbox;

	(void)state;
	for (int i = 0; i < 400; i++)
		strcat(status, "\u00e9");
	strcat(status, "\"");
	JSON_CLEANUP struct json_object *pod = pod_of("", status);
	sandbox_of_pod(&sandbox, pod);
	assert_int_equal(strlen(sandbox.message), SANDBOX_MESSAGE_MAX - 2);
	assert_string_equal(
	    sandbox.message + SANDBOX_MESSAGE_MAX - 4, "\u00e9");
	sandbox_of_pod(&sandbox, NULL);
	assert_string_equal(sandbox.message, "");
}

static const char full_pod[] =
    "{\"metadata\":{\"uid\":\"u-1\",\"creationTimestamp\":"
    "\"2026-11-22T20:10:00Z\",\"labels\":{\"app\":\"deer-flow-sandbox\","
    "\"sandbox-id\":\"s1\"},\"annotations\":{"
    "\"sandbox-provisioner/user-id\":\"_u\","
    "\"sandbox-provisioner/thread-id\":\"t_\","
    "\"sandbox-provisioner/last-active-at\":\"2026-11-22T20:11:00Z\","
    "\"sandbox-provisioner/expires-at\":\"2026-11-23T20:11:00Z\"}},"
    "\"spec\":{\"containers\":[{\"name\":\"sidecar\",\"env\":["
    "{\"name\":\"MAX_SHELL_SESSIONS\",\"value\":\"99\"}]},"
    "{\"name\":\"sandbox\",\"env\":[{\"name\":\"X\",\"value\":\"1\"},"
    "{\"name\":\"Y\",\"valueFrom\":{}},"
    "{\"name\":\"MAX_SHELL_SESSIONS\",\"value\":\"25\"}]}]},"
    "\"status\":{\"phase\":\"Running\",\"conditions\":["
    "{\"type\":\"Ready\",\"status\":\"True\"}]}}";

static void
assert_answer(const struct sandbox *sandbox, const char *environment,
    const char *expected)
{
	SETTINGS_CLEANUP struct settings *settings =
	    fixture_settings(environment);
	JSON_CLEANUP struct json_object *answer =
	    sandbox_json(sandbox, settings);

	assert_non_null(answer);
	assert_string_equal(
	    json_object_to_json_string_ext(answer,
		JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
	    expected);
}

static void
an_answer_has_every_field_of_the_contract(void **state)
{
	JSON_CLEANUP struct json_object *pod =
	    fixture_json(full_pod, strlen(full_pod));
	struct sandbox sandbox;

	(void)state;
	sandbox_of_pod(&sandbox, pod);
	sandbox.port = (struct sandbox_port){ 8080, 32123 };
	assert_answer(&sandbox, "NODE_HOST=node.example\n",
	    "{\"sandbox_id\":\"s1\",\"sandbox_url\":"
	    "\"http://node.example:32123\",\"status\":\"Running\","
	    "\"ready\":true,\"reason\":null,\"message\":null,"
	    "\"thread_id\":\"t_\",\"user_id\":\"_u\",\"container_id\":\"u-1\","
	    "\"created_at\":\"2026-11-22T20:10:00Z\","
	    "\"last_active_at\":\"2026-11-22T20:11:00Z\","
	    "\"expires_at\":\"2026-11-23T20:11:00Z\","
	    "\"max_shell_sessions\":25,\"lark_cli_broker\":null}");
}

/* A sandbox of DeerFlow's own provisioner has no annotations of ours. */
static void
what_is_unknown_is_null_in_an_answer(void **state)
{
	JSON_CLEANUP struct json_object *pod = pod_of(
	    ",\"labels\":{\"sandbox-id\":\"s1\"}", "\"phase\":\"Pending\"");
	struct sandbox sandbox;

	(void)state;
	sandbox_of_pod(&sandbox, pod);
	sandbox.port = (struct sandbox_port){ 8080, 0 };
	assert_answer(&sandbox, "K8S_NAMESPACE=n1\n",
	    "{\"sandbox_id\":\"s1\",\"sandbox_url\":"
	    "\"http://sandbox-s1-svc.n1.svc.cluster.local:8080\","
	    "\"status\":\"Pending\",\"ready\":false,\"reason\":null,"
	    "\"message\":null,\"thread_id\":null,\"user_id\":null,"
	    "\"container_id\":null,\"created_at\":null,"
	    "\"last_active_at\":null,\"expires_at\":null,"
	    "\"max_shell_sessions\":10,\"lark_cli_broker\":null}");
}

static void
the_port_is_what_the_service_says(void **state)
{
	static const struct {
		const char *spec;
		bool usable;
		int port, node_port;
	} rows[] = {
		{ "\"type\":\"NodePort\",\"ports\":[{\"port\":8080,"
		  "\"nodePort\":32123}]",
		    true, 8080, 32123 },
		{ "\"type\":\"ClusterIP\",\"ports\":[{\"port\":8080}]", true,
		    8080, 0 },
		{ "\"ports\":[{\"port\":8080}]", true, 8080, 0 },
		/* left over from a Service that was a NodePort once */
		{ "\"type\":\"ClusterIP\",\"ports\":[{\"port\":8080,"
		  "\"nodePort\":32123}]",
		    true, 8080, 0 },
		{ "\"type\":\"NodePort\",\"ports\":[{\"port\":8080}]", false, 0,
		    0 },
		{ "\"type\":\"ClusterIP\",\"ports\":[]", false, 0, 0 },
		{ "\"type\":\"ClusterIP\"", false, 0, 0 },
		{ "\"type\":\"ClusterIP\",\"ports\":[{\"port\":\"8080\"}]",
		    false, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char text[256];
		struct sandbox_port port;

		snprintf(text, sizeof(text), "{\"spec\":{%s}}", rows[i].spec);
		JSON_CLEANUP struct json_object *service =
		    fixture_json(text, strlen(text));

		if (sandbox_port_of(&port, service) != rows[i].usable)
			fail_msg("%s", rows[i].spec);
		if (!rows[i].usable)
			continue;
		assert_int_equal(port.port, rows[i].port);
		assert_int_equal(port.node_port, rows[i].node_port);
	}
}

static void
statuses_have_the_names_of_the_contract(void **state)
{
	static const char *const names[] = { "Pending", "Running", "Succeeded",
		"Failed", "Unknown", "Terminating" };

	(void)state;
	assert_int_equal(COUNT_OF(names), SANDBOX_STATUS__MAX);
	for (size_t i = 0; i < COUNT_OF(names); i++)
		assert_string_equal(
		    sandbox_status_name((enum sandbox_status)i), names[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pod_explains_itself),
		cmocka_unit_test(long_messages_end_between_characters),
		cmocka_unit_test(an_answer_has_every_field_of_the_contract),
		cmocka_unit_test(what_is_unknown_is_null_in_an_answer),
		cmocka_unit_test(the_port_is_what_the_service_says),
		cmocka_unit_test(statuses_have_the_names_of_the_contract),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

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

#define CONDITION(type, status, reason, message)                               \
	"{\"type\":\"" type "\",\"status\":\"" status                          \
	"\",\"lastTransitionTime\":\"2026-01-02T03:04:05Z\",\"reason\":"       \
	"\"" reason "\",\"message\":\"" message "\"}"
#define HOLDS(type)                                                            \
	"{\"type\":\"" type "\",\"status\":\"True\",\"lastProbeTime\":null}"
#define UNREADY                                                                \
	CONDITION("ContainersReady", "False", "ContainersNotReady",            \
	    "containers with unready status: [sandbox]")                       \
	"," CONDITION("Ready", "False", "ContainersNotReady",                  \
	    "containers with unready status: [sandbox]")
#define SCHEDULED                                                              \
	"\"conditions\":[" HOLDS("Initialized") "," UNREADY                    \
						"," HOLDS("PodScheduled") "]"
#define WAITING(reason, message)                                               \
	"\"state\":{\"waiting\":{\"reason\":\"" reason                         \
	"\",\"message\":\"" message "\"}}"

static const struct {
	const char *what, *metadata, *status;
	enum sandbox_status expected;
	bool ready;
	const char *reason, *message;
} pods
    [] = {
	    { "unscheduled", "",
		"\"phase\":\"Pending\",\"conditions\":[" CONDITION(
		    "PodScheduled", "False", "Unschedulable",
		    "0/1 nodes are available: 1 Insufficient cpu.") "]",
		SANDBOX_PENDING, false, "Unschedulable",
		"0/1 nodes are available: 1 Insufficient cpu." },
	    { "starting", "",
		"\"phase\":\"Pending\"," SCHEDULED ",\"containerStatuses\":[{"
		"\"name\":\"sandbox\",\"ready\":false,\"state\":{\"waiting\":{"
		"\"reason\":\"ContainerCreating\"}},\"lastState\":{}}]",
		SANDBOX_PENDING, false, "ContainerCreating", "" },
	    { "image cannot be pulled", "",
		"\"phase\":\"Pending\"," SCHEDULED ",\"containerStatuses\":[{"
		"\"name\":\"sandbox\",\"ready\":false," WAITING(
		    "ErrImagePull", "pull access denied") ",\"lastState\":{}}]",
		SANDBOX_PENDING, false, "ErrImagePull", "pull access denied" },
	    { "pulling is paused", "",
		"\"phase\":\"Pending\"," SCHEDULED ",\"containerStatuses\":[{"
		"\"name\":\"sandbox\",\"ready\":false," WAITING(
		    "ImagePullBackOff",
		    "Back-off pulling image") ",\"lastState\":{}}]",
		SANDBOX_PENDING, false, "ImagePullBackOff",
		"Back-off pulling image" },
	    { "crashes", "",
		"\"phase\":\"Running\"," SCHEDULED ",\"containerStatuses\":[{"
		"\"name\":\"sandbox\",\"ready\":false," WAITING(
		    "CrashLoopBackOff", "back-off 10s restarting failed "
					"container") ","
						     "\"lastState\":{"
						     "\"terminated\":{"
						     "\"exitCode\":1,"
						     "\"reason\":\"Error\"}}}]",
		SANDBOX_RUNNING, false, "CrashLoopBackOff",
		"back-off 10s restarting failed container" },
	    { "crashes for want of memory", "",
		"\"phase\":\"Running\"," SCHEDULED ",\"containerStatuses\":[{"
		"\"name\":\"sandbox\",\"ready\":false," WAITING(
		    "CrashLoopBackOff", "back-off 10s restarting failed "
					"container") ","
						     "\"lastState\":{"
						     "\"terminated\":{"
						     "\"exitCode\":137,"
						     "\"reason\":\"OOMKilled\"}"
						     "}}]",
		SANDBOX_RUNNING, false, "OOMKilled",
		"back-off 10s restarting failed container" },
	    { "ended for want of memory", "",
		"\"phase\":\"Running\"," SCHEDULED ",\"containerStatuses\":[{"
		"\"name\":\"sandbox\",\"ready\":false,\"state\":{"
		"\"terminated\":{"
		"\"exitCode\":137,\"reason\":\"OOMKilled\"}},\"lastState\":{}}"
		"]",
		SANDBOX_RUNNING, false, "OOMKilled", "" },
	    { "evicted", "",
		"\"phase\":\"Failed\",\"reason\":\"Evicted\",\"message\":"
		"\"The node was low on resource: memory.\"",
		SANDBOX_FAILED, false, "Evicted",
		"The node was low on resource: memory." },
	    { "ready", "",
		"\"phase\":\"Running\",\"conditions\":[" HOLDS("Initialized") "," HOLDS(
		    "Ready") "," HOLDS("ContainersReady") "," HOLDS("PodSchedul"
								    "ed") "],"
									  "\"co"
									  "ntai"
									  "nerS"
									  "tatu"
									  "ses"
									  "\":["
									  "{\"n"
									  "ame"
									  "\":"
									  "\"sa"
									  "ndbo"
									  "x\","
									  "\"re"
									  "ady"
									  "\":"
									  "true"
									  ",\"s"
									  "tate"
									  "\":{"
									  "\"ru"
									  "nnin"
									  "g\":"
									  "{}},"
									  "\"la"
									  "stSt"
									  "ate"
									  "\":{"
									  "\"te"
									  "rmin"
									  "ated"
									  "\":{"
									  "\"re"
									  "ason"
									  "\":"
									  "\"Er"
									  "ror"
									  "\"}}"
									  "}]",
		SANDBOX_RUNNING, true, "", "" },
	    { "up, but its probe fails", "",
		"\"phase\":\"Running\"," SCHEDULED ",\"containerStatuses\":[{"
		"\"name\":\"sandbox\",\"ready\":false,\"state\":{\"running\":{}"
		"},"
		"\"lastState\":{}}]",
		SANDBOX_RUNNING, false, "ContainersNotReady",
		"containers with unready status: [sandbox]" },
	    { "up behind a finished init container, but its probe fails", "",
		"\"phase\":\"Running\"," SCHEDULED
		",\"initContainerStatuses\":[{"
		"\"name\":\"init\",\"ready\":true,\"state\":{\"terminated\":{"
		"\"exitCode\":0,\"reason\":\"Completed\"}}}],"
		"\"containerStatuses\":[{\"name\":\"sandbox\",\"ready\":false,"
		"\"state\":{\"running\":{}},\"lastState\":{}}]",
		SANDBOX_RUNNING, false, "ContainersNotReady",
		"containers with unready status: [sandbox]" },
	    { "deleted",
		",\"deletionTimestamp\":\"2026-01-02T03:04:05Z\","
		"\"deletionGracePeriodSeconds\":5",
		"\"phase\":\"Running\",\"conditions\":[" HOLDS("Ready") "]",
		SANDBOX_TERMINATING, true, "", "" },
	    { "init container fails", "",
		"\"phase\":\"Pending\",\"conditions\":[" CONDITION(
		    "Initialized", "False", "ContainersNotInitialized",
		    "containers with incomplete status: [init]") "," UNREADY
								 "," HOLDS(
								     "PodSchedu"
								     "led") "],"
									    "\""
									    "in"
									    "it"
									    "Co"
									    "nt"
									    "ai"
									    "ne"
									    "rS"
									    "ta"
									    "tu"
									    "se"
									    "s"
									    "\""
									    ":["
									    "{"
									    "\""
									    "na"
									    "me"
									    "\""
									    ":"
									    "\""
									    "in"
									    "it"
									    "\""
									    ","
									    "\""
									    "re"
									    "ad"
									    "y"
									    "\""
									    ":f"
									    "al"
									    "se"
									    "," WAITING(
										"CrashLoopBackOff",
										"back-off 40s restarting failed container=init") ","
																 "\"lastState\":{\"terminated\":{\"reason\":\"Error\"}}}],"
																 "\"containerStatuses\":[{\"name\":\"sandbox\",\"ready\":false,"
																 "\"state\":{\"waiting\":{\"reason\":\"PodInitializing\"}}}]",
		SANDBOX_PENDING, false, "CrashLoopBackOff",
		"back-off 40s restarting failed container=init" },
	    { "waits for its init container", "",
		"\"phase\":\"Pending\"," SCHEDULED
		",\"initContainerStatuses\":[{"
		"\"name\":\"init\",\"ready\":true,\"state\":{\"terminated\":{"
		"\"exitCode\":0,\"reason\":\"Completed\"}}}],"
		"\"containerStatuses\":[{\"name\":\"sandbox\",\"ready\":false,"
		"\"state\":{\"waiting\":{\"reason\":\"PodInitializing\"}}}]",
		SANDBOX_PENDING, false, "PodInitializing", "" },
	    { "not seen by any kubelet", "", "", SANDBOX_PENDING, false, "",
		"" },
	    { "finished", "", "\"phase\":\"Succeeded\"", SANDBOX_SUCCEEDED,
		false, "", "" },
	    { "on a lost node", "",
		"\"phase\":\"Unknown\",\"reason\":\"NodeLost\"",
		SANDBOX_UNKNOWN, false, "NodeLost", "" },
	    { "in a phase of the future", "", "\"phase\":\"Paused\"",
		SANDBOX_UNKNOWN, false, "", "" },
	    { "of wrong types", "",
		"\"phase\":5,\"conditions\":{},\"containerStatuses\":[null,7]",
		SANDBOX_PENDING, false, "", "" },
    };

static void
a_pod_explains_itself(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(pods); i++) {
		JSON_CLEANUP struct json_object *pod =
		    pod_of(pods[i].metadata, pods[i].status);
		struct sandbox sandbox;

		sandbox_of_pod(&sandbox, pod);
		if (sandbox.status != pods[i].expected ||
		    sandbox.ready != pods[i].ready ||
		    strcmp(sandbox.reason, pods[i].reason) != 0 ||
		    strcmp(sandbox.message, pods[i].message) != 0)
			fail_msg("a pod that is %s: %s ready=%d \"%s\" \"%s\"",
			    pods[i].what, sandbox_status_name(sandbox.status),
			    sandbox.ready, sandbox.reason, sandbox.message);
	}
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

/* Whole calls against a server that follows a script. */
#include "cmocka_all.h"

#include "json.h"
#include "k8s.h"
#include "scripted_server.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>

#define OK_BODY "{\"kind\":\"Pod\",\"metadata\":{\"uid\":\"u1\"}}"
#define DENIED                                                                 \
	"{\"kind\":\"Status\",\"reason\":\"Unauthorized\","                    \
	"\"message\":\"Unauthorized\"}"

/* One server, one client, and the files that the client reads. */
struct stage {
	struct scripted_server server;
	struct k8s_config *config;
	struct k8s_client *client;
	struct timespec deadline;
	char folder[64];
	char token_file[96];
	char kubeconfig[96];
};

static void
file_write(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void
kubeconfig_write(const struct stage *stage)
{
	char text[600];

	snprintf(text, sizeof(text),
	    "current-context: c\n"
	    "contexts: [{name: c, context: {cluster: k, user: u}}]\n"
	    "clusters: [{name: k, cluster: {server: 'http://127.0.0.1:%d'}}]\n"
	    "users: [{name: u, user: {tokenFile: token}}]\n",
	    stage->server.port);
	file_write(stage->kubeconfig, text);
}

static struct stage *
stage_new(const struct scripted_step *steps, size_t steps_n, size_t max)
{
	struct stage *stage = calloc(1, sizeof(*stage));
	struct k8s_config_options options = { 0 };
	struct k8s_client_options client_options = { .response_max = max };
	struct k8s_error error = { "" };

	assert_non_null(stage);
	strcpy(stage->folder, "/tmp/test_k8s_client.XXXXXX");
	assert_non_null(mkdtemp(stage->folder));
	snprintf(stage->token_file, sizeof(stage->token_file), "%s/token",
	    stage->folder);
	snprintf(stage->kubeconfig, sizeof(stage->kubeconfig), "%s/config",
	    stage->folder);
	assert_true(scripted_start(&stage->server, steps, steps_n));
	file_write(stage->token_file, "first-token\n");
	kubeconfig_write(stage);
	options.kubeconfig = stage->kubeconfig;
	stage->config = k8s_config_load(&options, &error);
	if (stage->config == NULL)
		fail_msg("%s", error.message);
	stage->client = k8s_client_new(stage->config, &client_options, &error);
	if (stage->client == NULL)
		fail_msg("%s", error.message);
	stage->deadline = k8s_deadline_in(10000);
	return stage;
}

#define STAGE(steps) stage_new(steps, sizeof(steps) / sizeof(steps[0]), 0)

static void
stage_free(struct stage *stage)
{
	k8s_client_free(stage->client);
	k8s_config_free(stage->config);
	scripted_stop(&stage->server);
	unlink(stage->token_file);
	unlink(stage->kubeconfig);
	rmdir(stage->folder);
	free(stage);
}

static bool
perform(struct stage *stage, struct k8s_call *call)
{
	return k8s_perform(stage->client, call, 1, &stage->deadline);
}

static struct k8s_call
get_of(const char *name)
{
	return (struct k8s_call){
		.verb = K8S_GET, .resource = &k8s_pods, .ns = "n", .name = name
	};
}

/* Performs a GET that must succeed. */
static void
get_once(struct stage *stage)
{
	struct k8s_call call = get_of("warm");

	if (!perform(stage, &call))
		fail_msg("%s", call.fault.message);
	k8s_call_done(&call);
}

static struct json_object *
body_of(const char *text)
{
	return k8s_json_parse(text, strlen(text), 8, NULL);
}

static bool
asked(const struct stage *stage, int n, const char *text)
{
	return strstr(stage->server.requests[n].text, text) != NULL;
}

static double
now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- Requests and answers ----------------------------------------------- */

static void
a_request_says_what_the_call_says(void **state)
{
	static const struct scripted_step steps[] = {
		{ ANSWER, 201, NULL, OK_BODY },
		{ ANSWER, 200, NULL, OK_BODY },
	};
	struct stage *stage = STAGE(steps);
	struct json_object *body = body_of("{\"metadata\":{\"name\":\"a/b\"}}");
	struct k8s_call create = { .verb = K8S_CREATE,
		.resource = &k8s_pods,
		.ns = "n",
		.body = body };
	struct k8s_call patch = { .verb = K8S_PATCH,
		.resource = &k8s_pods,
		.ns = "n",
		.name = "p",
		.body = body };

	(void)state;
	assert_true(perform(stage, &create));
	assert_int_equal(create.fault.http, 201);
	assert_string_equal(
	    k8s_json_string(create.object, "metadata.uid"), "u1");
	assert_true(perform(stage, &patch));
	assert_true(
	    asked(stage, 0, "POST /api/v1/namespaces/n/pods HTTP/1.1\r\n"));
	assert_true(asked(stage, 0, "Authorization: Bearer first-token\r\n"));
	assert_true(asked(stage, 0, "User-Agent: k8s_client\r\n"));
	assert_true(asked(stage, 0, "Accept: application/json\r\n"));
	assert_true(asked(stage, 0, "Content-Type: application/json\r\n"));
	assert_true(
	    asked(stage, 0, "\r\n\r\n{\"metadata\":{\"name\":\"a/b\"}}"));
	assert_false(asked(stage, 0, "Expect"));
	assert_true(
	    asked(stage, 1, "PATCH /api/v1/namespaces/n/pods/p HTTP/1.1\r\n"));
	assert_true(
	    asked(stage, 1, "Content-Type: application/merge-patch+json\r\n"));
	k8s_call_done(&create);
	k8s_call_done(&patch);
	json_object_put(body);
	stage_free(stage);
}

static void
calls_one_after_the_other_share_a_connection(void **state)
{
	static const struct scripted_step steps[] = {
		{ ANSWER, 200, NULL, OK_BODY },
		{ ANSWER, 404, NULL, DENIED },
		{ ANSWER, 200, NULL, OK_BODY },
	};
	struct stage *stage = STAGE(steps);
	struct k8s_call absent = get_of("x");

	(void)state;
	get_once(stage);
	assert_false(perform(stage, &absent));
	get_once(stage);
	assert_int_equal(stage->server.connections_n, 1);
	assert_int_equal(k8s_client_requests(stage->client), 3);
	k8s_call_done(&absent);
	stage_free(stage);
}

static void
calls_performed_together_overlap(void **state)
{
	static const struct scripted_step steps[] = {
		{ MEET, 200, NULL, OK_BODY },
		{ MEET, 200, NULL, OK_BODY },
		{ ANSWER, 200, NULL, OK_BODY },
		{ ANSWER, 200, NULL, OK_BODY },
	};
	struct stage *stage = STAGE(steps);

	(void)state;
	for (int round = 0; round < 2; round++) {
		struct k8s_call calls[2] = { get_of("a"), get_of("b") };

		assert_true(
		    k8s_perform(stage->client, calls, 2, &stage->deadline));
		k8s_call_done(&calls[0]);
		k8s_call_done(&calls[1]);
	}
	assert_int_equal(stage->server.connections_n, 2);
	stage_free(stage);
}

static void
one_failure_leaves_the_other_calls_alone(void **state)
{
	static const struct scripted_step steps[] = {
		{ ANSWER, 200, NULL, OK_BODY },
	};
	struct stage *stage = STAGE(steps);
	struct k8s_call calls[2] = { get_of(".."), get_of("b") };

	(void)state;
	assert_false(k8s_perform(stage->client, calls, 2, &stage->deadline));
	assert_int_equal(calls[0].fault.kind, K8S_FAULT_PROTOCOL);
	assert_int_equal(calls[1].fault.kind, K8S_FAULT_NONE);
	assert_non_null(calls[1].object);
	k8s_call_done(&calls[0]);
	k8s_call_done(&calls[1]);
	stage_free(stage);
}

static bool
on_item(struct json_object *item, void *data)
{
	*(int *)data += (int)k8s_json_int(item, "v", 0);
	return true;
}

static void
a_list_hands_over_its_items(void **state)
{
	static const struct scripted_step steps[] = {
		{ ANSWER, 200, NULL,
		    "{\"kind\":\"PodList\",\"items\":[{\"v\":1},"
		    "{\"v\":20}],\"metadata\":{}}" },
		{ ANSWER, 403, NULL,
		    "{\"kind\":\"Status\",\"reason\":"
		    "\"Forbidden\",\"items\":[{\"v\":5}]}" },
	};
	struct stage *stage = STAGE(steps);
	int sum = 0;
	struct k8s_call call = { .verb = K8S_LIST,
		.resource = &k8s_pods,
		.ns = "n",
		.item = on_item,
		.item_data = &sum };

	(void)state;
	assert_true(perform(stage, &call));
	assert_int_equal(sum, 21);
	assert_non_null(k8s_json_array(call.object, "items"));
	assert_null(k8s_json_find(call.object, "items.0"));
	k8s_call_done(&call);
	assert_false(perform(stage, &call));
	assert_int_equal(sum, 21);
	assert_int_equal(call.fault.reason, K8S_REASON_FORBIDDEN);
	k8s_call_done(&call);
	stage_free(stage);
}

/* ---- Bad answers -------------------------------------------------------- */

static void
a_bad_answer_is_a_protocol_fault(void **state)
{
	static const struct scripted_step steps[] = {
		{ CUT, 200, NULL, "{\"kind\":" },
		{ ANSWER, 200, NULL, "<html>" },
		{ ANSWER, 200, NULL, "" },
		{ ANSWER, 200, NULL, "[]" },
		{ ANSWER, 302, "Location: /x\r\n", "" },
	};
	struct stage *stage = STAGE(steps);

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct k8s_call call = get_of("x");

		assert_false(perform(stage, &call));
		assert_int_equal(call.fault.kind, K8S_FAULT_PROTOCOL);
		assert_null(call.object);
		assert_false(call.fault.maybe_done);
		k8s_call_done(&call);
	}
	assert_int_equal(stage->server.requests_n, 5);
	stage_free(stage);
}

static void
a_write_with_a_cut_answer_may_be_done(void **state)
{
	static const struct scripted_step steps[] = {
		{ CUT, 201, NULL, "{\"kind\":" },
		{ ANSWER, 502, NULL, "<html>bad gateway</html>" },
		{ ANSWER, 500, NULL, "{\"kind\":\"Status\"}" },
	};
	struct stage *stage = STAGE(steps);
	struct json_object *body = body_of("{\"metadata\":{\"name\":\"a\"}}");
	struct k8s_call call = { .verb = K8S_CREATE,
		.resource = &k8s_pods,
		.ns = "n",
		.body = body };

	(void)state;
	assert_false(perform(stage, &call));
	assert_int_equal(call.fault.kind, K8S_FAULT_PROTOCOL);
	assert_true(call.fault.maybe_done);
	k8s_call_done(&call);
	assert_false(perform(stage, &call));
	assert_int_equal(call.fault.kind, K8S_FAULT_STATUS);
	assert_int_equal(call.fault.http, 502);
	assert_true(call.fault.maybe_done);
	k8s_call_done(&call);
	assert_false(perform(stage, &call));
	assert_int_equal(call.fault.http, 500);
	assert_false(call.fault.maybe_done);
	k8s_call_done(&call);
	json_object_put(body);
	stage_free(stage);
}

static void
an_endless_answer_hits_the_ceiling(void **state)
{
	static const struct scripted_step steps[] = { { .act = ENDLESS } };
	struct stage *stage = stage_new(steps, 1, 100000);
	struct k8s_call call = get_of("x");

	(void)state;
	assert_false(perform(stage, &call));
	assert_int_equal(call.fault.kind, K8S_FAULT_PROTOCOL);
	assert_non_null(
	    strstr(call.fault.message, "it is larger than 100000 bytes"));
	k8s_call_done(&call);
	stage_free(stage);
}

/* ---- Deadlines ---------------------------------------------------------- */

static void
on_alarm(int signal)
{
	(void)signal;
}

static void
a_deadline_holds_in_a_black_hole_despite_signals(void **state)
{
	static const struct scripted_step steps[] = { { .act = SILENCE },
		{ .act = SILENCE } };
	struct stage *stage = STAGE(steps);
	struct json_object *body = body_of("{\"metadata\":{\"name\":\"a\"}}");
	struct k8s_call calls[2] = { get_of("x"), { .verb = K8S_CREATE,
						      .resource = &k8s_pods,
						      .ns = "n",
						      .body = body } };
	struct sigaction action = { .sa_handler = on_alarm }, before;
	struct itimerval every = { { 0, 50000 }, { 0, 50000 } }, never = { 0 };

	(void)state;
	sigaction(SIGALRM, &action, &before);
	setitimer(ITIMER_REAL, &every, NULL);
	double start = now_s();
	stage->deadline = k8s_deadline_in(600);
	assert_false(k8s_perform(stage->client, calls, 2, &stage->deadline));
	double took = now_s() - start;
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &before, NULL);
	assert_true(took > 0.55 && took < 2.5);
	assert_int_equal(calls[0].fault.kind, K8S_FAULT_TIMEOUT);
	assert_false(calls[0].fault.maybe_done);
	assert_int_equal(calls[1].fault.kind, K8S_FAULT_TIMEOUT);
	assert_true(calls[1].fault.maybe_done);
	k8s_call_done(&calls[0]);
	k8s_call_done(&calls[1]);
	json_object_put(body);
	stage_free(stage);
}

static void
a_deadline_that_has_passed_sends_nothing(void **state)
{
	struct stage *stage = stage_new(NULL, 0, 0);
	struct k8s_call call = { .verb = K8S_DELETE,
		.resource = &k8s_pods,
		.ns = "n",
		.name = "x" };

	(void)state;
	stage->deadline = k8s_deadline_in(-1);
	assert_false(perform(stage, &call));
	assert_int_equal(call.fault.kind, K8S_FAULT_TIMEOUT);
	assert_false(call.fault.maybe_done);
	assert_int_equal(stage->server.connections_n, 0);
	assert_int_equal(k8s_client_requests(stage->client), 0);
	k8s_call_done(&call);
	stage_free(stage);
}

static void
a_refused_connection_is_named_in_plain_words(void **state)
{
	struct stage *stage = stage_new(NULL, 0, 0);
	struct k8s_call call = get_of("x");
	char expected[100];

	(void)state;
	snprintf(expected, sizeof(expected),
	    "cannot connect to http://127.0.0.1:%d: Connection refused",
	    stage->server.port);
	scripted_stop(&stage->server);
	assert_false(perform(stage, &call));
	assert_int_equal(call.fault.kind, K8S_FAULT_UNREACHABLE);
	assert_string_equal(call.fault.message, expected);
	k8s_call_done(&call);
	assert_true(scripted_start(&stage->server, NULL, 0));
	stage_free(stage);
}

/* ---- Retries ------------------------------------------------------------ */

static void
a_dead_kept_connection_is_replaced_once_for_what_is_safe(void **state)
{
	static const struct scripted_step steps[] = {
		{ ANSWER, 200, NULL, OK_BODY }, /* keeps the connection */
		{ .act = HANG_UP },
		{ ANSWER, 201, NULL, OK_BODY },
	};
	struct json_object *named = body_of("{\"metadata\":{\"name\":\"a\"}}");
	struct json_object *uid =
	    body_of("{\"preconditions\":{\"uid\":\"u1\"}}");
	const struct k8s_call rows[] = {
		get_of("x"),
		{ .verb = K8S_LIST, .resource = &k8s_pods, .ns = "n" },
		{ .verb = K8S_CREATE,
		    .resource = &k8s_pods,
		    .ns = "n",
		    .body = named },
		{ .verb = K8S_DELETE,
		    .resource = &k8s_pods,
		    .ns = "n",
		    .name = "x",
		    .body = uid },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct stage *stage = STAGE(steps);
		struct k8s_call call = rows[i];

		get_once(stage);
		if (!perform(stage, &call))
			fail_msg("row %zu: %s", i, call.fault.message);
		assert_int_equal(stage->server.requests_n, 3);
		assert_int_equal(stage->server.requests[1].connection, 0);
		assert_string_equal(stage->server.requests[1].text,
		    stage->server.requests[2].text);
		k8s_call_done(&call);
		stage_free(stage);
	}
	json_object_put(named);
	json_object_put(uid);
}

static void
a_dead_kept_connection_is_not_replaced_for_what_is_not(void **state)
{
	static const struct scripted_step steps[] = {
		{ ANSWER, 200, NULL, OK_BODY },
		{ .act = HANG_UP },
		{ ANSWER, 200, NULL, OK_BODY },
	};
	struct json_object *unnamed =
	    body_of("{\"metadata\":{\"generateName\":\"a\"}}");
	const struct k8s_call rows[] = {
		{ .verb = K8S_DELETE,
		    .resource = &k8s_pods,
		    .ns = "n",
		    .name = "x" },
		{ .verb = K8S_DELETE,
		    .resource = &k8s_pods,
		    .ns = "n",
		    .name = "x",
		    .body = unnamed },
		{ .verb = K8S_CREATE,
		    .resource = &k8s_pods,
		    .ns = "n",
		    .body = unnamed },
		{ .verb = K8S_PATCH,
		    .resource = &k8s_pods,
		    .ns = "n",
		    .name = "x",
		    .body = unnamed },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct stage *stage = STAGE(steps);
		struct k8s_call call = rows[i];

		get_once(stage);
		if (perform(stage, &call))
			fail_msg("row %zu was repeated", i);
		assert_int_equal(stage->server.requests_n, 2);
		assert_int_equal(call.fault.kind, K8S_FAULT_UNREACHABLE);
		assert_true(call.fault.maybe_done);
		k8s_call_done(&call);
		stage_free(stage);
	}
	json_object_put(unnamed);
}

static void
a_second_dead_connection_is_the_end(void **state)
{
	static const struct scripted_step steps[] = {
		{ ANSWER, 200, NULL, OK_BODY },
		{ .act = HANG_UP },
		{ .act = HANG_UP },
		{ ANSWER, 200, NULL, OK_BODY },
	};
	struct stage *stage = STAGE(steps);
	struct k8s_call call = get_of("x");

	(void)state;
	get_once(stage);
	assert_false(perform(stage, &call));
	assert_int_equal(call.fault.kind, K8S_FAULT_UNREACHABLE);
	assert_int_equal(stage->server.requests_n, 3);
	k8s_call_done(&call);
	stage_free(stage);
}

static void
a_new_connection_that_dies_is_not_retried(void **state)
{
	static const struct scripted_step steps[] = { { .act = HANG_UP },
		{ ANSWER, 200, NULL, OK_BODY } };
	struct stage *stage = STAGE(steps);
	struct k8s_call call = get_of("x");

	(void)state;
	assert_false(perform(stage, &call));
	assert_int_equal(call.fault.kind, K8S_FAULT_UNREACHABLE);
	assert_int_equal(stage->server.requests_n, 1);
	k8s_call_done(&call);
	stage_free(stage);
}

static void
a_connection_closed_while_idle_costs_no_retry(void **state)
{
	static const struct scripted_step steps[] = {
		{ ANSWER_END, 200, NULL, OK_BODY },
		{ ANSWER, 200, NULL, OK_BODY },
	};
	struct stage *stage = STAGE(steps);
	struct k8s_call call = { .verb = K8S_DELETE,
		.resource = &k8s_pods,
		.ns = "n",
		.name = "x" };

	(void)state;
	get_once(stage);
	/* Its thread ends after the shutdown, so the end has been sent. */
	pthread_join(stage->server.connections[0].thread, NULL);
	assert_int_equal(
	    pthread_create(&stage->server.connections[0].thread, NULL,
		scripted_serve, &stage->server.connections[0]),
	    0);
	assert_true(perform(stage, &call));
	assert_int_equal(stage->server.requests[1].connection, 1);
	k8s_call_done(&call);
	stage_free(stage);
}

static void
a_401_reads_the_token_file_again_once(void **state)
{
	static const struct scripted_step steps[] = {
		{ ANSWER, 200, NULL, OK_BODY },
		{ ANSWER, 401, NULL, DENIED },
		{ ANSWER, 200, NULL, OK_BODY },
		{ ANSWER, 401, NULL, DENIED },
		{ ANSWER, 401, NULL, DENIED },
	};
	struct stage *stage = STAGE(steps);
	struct k8s_call call = get_of("x");

	(void)state;
	get_once(stage);
	file_write(stage->token_file, "second-token");
	get_once(stage);
	assert_true(asked(stage, 1, "Bearer first-token\r\n"));
	assert_true(asked(stage, 2, "Bearer second-token\r\n"));
	file_write(stage->token_file, "third-token");
	assert_false(perform(stage, &call));
	assert_int_equal(stage->server.requests_n, 5);
	assert_true(asked(stage, 4, "Bearer third-token\r\n"));
	assert_int_equal(call.fault.reason, K8S_REASON_UNAUTHORIZED);
	k8s_call_done(&call);
	stage_free(stage);
}

static void
a_401_for_the_same_token_is_final(void **state)
{
	static const struct scripted_step steps[] = { { ANSWER, 401, NULL,
	    DENIED } };
	struct stage *stage = STAGE(steps);
	struct k8s_call call = get_of("x");

	(void)state;
	assert_false(perform(stage, &call));
	assert_int_equal(stage->server.requests_n, 1);
	assert_null(strstr(call.fault.message, "token"));
	k8s_call_done(&call);
	stage_free(stage);
}

static void
a_429_is_repeated_after_retry_after_if_there_is_time(void **state)
{
	static const struct scripted_step steps[] = {
		{ ANSWER, 429, "Retry-After: 1\r\n", "Too many requests" },
		{ ANSWER, 200, NULL, OK_BODY },
		{ ANSWER, 429, "Retry-After: 1\r\n", "Too many requests" },
	};
	struct stage *stage = STAGE(steps);
	struct k8s_call call = get_of("x");

	(void)state;
	assert_true(perform(stage, &call));
	double waited =
	    stage->server.requests[1].at_s - stage->server.requests[0].at_s;
	assert_true(waited >= 0.99 && waited < 3);
	k8s_call_done(&call);
	stage->deadline = k8s_deadline_in(1900);
	assert_false(perform(stage, &call));
	assert_int_equal(call.fault.http, 429);
	assert_int_equal(call.fault.retry_after_s, 1);
	assert_int_equal(stage->server.requests_n, 3);
	k8s_call_done(&call);
	stage_free(stage);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_says_what_the_call_says),
		cmocka_unit_test(calls_one_after_the_other_share_a_connection),
		cmocka_unit_test(calls_performed_together_overlap),
		cmocka_unit_test(one_failure_leaves_the_other_calls_alone),
		cmocka_unit_test(a_list_hands_over_its_items),
		cmocka_unit_test(a_bad_answer_is_a_protocol_fault),
		cmocka_unit_test(a_write_with_a_cut_answer_may_be_done),
		cmocka_unit_test(an_endless_answer_hits_the_ceiling),
		cmocka_unit_test(
		    a_deadline_holds_in_a_black_hole_despite_signals),
		cmocka_unit_test(a_deadline_that_has_passed_sends_nothing),
		cmocka_unit_test(a_refused_connection_is_named_in_plain_words),
		cmocka_unit_test(
		    a_dead_kept_connection_is_replaced_once_for_what_is_safe),
		cmocka_unit_test(
		    a_dead_kept_connection_is_not_replaced_for_what_is_not),
		cmocka_unit_test(a_second_dead_connection_is_the_end),
		cmocka_unit_test(a_new_connection_that_dies_is_not_retried),
		cmocka_unit_test(a_connection_closed_while_idle_costs_no_retry),
		cmocka_unit_test(a_401_reads_the_token_file_again_once),
		cmocka_unit_test(a_401_for_the_same_token_is_final),
		cmocka_unit_test(
		    a_429_is_repeated_after_retry_after_if_there_is_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

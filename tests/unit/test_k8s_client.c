/* Whole calls against a server that follows a script. */
#include "client_stage.h"

#include <json-c/json.h>
#include <signal.h>
#include <sys/time.h>

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
		{ ANSWER, 503, NULL, "{\"kind\":\"Status\"}" },
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
	assert_true(call.fault.maybe_done);
	k8s_call_done(&call);
	assert_false(perform(stage, &call));
	assert_int_equal(call.fault.http, 503);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

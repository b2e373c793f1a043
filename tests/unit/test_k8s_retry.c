/* What is sent again, and what never is. */
#include "client_stage.h"

#include <json-c/json.h>

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

/* What a call becomes (URL), and what an answer becomes (fault, items). */
#include "cmocka_all.h"

#include "items.h"
#include "json.h"
#include "resource.h"
#include "status.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- URLs --------------------------------------------------------------- */

static void
url_follows_verb_resource_and_names(void **state)
{
	struct json_object *body = json_object_new_object();
	const struct {
		struct k8s_call call;
		const char *url;
	} rows[] = {
		{ { .verb = K8S_GET,
		      .resource = &k8s_pods,
		      .ns = "n",
		      .name = "p" },
		    "B/api/v1/namespaces/n/pods/p" },
		{ { .verb = K8S_LIST,
		      .resource = &k8s_services,
		      .ns = "n",
		      .query = "labelSelector=a%3Db&limit=5" },
		    "B/api/v1/namespaces/n/services"
		    "?labelSelector=a%3Db&limit=5" },
		{ { .verb = K8S_LIST, .resource = &k8s_pods },
		    "B/api/v1/pods" },
		{ { .verb = K8S_CREATE,
		      .resource = &k8s_pods,
		      .ns = "n",
		      .name = "ignored",
		      .body = body },
		    "B/api/v1/namespaces/n/pods" },
		{ { .verb = K8S_PATCH,
		      .resource = &k8s_pods,
		      .ns = "n",
		      .name = "p",
		      .body = body },
		    "B/api/v1/namespaces/n/pods/p" },
		{ { .verb = K8S_DELETE,
		      .resource = &k8s_namespaces,
		      .name = "n",
		      .query = "" },
		    "B/api/v1/namespaces/n" },
		{ { .verb = K8S_CREATE,
		      .resource = &k8s_self_subject_access_reviews,
		      .body = body },
		    "B/apis/authorization.k8s.io/v1/selfsubjectaccessreviews" },
		{ { .verb = K8S_GET,
		      .resource = &k8s_pods,
		      .ns = "a/b?c#d",
		      .name = "../%2e \xc3\xa9" },
		    "B/api/v1/namespaces/a%2Fb%3Fc%23d/pods/"
		    "..%2F%252e%20%C3%A9" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct k8s_error error = { 0 };
		char *url = k8s_resource_url("B", &rows[i].call, &error);

		if (url == NULL)
			fail_msg("row %zu: %s", i, error.message);
		assert_string_equal(url, rows[i].url);
		free(url);
	}
	json_object_put(body);
}

static void
a_call_that_would_hit_a_collection_is_refused(void **state)
{
	static const struct k8s_call rows[] = {
		{ .verb = K8S_DELETE, .resource = &k8s_pods, .ns = "n" },
		{ .verb = K8S_DELETE,
		    .resource = &k8s_pods,
		    .ns = "n",
		    .name = "" },
		{ .verb = K8S_DELETE,
		    .resource = &k8s_pods,
		    .ns = "n",
		    .name = ".." },
		{ .verb = K8S_GET,
		    .resource = &k8s_pods,
		    .ns = "n",
		    .name = "." },
		{ .verb = K8S_DELETE, .resource = &k8s_pods, .name = "p" },
		{ .verb = K8S_LIST, .resource = &k8s_pods, .ns = "" },
		{ .verb = K8S_CREATE, .resource = &k8s_pods, .ns = "n" },
		{ .verb = K8S_LIST, .resource = &k8s_pods, .query = "a b" },
		{ .verb = K8S_LIST, .resource = &k8s_pods, .query = "a#b" },
		{ .verb = K8S_LIST, .resource = &k8s_pods, .query = "a\r\nX:" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct k8s_error error = { 0 };

		assert_null(k8s_resource_url("B", &rows[i], &error));
		assert_true(strlen(error.message) > 0);
	}
}

static void
verbs_are_spelt_as_rbac_does(void **state)
{
	(void)state;
	assert_string_equal(k8s_verb_name(K8S_LIST), "list");
	assert_string_equal(k8s_verb_name(K8S_PATCH), "patch");
}

/* ---- Status ------------------------------------------------------------- */

static struct k8s_fault
fault_of(int http, const char *body)
{
	struct k8s_fault fault = { 0 };
	struct json_object *object =
	    k8s_json_parse_answer(body, strlen(body), NULL);

	k8s_status_fault(&fault, http, 0, object, body, "https://api:1");
	json_object_put(object);
	return fault;
}

static void
status_keeps_reason_message_and_retry_after(void **state)
{
	struct k8s_fault fault =
	    fault_of(409, "{\"kind\":\"Status\",\"reason\":\"AlreadyExists\","
			  "\"message\":\"pods \\\"x\\\" already\\nexists\","
			  "\"details\":{\"retryAfterSeconds\":3}}");

	(void)state;
	assert_int_equal(fault.kind, K8S_FAULT_STATUS);
	assert_int_equal(fault.http, 409);
	assert_int_equal(fault.reason, K8S_REASON_ALREADY_EXISTS);
	assert_int_equal(fault.retry_after_s, 3);
	assert_string_equal(fault.message, "pods \"x\" already exists");
}

static void
every_reason_of_the_header_is_known(void **state)
{
	static const char *const names[] = { "Unauthorized", "Forbidden",
		"NotFound", "AlreadyExists", "Conflict", "Gone", "Invalid",
		"ServerTimeout", "Timeout", "TooManyRequests", "BadRequest",
		"MethodNotAllowed", "InternalError", "Expired",
		"ServiceUnavailable" };
	char body[100];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(body, sizeof(body),
		    "{\"kind\":\"Status\",\"reason\":\"%s\"}", names[i]);
		assert_int_equal(fault_of(400, body).reason, i + 1);
	}
	assert_int_equal(K8S_REASON__MAX, 1 + sizeof(names) / sizeof(names[0]));
}

static void
a_404_that_is_no_status_is_not_an_absent_object(void **state)
{
	struct k8s_fault fault = fault_of(404, "404 page not found\n");

	(void)state;
	assert_int_equal(fault.kind, K8S_FAULT_STATUS);
	assert_int_equal(fault.reason, K8S_REASON_UNKNOWN);
	assert_string_equal(fault.message,
	    "https://api:1 answered HTTP 404 without a Kubernetes Status: 404 "
	    "page not found");
	assert_int_equal(
	    fault_of(429, "Too many").reason, K8S_REASON_TOO_MANY_REQUESTS);
	assert_string_equal(fault_of(502, "<html>x</html>").message,
	    "https://api:1 answered HTTP 502 without a Kubernetes Status");
}

static void
a_long_message_is_cut_between_characters(void **state)
{
	char body[4000] = "{\"kind\":\"Status\",\"message\":\"x";
	struct k8s_fault fault;

	(void)state;
	for (int i = 0; i < 1000; i++)
		strcat(body, "\xc3\xa9");
	strcat(body, "\"}");
	fault = fault_of(500, body);
	assert_int_equal(strlen(fault.message), K8S_MESSAGE_MAX - 1);
	assert_int_equal(
	    (unsigned char)fault.message[K8S_MESSAGE_MAX - 2], 0xa9);
}

/* ---- Items -------------------------------------------------------------- */

struct seen {
	char names[200];
	int n;
	int stop_at; /* 0 = never */
};

static bool
on_item(struct json_object *item, void *data)
{
	struct seen *seen = data;
	const char *name = k8s_json_string(item, "n");

	strcat(seen->names, name != NULL ? name : "?");
	strcat(seen->names, ";");
	return ++seen->n != seen->stop_at;
}

/* Feeds `text` in pieces of `step` bytes. */
static bool
feed(struct k8s_items *items, const char *text, size_t step)
{
	size_t length = strlen(text);

	for (size_t at = 0; at < length; at += step)
		if (!k8s_items_feed(items, text + at,
			step < length - at ? step : length - at))
			return false;
	return true;
}

static const char list_text[] =
    "{\"kind\":\"PodList\", \"items2\":[1], \"a\":{\"items\":[2]},"
    "\"b\":\"items\", \"items\" : [ {\"n\":\"1]}\\\"\",\"x\":[{\"y\":[]}]} ,"
    "\n{\"n\":\"\\\\\"},{\"n\":\"[{\",\"items\":[{}]} ] ,"
    "\"metadata\":{\"continue\":\"c\\\"]\"}}";

static void
items_are_split_wherever_the_bytes_are_cut(void **state)
{
	(void)state;
	for (size_t step = 1; step < sizeof(list_text); step++) {
		struct seen seen = { 0 };
		struct k8s_items items;

		k8s_items_init(&items, on_item, &seen, 200);
		assert_true(feed(&items, list_text, step));
		assert_string_equal(seen.names, "1]}\";\\;[{;");
		assert_string_equal(items.rest.data,
		    "{\"kind\":\"PodList\", \"items2\":[1], \"a\":{\"items\":"
		    "[2]},\"b\":\"items\", \"items\" : [] ,\"metadata\":{"
		    "\"continue\":\"c\\\"]\"}}");
		k8s_items_done(&items);
	}
}

static void
lists_without_items_are_left_alone(void **state)
{
	static const char *const rows[] = { "{\"items\":[]}",
		"{\"items\":null}", "{\"items\":{\"a\":[{}]}}",
		"[{\"items\":[{}]}]", "{\"kind\":\"Status\"}", "[]" };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct seen seen = { 0 };
		struct k8s_items items;

		k8s_items_init(&items, on_item, &seen, 200);
		assert_true(feed(&items, rows[i], 1));
		assert_int_equal(seen.n, 0);
		assert_string_equal(items.rest.data, rows[i]);
		k8s_items_done(&items);
	}
}

static void
items_that_are_no_list_of_objects_are_refused(void **state)
{
	static const char *const rows[] = { "{\"items\":[1]}",
		"{\"items\":[{}{}]}", "{\"items\":[{},]}", "{\"items\":[,{}]}",
		"{\"items\":[{},,{}]}", "{\"items\":[{]]}", "{\"items\":[[]]}",
		"{\"items\":[{\"a\":1,\"a\":2}]}" };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct seen seen = { 0 };
		struct k8s_items items;

		k8s_items_init(&items, on_item, &seen, 200);
		if (feed(&items, rows[i], 1))
			fail_msg("accepted: %s", rows[i]);
		assert_int_equal(items.failed, K8S_FAULT_PROTOCOL);
		k8s_items_done(&items);
	}
}

static void
the_ceiling_counts_for_each_item_not_for_the_list(void **state)
{
	struct seen seen = { 0 };
	struct k8s_items items;

	(void)state;
	k8s_items_init(&items, on_item, &seen, 20);
	assert_true(feed(&items, "{\"items\":[{\"n\":\"1234567\"}", 3));
	for (int i = 0; i < 10; i++)
		assert_true(feed(&items, ",{\"n\":\"1234567\"}", 4));
	assert_int_equal(seen.n, 11);
	assert_false(feed(&items, ",{\"n\":\"123456789012345\"}", 5));
	assert_int_equal(items.failed, K8S_FAULT_PROTOCOL);
	assert_string_equal(items.error.message, "it is larger than 20 bytes");
	k8s_items_done(&items);
}

static void
a_taker_that_refuses_stops_the_list(void **state)
{
	struct seen seen = { .stop_at = 2 };
	struct k8s_items items;

	(void)state;
	k8s_items_init(&items, on_item, &seen, 200);
	assert_false(feed(&items, "{\"items\":[{},{},{}]}", 100));
	assert_int_equal(seen.n, 2);
	assert_int_equal(items.failed, K8S_FAULT_MEMORY);
	k8s_items_done(&items);
}

/* ---- Deadlines ---------------------------------------------------------- */

static void
a_deadline_counts_down_to_0(void **state)
{
	struct timespec later = k8s_deadline_in(60500);
	struct timespec past = k8s_deadline_in(-1500);
	struct timespec never = { .tv_sec = (time_t)1 << 60 };
	long left = k8s_deadline_left_ms(&later);

	(void)state;
	assert_in_range(left, 50000, 60500);
	assert_int_equal(k8s_deadline_left_ms(&past), 0);
	assert_int_equal(k8s_deadline_left_ms(&never), INT_MAX);
	assert_in_range(later.tv_nsec, 0, 999999999);
	assert_in_range(past.tv_nsec, 0, 999999999);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(url_follows_verb_resource_and_names),
		cmocka_unit_test(a_call_that_would_hit_a_collection_is_refused),
		cmocka_unit_test(verbs_are_spelt_as_rbac_does),
		cmocka_unit_test(status_keeps_reason_message_and_retry_after),
		cmocka_unit_test(every_reason_of_the_header_is_known),
		cmocka_unit_test(
		    a_404_that_is_no_status_is_not_an_absent_object),
		cmocka_unit_test(a_long_message_is_cut_between_characters),
		cmocka_unit_test(items_are_split_wherever_the_bytes_are_cut),
		cmocka_unit_test(lists_without_items_are_left_alone),
		cmocka_unit_test(items_that_are_no_list_of_objects_are_refused),
		cmocka_unit_test(
		    the_ceiling_counts_for_each_item_not_for_the_list),
		cmocka_unit_test(a_taker_that_refuses_stops_the_list),
		cmocka_unit_test(a_deadline_counts_down_to_0),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

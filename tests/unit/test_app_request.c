/* Requests as parameters deliver them, and the shape of replies. */
#include "app_fixture.h"

#include "request.h"
#include "tree.h"

#include <time.h>

static char *const no_parameters[] = { NULL };

static enum http_status
init_with(struct request *request, struct reply *reply, const char *parameter)
{
	char *copy = strdup(parameter);
	char *const parameters[] = { copy, NULL };
	enum http_status status = request_init(request, parameters, reply);

	free(copy); /* what is borrowed from it is not read afterwards */
	return status;
}

static void
parameters_become_fields(void **state)
{
	static char *const parameters[] = {
		"REQUEST_METHOD=POST",
		"DOCUMENT_URI=/api/sandboxes",
		"QUERY_STRING=limit=1",
		"CONTENT_TYPE=application/json",
		"CONTENT_LENGTH=12",
		"REQUEST_ID_X=no",
		"REQUEST_ID=0123456789abcdef",
		"API_KEY_NAME=laptop",
		NULL,
	};
	struct request request;
	REPLY_CLEANUP struct reply reply;

	(void)state;
	assert_int_equal(request_init(&request, parameters, &reply), HTTP_OK);
	assert_int_equal(request.method, HTTP_POST);
	assert_string_equal(request.method_name, "POST");
	assert_string_equal(request.path, "/api/sandboxes");
	assert_string_equal(request.query, "limit=1");
	assert_string_equal(request.content_type, "application/json");
	assert_string_equal(request.key_name, "laptop");
	assert_string_equal(request.id, "0123456789abcdef");
	assert_int_equal(request.body_length, 12);
	assert_null(request.body);
	assert_ptr_equal(reply.request_id, request.id);
}

static void
absent_parameters_are_empty(void **state)
{
	struct request request;
	REPLY_CLEANUP struct reply reply;

	(void)state;
	assert_int_equal(
	    request_init(&request, no_parameters, &reply), HTTP_OK);
	assert_int_equal(request.method, HTTP_OTHER);
	assert_string_equal(request.path, "");
	assert_string_equal(request.query, "");
	assert_string_equal(request.content_type, "");
	assert_string_equal(request.key_name, "");
	assert_int_equal(request.body_length, 0);
	assert_true(request.queued_s == 0);
}

static void
methods_are_case_sensitive(void **state)
{
	static const struct {
		const char *parameter;
		enum http_method method;
	} rows[] = {
		{ "REQUEST_METHOD=GET", HTTP_GET },
		{ "REQUEST_METHOD=HEAD", HTTP_GET },
		{ "REQUEST_METHOD=POST", HTTP_POST },
		{ "REQUEST_METHOD=DELETE", HTTP_DELETE },
		{ "REQUEST_METHOD=PUT", HTTP_OTHER },
		{ "REQUEST_METHOD=get", HTTP_OTHER },
		{ "REQUEST_METHOD=", HTTP_OTHER },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct request request;
		REPLY_CLEANUP struct reply reply;

		init_with(&request, &reply, rows[i].parameter);
		assert_int_equal(request.method, rows[i].method);
	}
}

static void
a_length_is_digits_up_to_the_limit(void **state)
{
	static const struct {
		const char *parameter;
		enum http_status status;
		size_t length;
	} rows[] = {
		{ "CONTENT_LENGTH=", HTTP_OK, 0 },
		{ "CONTENT_LENGTH=0", HTTP_OK, 0 },
		{ "CONTENT_LENGTH=007", HTTP_OK, 7 },
		{ "CONTENT_LENGTH=65536", HTTP_OK, 65536 },
		{ "CONTENT_LENGTH=65537", HTTP_CONTENT_TOO_LARGE, 65537 },
		{ "CONTENT_LENGTH=18446744073709551616", HTTP_BAD_REQUEST, 0 },
		{ "CONTENT_LENGTH=99999999999999999999999", HTTP_BAD_REQUEST,
		    0 },
		{ "CONTENT_LENGTH=-1", HTTP_BAD_REQUEST, 0 },
		{ "CONTENT_LENGTH=+1", HTTP_BAD_REQUEST, 0 },
		{ "CONTENT_LENGTH= 1", HTTP_BAD_REQUEST, 0 },
		{ "CONTENT_LENGTH=1 ", HTTP_BAD_REQUEST, 0 },
		{ "CONTENT_LENGTH=1x", HTTP_BAD_REQUEST, 0 },
		{ "CONTENT_LENGTH=0x10", HTTP_BAD_REQUEST, 0 },
		{ "CONTENT_LENGTH=1.0", HTTP_BAD_REQUEST, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct request request;
		REPLY_CLEANUP struct reply reply;

		if (init_with(&request, &reply, rows[i].parameter) !=
			rows[i].status ||
		    request.body_length != rows[i].length)
			fail_msg("%s: %d", rows[i].parameter, reply.status);
	}
}

#define HEX32 "0123456789abcdef0123456789abcdef"

static void
an_id_is_harmless_or_replaced(void **state)
{
	static const struct {
		const char *id;
		bool kept;
	} rows[] = {
		{ "a", true },
		{ "A-b_9", true },
		{ HEX32 HEX32, true },
		{ HEX32 HEX32 "0", false },
		{ "", false },
		{ "a b", false },
		{ "a\nb", false },
		{ "a\"b", false },
		{ "\u00e9", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char parameter[128];
		struct request request;
		REPLY_CLEANUP struct reply reply;

		snprintf(
		    parameter, sizeof(parameter), "REQUEST_ID=%s", rows[i].id);
		assert_int_equal(
		    init_with(&request, &reply, parameter), HTTP_OK);
		if (rows[i].kept)
			assert_string_equal(request.id, rows[i].id);
		else
			assert_memory_equal(request.id, "local-", 6);
	}
}

static void
made_up_ids_differ(void **state)
{
	struct request one, other;
	REPLY_CLEANUP struct reply first;
	REPLY_CLEANUP struct reply second;

	(void)state;
	request_init(&one, no_parameters, &first);
	request_init(&other, no_parameters, &second);
	assert_string_not_equal(one.id, other.id);
}

static double
queued_since(double ago_s)
{
	struct timespec now;
	char parameter[64];
	struct request request;
	REPLY_CLEANUP struct reply reply;

	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(parameter, sizeof(parameter), "QUEUED_AT=%.3f",
	    (double)now.tv_sec + (double)now.tv_nsec / 1e9 - ago_s);
	init_with(&request, &reply, parameter);
	return request.queued_s;
}

static void
time_in_the_queue_is_counted(void **state)
{
	double queued = queued_since(5);

	(void)state;
	assert_true(queued >= 4.9 && queued < 15);
	/* a clock that was set */
	assert_true(queued_since(-5) == 0);
	assert_true(queued_since(100000) == 0);
}

static void
a_queue_time_that_is_no_time_counts_as_none(void **state)
{
	static const char *const rows[] = { "QUEUED_AT=", "QUEUED_AT=x",
		"QUEUED_AT=1x", "QUEUED_AT=nan", "QUEUED_AT=inf",
		"QUEUED_AT=-inf", "QUEUED_AT=1e300" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct request request;
		REPLY_CLEANUP struct reply reply;

		init_with(&request, &reply, rows[i]);
		if (!(request.queued_s == 0))
			fail_msg("%s: %f", rows[i], request.queued_s);
	}
}

/* Gives at most three bytes at a time, then the end. */
static size_t
read_pieces(void *source, char *buffer, size_t size)
{
	const char **rest = source;
	size_t length = strnlen(*rest, size < 3 ? size : 3);

	memcpy(buffer, *rest, length);
	*rest += length;
	return length;
}

static void
a_body_is_read_as_announced(void **state)
{
	struct request request;
	REPLY_CLEANUP struct reply reply;
	const char *source = "0123456789rest";

	(void)state;
	init_with(&request, &reply, "CONTENT_LENGTH=10");
	assert_int_equal(
	    request_read_body(&request, read_pieces, &source, &reply), HTTP_OK);
	assert_string_equal(request.body, "0123456789");
	assert_string_equal(source, "rest");
	request_done(&request);
	assert_null(request.body);
}

static void
a_body_shorter_than_announced_is_400(void **state)
{
	struct request request;
	REPLY_CLEANUP struct reply reply;
	const char *source = "01234";

	(void)state;
	init_with(&request, &reply, "CONTENT_LENGTH=10");
	assert_int_equal(
	    request_read_body(&request, read_pieces, &source, &reply),
	    HTTP_BAD_REQUEST);
	assert_string_equal(reply.cause, "the body ended after 5 of 10 bytes");
	request_done(&request);
}

static void
queries_are_decoded(void **state)
{
	static const struct {
		const char *query, *value; /* NULL = absent */
	} rows[] = {
		{ "", NULL },
		{ "name", NULL },
		{ "names=x", NULL },
		{ "xname=x", NULL },
		{ "Name=x", NULL },
		{ "other=name=x", NULL },
		{ "name=", "" },
		{ "name=x", "x" },
		{ "a=b&name=x", "x" },
		{ "&&name=x&", "x" },
		{ "name=x&name=y", "x" },
		{ "name=a=b", "a=b" },
		{ "name=a+b", "a b" },
		{ "name=a%2Bb%26%3d", "a+b&=" },
		{ "name=1234567", "1234567" },
		/* no value that any filter accepts */
		{ "name=12345678", "" },
		{ "name=a%00b", "" },
		{ "name=a%0ab", "" },
		{ "name=a%7f", "" },
		{ "name=a%", "" },
		{ "name=a%4", "" },
		{ "name=a%4&b=c", "" },
		{ "name=a%4g", "" },
		{ "name=%ff", "" },
		{ "name=%c3", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct request request = { .query = rows[i].query };
		char value[8] = "unset";
		bool found =
		    request_query(&request, "name", value, sizeof(value));

		if (found != (rows[i].value != NULL) ||
		    (found && strcmp(value, rows[i].value) != 0))
			fail_msg("%s: %d \"%s\"", rows[i].query, found, value);
	}
}

static void
a_problem_has_the_shape_of_rfc_9457(void **state)
{
	REPLY_CLEANUP struct reply reply;

	(void)state;
	reply_init(&reply, "r1");
	assert_int_equal(
	    reply_problem(&reply, HTTP_NOT_FOUND, "no %s/%d", "x", 5),
	    HTTP_NOT_FOUND);
	assert_int_equal(reply.status, HTTP_NOT_FOUND);
	assert_string_equal(reply.content_type, "application/problem+json");
	assert_string_equal(reply.cause, "no x/5");
	assert_int_equal(
	    strlen("{\"type\":\"about:blank\",\"title\":\"Not Found\""
		   ",\"status\":404,\"detail\":\"no x/5\","
		   "\"request_id\":\"r1\"}"),
	    reply.length);
	assert_memory_equal(reply.text,
	    "{\"type\":\"about:blank\",\"title\":\"Not Found\","
	    "\"status\":404,\"detail\":\"no x/5\",\"request_id\":\"r1\"}",
	    reply.length);
}

static void
a_problem_replaces_what_was_written(void **state)
{
	REPLY_CLEANUP struct reply reply;

	(void)state;
	reply_init(&reply, "r1");
	assert_true(reply_append(&reply, "{\"half\":", 8));
	reply_problem(&reply, HTTP_BAD_GATEWAY, "gone");

	JSON_CLEANUP struct json_object *body = fixture_body(&reply);

	assert_string_equal(k8s_json_string(body, "title"), "Bad Gateway");
}

static void
a_long_detail_ends_between_characters(void **state)
{
	char detail[4001] = "";
	REPLY_CLEANUP struct reply reply;

	(void)state;
	for (size_t i = 0; i + 3 < sizeof(detail); i += 3)
		memcpy(detail + i, "\u20ac", 4);
	reply_init(&reply, "r1");
	reply_problem(&reply, HTTP_BAD_REQUEST, "%s", detail);

	JSON_CLEANUP struct json_object *body = fixture_body(&reply);

	assert_in_range(
	    strlen(k8s_json_string(body, "detail")), 1000, sizeof(detail) - 2);
}

static void
an_invalid_field_is_named_twice(void **state)
{
	REPLY_CLEANUP struct reply reply;

	(void)state;
	reply_init(&reply, "r1");
	assert_int_equal(
	    reply_invalid(&reply, "limit", "must be 1"), HTTP_UNPROCESSABLE);

	JSON_CLEANUP struct json_object *body = fixture_body(&reply);

	assert_int_equal(k8s_json_int(body, "status", 0), 422);
	assert_string_equal(
	    k8s_json_string(body, "title"), "Unprocessable Content");
	assert_string_equal(
	    k8s_json_string(body, "detail"), "limit: must be 1");
	assert_string_equal(k8s_json_string(body, "errors.0.field"), "limit");
	assert_string_equal(
	    k8s_json_string(body, "errors.0.message"), "must be 1");
}

static void
headers_are_kept_in_order_up_to_a_limit(void **state)
{
	REPLY_CLEANUP struct reply reply;

	(void)state;
	reply_init(&reply, "r1");
	for (int i = 0; i < REPLY_HEADERS_MAX + 2; i++)
		reply_header(&reply, "X-N", "%d", i);
	assert_int_equal(reply.header_count, REPLY_HEADERS_MAX);
	for (size_t i = 0; i < REPLY_HEADERS_MAX; i++)
		assert_int_equal(atoi(reply.headers[i].value), (int)i);
}

static void
a_body_without_memory_is_503(void **state)
{
	REPLY_CLEANUP struct reply reply;

	(void)state;
	reply_init(&reply, "r1");
	assert_int_equal(reply_json(&reply, HTTP_OK, NULL), HTTP_UNAVAILABLE);

	JSON_CLEANUP struct json_object *body = fixture_body(&reply);

	assert_string_equal(k8s_json_string(body, "detail"), "out of memory");
	assert_false(reply_append(&reply, "x", REPLY_TEXT_MAX));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parameters_become_fields),
		cmocka_unit_test(absent_parameters_are_empty),
		cmocka_unit_test(methods_are_case_sensitive),
		cmocka_unit_test(a_length_is_digits_up_to_the_limit),
		cmocka_unit_test(an_id_is_harmless_or_replaced),
		cmocka_unit_test(made_up_ids_differ),
		cmocka_unit_test(time_in_the_queue_is_counted),
		cmocka_unit_test(a_queue_time_that_is_no_time_counts_as_none),
		cmocka_unit_test(a_body_is_read_as_announced),
		cmocka_unit_test(a_body_shorter_than_announced_is_400),
		cmocka_unit_test(queries_are_decoded),
		cmocka_unit_test(a_problem_has_the_shape_of_rfc_9457),
		cmocka_unit_test(a_problem_replaces_what_was_written),
		cmocka_unit_test(a_long_detail_ends_between_characters),
		cmocka_unit_test(an_invalid_field_is_named_twice),
		cmocka_unit_test(headers_are_kept_in_order_up_to_a_limit),
		cmocka_unit_test(a_body_without_memory_is_503),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The body of a POST: each field and its rule, and what is no body at all. */
#include "app_fixture.h"

#include "spec.h"

#define A10 "aaaaaaaaaa"
#define A50 A10 A10 A10 A10 A10
#define A60 A50 A10

static enum http_status
parse_bytes(struct sandbox_spec *spec, struct reply *reply, const char *body,
    size_t length)
{
	SETTINGS_CLEANUP struct settings *settings = fixture_settings("");

	reply_init(reply, "r1");
	return spec_parse(spec, settings, body, length, reply);
}

static enum http_status
parse(struct sandbox_spec *spec, struct reply *reply, const char *body)
{
	return parse_bytes(spec, reply, body, strlen(body));
}

/* A request that is good but for `member`, which is text behind a comma. */
static enum http_status
parse_with(struct sandbox_spec *spec, struct reply *reply, const char *member)
{
	char body[1024];

	snprintf(body, sizeof(body), "{\"sandbox_id\":\"s1\"%s%s}",
	    *member == '\0' ? "" : ",", member);
	return parse(spec, reply, body);
}

static void
assert_taken(const char *member)
{
	K8S_CLEANUP(spec_done) struct sandbox_spec spec;
	REPLY_CLEANUP struct reply reply;

	if (parse_with(&spec, &reply, member) != HTTP_OK)
		fail_msg("%s: %s", member, reply.cause);
	assert_null(reply.text);
}

/* 422 with this field alone, and a message that holds `says`. */
static void
assert_breaks(const char *member, const char *field, const char *says)
{
	K8S_CLEANUP(spec_done) struct sandbox_spec spec;
	REPLY_CLEANUP struct reply reply;

	if (parse_with(&spec, &reply, member) != HTTP_UNPROCESSABLE)
		fail_msg("%s: %d %s", member, reply.status, reply.cause);

	JSON_CLEANUP struct json_object *body = fixture_body(&reply);
	struct json_object *errors = k8s_json_array(body, "errors");

	assert_int_equal(k8s_json_int(body, "status", 0), HTTP_UNPROCESSABLE);
	assert_int_equal(json_object_array_length(errors), 1);
	assert_string_equal(k8s_json_string(errors, "0.field"), field);
	if (strstr(k8s_json_string(errors, "0.message"), says) == NULL)
		fail_msg(
		    "%s: %s", member, k8s_json_string(errors, "0.message"));
}

static void
fields_that_are_absent_have_defaults(void **state)
{
	K8S_CLEANUP(spec_done) struct sandbox_spec spec;
	REPLY_CLEANUP struct reply reply;

	(void)state;
	assert_int_equal(parse_with(&spec, &reply, ""), HTTP_OK);
	assert_string_equal(spec.sandbox_id, "s1");
	assert_string_equal(spec.thread_id, "s1");
	assert_string_equal(spec.user_id, "default");
	assert_string_equal(spec.skills_path, "/mnt/skills");
	assert_int_equal(spec.mount_count, 0);
	assert_int_equal(spec.max_shell_sessions, 0);
}

static void
fields_that_are_given_are_taken(void **state)
{
	K8S_CLEANUP(spec_done) struct sandbox_spec spec;
	REPLY_CLEANUP struct reply reply;

	(void)state;
	assert_int_equal(parse_with(&spec, &reply,
			     "\"thread_id\":\"T_1-\",\"user_id\":\"_u\","
			     "\"skills_container_path\":\"/opt/skills\","
			     "\"max_shell_sessions\":7,"
			     "\"provision_lark_cli_runtime\":true,"
			     "\"provision_lark_cli_broker\":true,"
			     "\"include_legacy_skills\":true"),
	    HTTP_OK);
	assert_string_equal(spec.thread_id, "T_1-");
	assert_string_equal(spec.user_id, "_u");
	assert_string_equal(spec.skills_path, "/opt/skills");
	assert_int_equal(spec.max_shell_sessions, 7);
}

static void
null_means_absent_only_where_the_contract_says_so(void **state)
{
	static const char *const absent[] = { "\"thread_id\":null",
		"\"max_shell_sessions\":null", "\"profile\":null",
		"\"ttl_seconds\":null" };
	static const char *const refused[] = { "user_id",
		"skills_container_path", "extra_mounts",
		"provision_lark_cli_runtime", "provision_lark_cli_broker",
		"include_legacy_skills" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(absent); i++)
		assert_taken(absent[i]);
	for (size_t i = 0; i < COUNT_OF(refused); i++) {
		char member[64];

		snprintf(member, sizeof(member), "\"%s\":null", refused[i]);
		assert_breaks(member, refused[i], "must be");
	}
}

static void
good_values_are_taken(void **state)
{
	static const char *const rows[] = {
		"\"thread_id\":\"t\"",
		"\"thread_id\":\"" A60 "aaaa\"",
		"\"thread_id\":\"-_-\"",
		"\"user_id\":\"AZaz09_-\"",
		"\"skills_container_path\":\"/skills\"",
		"\"skills_container_path\":\"/mnt/skills2\"",
		"\"skills_container_path\":\"/mnt/user-data2\"",
		"\"skills_container_path\":\"/mnt/integrations/other\"",
		"\"max_shell_sessions\":1",
		"\"max_shell_sessions\":2147483647",
		"\"extra_mounts\":[]",
		"\"include_legacy_skills\":false",
		"\"provision_lark_cli_runtime\":false",
		"\"provision_lark_cli_broker\":false",
		"\"unknown\":{\"of\":[1,\"any\",null]}",
		"\"SANDBOX_ID\":5",
		"\"thread_id\":\"\\u0074\"",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_taken(rows[i]);
}

static void
bad_ids_break_their_rule(void **state)
{
	static const char *const values[] = { "\"\"", "\"" A60 "aaaaa\"",
		"\"a b\"", "\"a/b\"", "\"..\"", "\"a.b\"", "\"\\u00e9\"",
		"\"a\\n\"", "5", "true", "[]", "{}" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(values); i++) {
		char member[128];

		snprintf(member, sizeof(member), "\"thread_id\":%s", values[i]);
		assert_breaks(member, "thread_id", "must be 1 to 64 of A-Z");
		snprintf(member, sizeof(member), "\"user_id\":%s", values[i]);
		assert_breaks(member, "user_id", "must be 1 to 64 of A-Z");
	}
}

static void
bad_skills_paths_break_their_rule(void **state)
{
	static const char absolute[] = "must be an absolute canonical path";
	static const char overlap[] = "must not overlap /mnt/user-data, "
				      "/mnt/acp-workspace or "
				      "/mnt/integrations/lark-cli";
	static const char *const rows[][2] = {
		{ "\"\"", absolute },
		{ "\"/\"", absolute },
		{ "\"skills\"", absolute },
		{ "\"/skills/\"", absolute },
		{ "\"/a//b\"", absolute },
		{ "\"/a/../b\"", absolute },
		{ "\"/a:b\"", absolute },
		{ "7", absolute },
		{ "\"/" A50 A50 A50 A50 A50 "aaaaaa\"", absolute },
		{ "\"/mnt\"", overlap },
		{ "\"/mnt/user-data\"", overlap },
		{ "\"/mnt/user-data/skills\"", overlap },
		{ "\"/mnt/acp-workspace\"", overlap },
		{ "\"/mnt/integrations\"", overlap },
		{ "\"/mnt/integrations/lark-cli/config\"", overlap },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char member[512];

		snprintf(member, sizeof(member), "\"skills_container_path\":%s",
		    rows[i][0]);
		assert_breaks(member, "skills_container_path", rows[i][1]);
	}
}

static void
types_are_strict(void **state)
{
	static const struct {
		const char *member, *field, *says;
	} rows[] = {
		{ "\"max_shell_sessions\":0", "max_shell_sessions",
		    "must be an integer from 1" },
		{ "\"max_shell_sessions\":-1", "max_shell_sessions",
		    "must be an integer from 1" },
		{ "\"max_shell_sessions\":1.0", "max_shell_sessions",
		    "must be an integer from 1" },
		{ "\"max_shell_sessions\":1e1", "max_shell_sessions",
		    "must be an integer from 1" },
		{ "\"max_shell_sessions\":\"5\"", "max_shell_sessions",
		    "must be an integer from 1" },
		{ "\"max_shell_sessions\":true", "max_shell_sessions",
		    "must be an integer from 1" },
		{ "\"max_shell_sessions\":2147483648", "max_shell_sessions",
		    "must be an integer from 1" },
		{ "\"max_shell_sessions\":5000000000", "max_shell_sessions",
		    "must be an integer from 1" },
		{ "\"include_legacy_skills\":\"true\"", "include_legacy_skills",
		    "must be true or false" },
		{ "\"include_legacy_skills\":1", "include_legacy_skills",
		    "must be true or false" },
		{ "\"provision_lark_cli_runtime\":\"false\"",
		    "provision_lark_cli_runtime", "must be true or false" },
		{ "\"provision_lark_cli_broker\":0",
		    "provision_lark_cli_broker", "must be true or false" },
		{ "\"profile\":\"gpu\"", "profile", "not supported" },
		{ "\"ttl_seconds\":60", "ttl_seconds", "not supported" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_breaks(rows[i].member, rows[i].field, rows[i].says);
}

static void
extra_mounts_have_strict_types(void **state)
{
	static const char *const rows[][2] = {
		{ "{}", "must be a list of" },
		{ "\"x\"", "must be a list of" },
		{ "[5]", "a text host_path and a text container_path" },
		{ "[null]", "a text host_path and a text container_path" },
		{ "[[\"/a\",\"/b\"]]", "a text host_path and" },
		{ "[{}]", "a text host_path and" },
		{ "[{\"host_path\":\"/a\"}]", "a text host_path and" },
		{ "[{\"container_path\":\"/a\"}]", "a text host_path and" },
		{ "[{\"host_path\":1,\"container_path\":\"/b\"}]",
		    "a text host_path and" },
		{ "[{\"host_path\":\"/a\",\"container_path\":null}]",
		    "a text host_path and" },
		{ "[{\"host_path\":\"/a\",\"container_path\":\"/b\","
		  "\"read_only\":\"true\"}]",
		    "read_only must be true or false" },
		{ "[{\"host_path\":\"/a\",\"container_path\":\"/b\","
		  "\"read_only\":null}]",
		    "read_only must be true or false" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char member[256];

		snprintf(
		    member, sizeof(member), "\"extra_mounts\":%s", rows[i][0]);
		assert_breaks(member, "extra_mounts", rows[i][1]);
	}
}

static void
sandbox_ids_fit_the_names_of_services(void **state)
{
	static const struct {
		const char *id;
		bool valid;
	} rows[] = {
		{ "a", true },
		{ "0", true },
		{ "a-b", true },
		{ "a--b", true },
		{ A50 "b", true },
		{ A50 "bc", false },
		{ "", false },
		{ "-a", false },
		{ "a-", false },
		{ "-", false },
		{ "A", false },
		{ "a_b", false },
		{ "a.b", false },
		{ "a b", false },
		{ "a\n", false },
		{ "\u00e9", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		K8S_CLEANUP(spec_done) struct sandbox_spec spec;
		REPLY_CLEANUP struct reply reply;
		JSON_CLEANUP struct json_object *body =
		    json_object_new_object();

		json_object_object_add(
		    body, "sandbox_id", json_object_new_string(rows[i].id));
		if (sandbox_id_is_valid(rows[i].id) != rows[i].valid)
			fail_msg("\"%s\"", rows[i].id);
		assert_int_equal(
		    parse(&spec, &reply, json_object_to_json_string(body)),
		    rows[i].valid ? HTTP_OK : HTTP_UNPROCESSABLE);
	}
}

static void
all_broken_fields_are_named_at_once(void **state)
{
	static const char *const expected[] = { "sandbox_id", "thread_id",
		"user_id", "skills_container_path", "extra_mounts",
		"max_shell_sessions", "provision_lark_cli_runtime",
		"provision_lark_cli_broker", "include_legacy_skills", "profile",
		"ttl_seconds" };
	K8S_CLEANUP(spec_done) struct sandbox_spec spec;
	REPLY_CLEANUP struct reply reply;

	(void)state;
	assert_int_equal(
	    parse(&spec, &reply,
		"{\"ttl_seconds\":1,\"profile\":1,\"include_legacy_skills\":1,"
		"\"provision_lark_cli_broker\":1,"
		"\"provision_lark_cli_runtime\":1,\"max_shell_sessions\":0,"
		"\"extra_mounts\":1,\"skills_container_path\":1,"
		"\"user_id\":1,\"thread_id\":1}"),
	    HTTP_UNPROCESSABLE);

	JSON_CLEANUP struct json_object *body = fixture_body(&reply);
	struct json_object *errors = k8s_json_array(body, "errors");

	assert_int_equal(json_object_array_length(errors), COUNT_OF(expected));
	for (size_t i = 0; i < COUNT_OF(expected); i++) {
		struct json_object *error =
		    json_object_array_get_idx(errors, i);

		assert_string_equal(
		    k8s_json_string(error, "field"), expected[i]);
		assert_non_null(
		    strstr(k8s_json_string(body, "detail"), expected[i]));
		assert_non_null(strstr(k8s_json_string(body, "detail"),
		    k8s_json_string(error, "message")));
	}
	assert_string_equal(
	    k8s_json_string(errors, "0.message"), "is required");
}

static void
what_is_not_one_json_object_is_400(void **state)
{
	static const struct {
		const char *body, *says;
	} rows[] = {
		{ "", "the body is not JSON: " },
		{ "null", "the body is not JSON: " },
		{ "[]", "the body must be one JSON object" },
		{ "\"s1\"", "the body must be one JSON object" },
		{ "5", "the body must be one JSON object" },
		{ "{\"sandbox_id\":\"s1\"", "the body is not JSON: " },
		{ "{\"sandbox_id\":\"s1\"}{}", "the body is not JSON: " },
		{ "{'sandbox_id':'s1'}", "the body is not JSON: " },
		{ "{\"sandbox_id\":\"s1\",}", "the body is not JSON: " },
		{ "{\"sandbox_id\":\"s1\",\"sandbox_id\":\"s1\"}",
		    "a key appears twice" },
		{ "{\"sandbox_id\":\"s1\",\"x\":{\"y\":1,\"y\":1}}",
		    "a key appears twice" },
		{ "{\"sandbox_id\":\"s1\",\"x\":NaN}", "not valid JSON" },
		{ "{\"sandbox_id\":\"s1\",\"x\":\"\\u0000\"}", "NUL" },
		{ "{\"sandbox_id\":\"s1\",\"x\":\"\xff\"}", "not UTF-8" },
		{ "{\"sandbox_id\":\"s1\",\"x\":\"\xc0\xaf\"}", "not UTF-8" },
		{ "{\"sandbox_id\":\"s1\",\"x\":99999999999999999999}",
		    "an integer is out of range" },
		{ "{\"x\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}",
		    "nested too deeply" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		K8S_CLEANUP(spec_done) struct sandbox_spec spec;
		REPLY_CLEANUP struct reply reply;

		assert_int_equal(
		    parse(&spec, &reply, rows[i].body), HTTP_BAD_REQUEST);
		if (strstr(reply.cause, rows[i].says) == NULL)
			fail_msg("%s: %s", rows[i].body, reply.cause);
	}
}

static void
a_NUL_in_the_body_is_400(void **state)
{
	static const char inside[] = "{\"sandbox_id\":\"s\0001\"}";
	static const char behind[] = "{\"sandbox_id\":\"s1\"}";
	K8S_CLEANUP(spec_done) struct sandbox_spec spec;
	REPLY_CLEANUP struct reply reply;

	(void)state;
	assert_int_equal(parse_bytes(&spec, &reply, inside, sizeof(inside) - 1),
	    HTTP_BAD_REQUEST);
	reply_done(&reply);
	spec_done(&spec);
	assert_int_equal(parse_bytes(&spec, &reply, behind, sizeof(behind)),
	    HTTP_BAD_REQUEST);
}

static void
fifteen_levels_below_the_object_are_not_too_deep(void **state)
{
	(void)state;
	assert_taken("\"x\":[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_that_are_absent_have_defaults),
		cmocka_unit_test(fields_that_are_given_are_taken),
		cmocka_unit_test(
		    null_means_absent_only_where_the_contract_says_so),
		cmocka_unit_test(good_values_are_taken),
		cmocka_unit_test(bad_ids_break_their_rule),
		cmocka_unit_test(bad_skills_paths_break_their_rule),
		cmocka_unit_test(types_are_strict),
		cmocka_unit_test(extra_mounts_have_strict_types),
		cmocka_unit_test(sandbox_ids_fit_the_names_of_services),
		cmocka_unit_test(all_broken_fields_are_named_at_once),
		cmocka_unit_test(what_is_not_one_json_object_is_400),
		cmocka_unit_test(a_NUL_in_the_body_is_400),
		cmocka_unit_test(
		    fifteen_levels_below_the_object_are_not_too_deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

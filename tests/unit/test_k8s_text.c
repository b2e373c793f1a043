/* Small pieces: YAML, base64, buffers, messages. */
#include "cmocka_all.h"

#include "base64.h"
#include "buffer.h"
#include "json.h"
#include "message.h"
#include "yaml_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
yaml_becomes_json_with_core_words_only(void **state)
{
	static const char *const rows[][2] = {
		{ "a: 1\nb: \"true\"\nc: true\nd: FALSE\ne: ~\nf:\ng: null\n",
		    "{\"a\":\"1\",\"b\":\"true\",\"c\":true,\"d\":false,"
		    "\"e\":null,\"f\":null,\"g\":null}" },
		{ "- x\n- {y: [z]}\n", "[\"x\",{\"y\":[\"z\"]}]" },
		{ "a: yes\nb: 'on'\n", "{\"a\":\"yes\",\"b\":\"on\"}" },
		{ "a: !!str true\n", "{\"a\":\"true\"}" },
		{ "a: |\n  one\n  two\n", "{\"a\":\"one\\ntwo\\n\"}" },
		{ "{\"a\": {\"b\": [\"c\", false]}}",
		    "{\"a\":{\"b\":[\"c\",false]}}" },
		{ "---\na: b\n...\n", "{\"a\":\"b\"}" },
		{ "a: &x b\n", "{\"a\":\"b\"}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct k8s_error error = { 0 };
		struct json_object *value =
		    k8s_yaml_parse(rows[i][0], strlen(rows[i][0]), &error);

		if (value == NULL)
			fail_msg("%s: %s", rows[i][0], error.message);
		assert_string_equal(json_object_to_json_string_ext(
					value, JSON_C_TO_STRING_PLAIN),
		    rows[i][1]);
		json_object_put(value);
	}
}

static void
yaml_that_hides_something_is_refused_by_line(void **state)
{
	static const char *const rows[][2] = {
		{ "", "line 1: it is empty" },
		{ "a: 1\nb: 2\na: 3\n",
		    "line 3: a key appears twice in its map" },
		{ "a: &x b\nc: *x\n", "line 2: aliases are not supported, "
				      "write the value out" },
		{ "a: !!binary YQ==\n",
		    "line 1: tags are not supported, remove it" },
		{ "? [a]\n: b\n", "line 1: a key must be a plain text" },
		{ "a: b\n---\nc: d\n", "line 2: a second document" },
		{ "a: \"x\\0y\"\n", "line 1: NUL in a text" },
		{ "\"x\\0y\": a\n", "line 1: NUL in a key" },
		{ "~\n", "it is empty" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct k8s_error error = { 0 };

		assert_null(
		    k8s_yaml_parse(rows[i][0], strlen(rows[i][0]), &error));
		assert_string_equal(error.message, rows[i][1]);
	}
	assert_null(k8s_yaml_parse("a: [b\n", 6, NULL));
	assert_null(k8s_yaml_parse("a: \xff\n", 5, NULL));
}

static void
yaml_has_32_levels_at_most(void **state)
{
	char text[128];
	struct k8s_error error;
	struct json_object *value;

	(void)state;
	memset(text, '[', 32);
	memset(text + 32, ']', 32);
	value = k8s_yaml_parse(text, 64, &error);
	assert_non_null(value);
	json_object_put(value);
	memset(text, '[', 33);
	memset(text + 33, ']', 33);
	assert_null(k8s_yaml_parse(text, 66, &error));
	assert_string_equal(error.message, "line 1: nested too deeply");
}

static void
base64_decodes_what_rfc_4648_encodes(void **state)
{
	static const char *const rows[][2] = {
		{ "", "" },
		{ "Zg==", "f" },
		{ "Zm8=", "fo" },
		{ "Zm9v", "foo" },
		{ "Zm9v\nYmFy\n", "foobar" },
		{ "+/+/", "\xfb\xff\xbf" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct k8s_buffer out = k8s_buffer_of(100);

		assert_true(k8s_base64_decode(rows[i][0], &out));
		assert_int_equal(out.length, strlen(rows[i][1]));
		if (out.length > 0)
			assert_string_equal(out.data, rows[i][1]);
		k8s_buffer_done(&out);
	}
}

static void
base64_refuses_everything_else(void **state)
{
	static const char *const rows[] = { "Z", "Zg", "Zg=", "Zm9", "Zg===",
		"Z===", "====", "Zg==Zg==", "Zh==", "Zm9=", "Z=g=", "Zm9v!",
		"Zm9v-_-_", "=Zg=" };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct k8s_buffer out = k8s_buffer_of(100);

		if (k8s_base64_decode(rows[i], &out))
			fail_msg("accepted: %s", rows[i]);
		k8s_buffer_done(&out);
	}
}

static void
a_buffer_never_passes_its_ceiling(void **state)
{
	struct k8s_buffer buffer = k8s_buffer_of(1000);
	char chunk[300];
	int adds = 0;

	(void)state;
	memset(chunk, 'x', sizeof(chunk));
	while (k8s_buffer_add(&buffer, chunk, sizeof(chunk)))
		adds++;
	assert_int_equal(adds, 3);
	assert_true(buffer.full);
	assert_int_equal(buffer.length, 900);
	assert_true(k8s_buffer_add(&buffer, chunk, 100));
	assert_false(k8s_buffer_add(&buffer, chunk, 1));
	assert_int_equal(strlen(buffer.data), 1000);
	assert_true(buffer.capacity <= 1001);
	k8s_buffer_clear(&buffer);
	assert_false(buffer.full);
	assert_true(k8s_buffer_add(&buffer, "a", 1));
	assert_string_equal(buffer.data, "a");
	k8s_buffer_done(&buffer);
}

static void
a_secret_buffer_is_wiped_when_cleared(void **state)
{
	struct k8s_buffer buffer = k8s_buffer_of_secret(4096);

	(void)state;
	for (int i = 0; i < 200; i++)
		assert_true(k8s_buffer_add(&buffer, "secret", 6));
	k8s_buffer_clear(&buffer);
	for (size_t i = 0; i < 1200; i++)
		assert_int_equal(buffer.data[i], 0);
	k8s_buffer_done(&buffer);
}

static void
a_message_is_one_line_of_whole_characters(void **state)
{
	char out[8];

	(void)state;
	k8s_message_copy(out, sizeof(out),
	    "a\nb\tc\x7f"
	    "d",
	    7);
	assert_string_equal(out, "a b c d");
	k8s_message_copy(out, sizeof(out),
	    "\xff"
	    "a\xc3",
	    3);
	assert_string_equal(out, "?a?");
	/* The fourth two-byte character does not fit whole. */
	k8s_message_copy(
	    out, sizeof(out), "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 8);
	assert_string_equal(out, "\xc3\xa9\xc3\xa9\xc3\xa9");
	k8s_message_copy(out, sizeof(out), "a\0b", 3);
	assert_string_equal(out, "a b");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(yaml_becomes_json_with_core_words_only),
		cmocka_unit_test(yaml_that_hides_something_is_refused_by_line),
		cmocka_unit_test(yaml_has_32_levels_at_most),
		cmocka_unit_test(base64_decodes_what_rfc_4648_encodes),
		cmocka_unit_test(base64_refuses_everything_else),
		cmocka_unit_test(a_buffer_never_passes_its_ceiling),
		cmocka_unit_test(a_secret_buffer_is_wiped_when_cleared),
		cmocka_unit_test(a_message_is_one_line_of_whole_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "cmocka_all.h"

#include "json.h"
#include "k8s.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct json_object *
parse(const char *text)
{
	struct k8s_error error = { 0 };

	return k8s_json_parse(text, strlen(text), 4, &error);
}

/* "[0,0,...]" with so many zeros; the caller's. */
static char *
zeros(size_t count)
{
	char *text = malloc(2 * count + 3);
	char *at = text;

	*at++ = '[';
	for (size_t i = 0; i < count; i++) {
		*at++ = '0';
		*at++ = ',';
	}
	at[-1] = ']';
	*at = '\0';
	return text;
}

static void
values_are_counted(void **state)
{
	char *most = zeros(K8S_JSON_VALUES_MAX - 1);
	char *more = zeros(K8S_JSON_VALUES_MAX);
	struct json_object *value = parse(most);

	(void)state;
	assert_non_null(value);
	json_object_put(value);
	assert_null(parse(more));
	free(most);
	free(more);
}

static void
what_rfc_8259_allows_is_accepted(void **state)
{
	/* The text, and what json-c makes of the value. */
	static const char *const rows[][2] = {
		{ "{}", "{}" },
		{ "[]", "[]" },
		{ " \t\r\n[ ] \n", "[]" },
		{ "true", "true" },
		{ "[null,false]", "[null,false]" },
		{ "\"\"", "\"\"" },
		{ "\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
		    "\"a\\\"\\\\/\\b\\f\\n\\r\\t\"" },
		{ "\"\\u00e9\\ud83d\\ude00\"", "\"\xc3\xa9\xf0\x9f\x98\x80\"" },
		{ "\"\xc3\xa9\xed\x9f\xbf\xf4\x8f\xbf\xbf\"",
		    "\"\xc3\xa9\xed\x9f\xbf\xf4\x8f\xbf\xbf\"" },
		{ "\"\x7f\"", "\"\x7f\"" },
		{ "[0,-1,10]", "[0,-1,10]" },
		{ "9223372036854775807", "9223372036854775807" },
		{ "-9223372036854775808", "-9223372036854775808" },
		{ "[1.0,-0.5e-2,1E+2]", "[1.0,-0.5e-2,1E+2]" },
		{ "{\"a\":{\"b\":[1]},\"c\":{}}",
		    "{\"a\":{\"b\":[1]},\"c\":{}}" },
		{ "[[[[]]]]", "[[[[]]]]" },
		{ "{\"\":1,\"a.b\":2}", "{\"\":1,\"a.b\":2}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct json_object *value = parse(rows[i][0]);

		if (value == NULL)
			fail_msg("refused: %s", rows[i][0]);
		assert_string_equal(
		    rows[i][1], json_object_to_json_string_ext(
				    value, JSON_C_TO_STRING_PLAIN |
					       JSON_C_TO_STRING_NOSLASHESCAPE));
		json_object_put(value);
	}
}

static void
anything_else_is_refused_with_a_sentence(void **state)
{
	static const char *const rows[] = { "", " ", "null", "{", "[", "}",
		"{}{}", "[] x", "'a'", "{'a':1}", "{a:1}", "{\"a\"}",
		"{\"a\":}", "{\"a\":1,}", "[1,]", "[,1]", "[1 2]", "{\"a\" 1}",
		"NaN", "[Infinity]", "[-Infinity]", "[nan]", "True", "tru",
		"nul", "[01]", "[-]", "[+1]", "[1.]", "[.5]", "[1e]", "[1e+]",
		"[0x10]", "[1_000]", "9223372036854775808",
		"-9223372036854775809", "99999999999999999999999", "[1e400]",
		"\"", "\"a", "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"",
		"\"\\u0000\"", "\"\\ud800\"", "\"\\udc00\"",
		"\"\\ud800\\u0041\"", "\"\\ud800x\"", "\"a\nb\"", "\"a\tb\"",
		"\"\x01\"", "\"\xff\"", "\"\xc0\xaf\"", "\"\xed\xa0\x80\"",
		"\"\xf4\x90\x80\x80\"", "\"\xe2\x82\"", "\"\xc3\"",
		"\xef\xbb\xbf{}", "// c\n{}", "/* c */{}", "# c\n{}",
		"[[[[[]]]]]", "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}",
		"{\"b\":{\"a\":1,\"a\":1}}", "\v[]", "\xc2\xa0[]" };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct k8s_error error = { 0 };

		if (k8s_json_parse(rows[i], strlen(rows[i]), 4, &error) != NULL)
			fail_msg("accepted: %s", rows[i]);
		assert_true(strlen(error.message) > 0);
	}
}

static void
nul_bytes_are_refused_wherever_they_are(void **state)
{
	static const struct {
		const char *text;
		size_t length;
	} rows[] = { { "\0", 1 }, { "{}\0", 3 }, { "\"a\0b\"", 5 },
		{ "[1\0]", 4 }, { "[\0]", 3 }, { "\"\\\0\"", 4 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_null(
		    k8s_json_parse(rows[i].text, rows[i].length, 4, NULL));
}

static void
every_prefix_of_a_document_is_refused(void **state)
{
	static const char text[] =
	    "{\"a\":[1,-2.5e3,true,null,\"x\\u00e9\xc3\xa9\\n\"],\"b\":{}}";

	(void)state;
	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		/* A copy of the exact size lets ASan see a read beyond. */
		char *copy = malloc(n + 1);

		assert_non_null(copy);
		memcpy(copy, text, n);
		char *exact = realloc(copy, n > 0 ? n : 1);
		assert_null(k8s_json_parse(exact, n, 4, NULL));
		free(exact);
	}
}

static void
the_error_names_the_place(void **state)
{
	struct k8s_error error;

	(void)state;
	assert_null(k8s_json_parse("{\"a\":1,\"a\":2}", 13, 4, &error));
	assert_string_equal(error.message,
	    "not valid JSON at byte 8: a key appears twice in its object");
}

static void
nul_in_a_servers_answer_becomes_a_replacement(void **state)
{
	static const char text[] = "{\"m\":\"a\\u0000b\"}";
	struct json_object *object;

	(void)state;
	object = k8s_json_parse_answer(text, strlen(text), NULL);
	assert_non_null(object);
	assert_string_equal(k8s_json_string(object, "m"), "a\xef\xbf\xbd"
							  "b");
	json_object_put(object);
}

static void
readers_walk_maps_arrays_and_dotted_keys(void **state)
{
	struct json_object *object = parse("{\"a\":{\"b\":[{\"c\":7},8]},"
					   "\"l\":{\"x.io/n\":\"v\"},"
					   "\"s\":\"t\",\"y\":true}");

	(void)state;
	assert_int_equal(k8s_json_int(object, "a.b.0.c", -1), 7);
	assert_int_equal(k8s_json_int(object, "a.b.1", -1), 8);
	assert_string_equal(k8s_json_string(object, "l[x.io/n]"), "v");
	assert_string_equal(k8s_json_string(object, "[s]"), "t");
	assert_true(k8s_json_bool(object, "y", false));
	assert_non_null(k8s_json_array(object, "a.b"));
	assert_non_null(k8s_json_map(object, "a.b.0"));
	assert_ptr_equal(k8s_json_find(object, ""), object);
	json_object_put(object);
}

static void
readers_never_coerce(void **state)
{
	struct json_object *object = parse("{\"s\":\"12\",\"f\":\"false\","
					   "\"i\":1,\"d\":1.0,\"n\":null,"
					   "\"a\":[1],\"m\":{\"k\":1}}");
	static const char *const not_ints[] = { "s", "d", "n", "a", "m",
		"absent" };
	static const char *const not_strings[] = { "i", "d", "n", "a", "m" };

	(void)state;
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(k8s_json_int(object, not_ints[i], -9), -9);
	for (size_t i = 0; i < 5; i++)
		assert_null(k8s_json_string(object, not_strings[i]));
	assert_true(k8s_json_bool(object, "f", true));
	assert_false(k8s_json_bool(object, "i", false));
	assert_null(k8s_json_map(object, "a"));
	assert_null(k8s_json_array(object, "m"));
	json_object_put(object);
}

static void
a_path_that_leads_nowhere_reads_as_absent(void **state)
{
	struct json_object *object = parse("{\"a\":{\"b\":[1]},\"s\":\"t\"}");
	static const char *const paths[] = { "a.c", "a.b.1", "a.b.-1", "a.b.x",
		"s.t", "a.", ".a", "a..b", "[a", "[]", "a[b",
		"a.b.99999999999999999999" };
	char longest[2000];

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (k8s_json_find(object, paths[i]) != NULL)
			fail_msg("found: %s", paths[i]);
	memset(longest, 'k', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_null(k8s_json_find(object, longest));
	assert_null(k8s_json_find(NULL, "a"));
	json_object_put(object);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_counted),
		cmocka_unit_test(what_rfc_8259_allows_is_accepted),
		cmocka_unit_test(anything_else_is_refused_with_a_sentence),
		cmocka_unit_test(nul_bytes_are_refused_wherever_they_are),
		cmocka_unit_test(every_prefix_of_a_document_is_refused),
		cmocka_unit_test(the_error_names_the_place),
		cmocka_unit_test(nul_in_a_servers_answer_becomes_a_replacement),
		cmocka_unit_test(readers_walk_maps_arrays_and_dotted_keys),
		cmocka_unit_test(readers_never_coerce),
		cmocka_unit_test(a_path_that_leads_nowhere_reads_as_absent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Small pieces: JSON trees, cut text, templates, paths, names. */
#include "app_fixture.h"

#include "names.h"
#include "path.h"
#include "template.h"
#include "text.h"
#include "tree.h"

#include <time.h>

static void
assert_json(struct json_object *value, const char *expected)
{
	assert_non_null(value);
	assert_string_equal(
	    json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN),
	    expected);
	json_object_put(value);
}

static void
trees_read_like_what_they_produce(void **state)
{
	(void)state;
	assert_json(MAP({ "kind", TEXT("Pod") },
			{ "spec", MAP({ "n", INT(-5000000000) },
				      { "on", BOOL(true) }) }),
	    "{\"kind\":\"Pod\",\"spec\":{\"n\":-5000000000,\"on\":true}}");
	assert_json(
	    LIST(TEXT("a"), tree_textf("%d%%", 5), LIST(INT(1)), BOOL(false)),
	    "[\"a\",\"5%\",[1],false]");
	assert_json(EMPTY_MAP(), "{}");
	assert_json(EMPTY_LIST(), "[]");
}

static void
absent_children_are_left_out(void **state)
{
	struct json_object *list = EMPTY_LIST();

	(void)state;
	assert_json(MAP({ "a", tree_absent() }, { "b", INT(1) },
			{ "c", tree_text_or_absent(NULL) },
			{ "d", tree_text_or_absent("") },
			{ "e", tree_text_or_absent("x") }),
	    "{\"b\":1,\"e\":\"x\"}");
	assert_json(LIST(tree_absent(), INT(2), tree_absent()), "[2]");
	assert_true(tree_append(list, tree_absent()));
	assert_json(list, "[]");
}

static void
null_children_become_json_null(void **state)
{
	(void)state;
	assert_json(MAP({ "a", tree_null() }, { "b", tree_text_or_null(NULL) },
			{ "c", tree_text_or_null("") },
			{ "d", tree_text_or_null("x") }),
	    "{\"a\":null,\"b\":null,\"c\":null,\"d\":\"x\"}");
	assert_json(LIST(tree_null(), INT(1)), "[null,1]");
}

static void
a_child_that_is_NULL_makes_the_whole_tree_NULL(void **state)
{
	(void)state;
	assert_null(TEXT(NULL));
	assert_null(MAP({ "a", INT(1) }, { "b", NULL }, { "c", INT(3) }));
	assert_null(LIST(INT(1), NULL, INT(3)));
	assert_null(MAP({ "a", LIST(MAP({ "b", TEXT(NULL) })) }));
	assert_null(LIST(tree_absent(), tree_null(), NULL));
	assert_null(
	    MAP({ "a", NULL }, { "b", tree_absent() }, { "c", tree_null() }));
}

/* One reference is the test's own: its release frees only when it is last. */
static void
assert_was_consumed(struct json_object *value)
{
	assert_int_equal(json_object_put(value), 1);
}

static void
children_of_a_failed_tree_are_released(void **state)
{
	struct json_object *child[6];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(child); i++)
		child[i] = json_object_get(json_object_new_int((int)i));
	assert_null(MAP(
	    { "before", child[0] }, { "lost", NULL }, { "after", child[1] }));
	assert_null(LIST(child[2], NULL, child[3]));
	assert_null(MAP({ "in", LIST(child[4]) }, { "lost", NULL }));
	assert_false(tree_append(NULL, child[5]));
	for (size_t i = 0; i < COUNT_OF(child); i++)
		assert_was_consumed(child[i]);
}

static void
appending_NULL_fails_and_keeps_the_list(void **state)
{
	struct json_object *list = LIST(INT(1));

	(void)state;
	assert_false(tree_append(list, NULL));
	assert_true(tree_append(list, tree_null()));
	assert_json(list, "[1,null]");
}

static void
copies_end_between_characters(void **state)
{
	static const struct {
		const char *text;
		size_t size;
		const char *expected;
	} rows[] = {
		{ NULL, 8, "" },
		{ "", 8, "" },
		{ "abc", 8, "abc" },
		{ "abcdefg", 8, "abcdefg" },
		{ "abcdefgh", 8, "abcdefg" },
		{ "abc", 1, "" },
		{ "a\u00e9", 4, "a\u00e9" }, /* two bytes */
		{ "a\u00e9", 3, "a" },
		{ "\u00e9", 2, "" },
		{ "a\u20ac", 5, "a\u20ac" }, /* three bytes */
		{ "a\u20ac", 4, "a" },
		{ "a\u20ac", 3, "a" },
		{ "\u20ac", 3, "" },
		{ "a\U0001f600", 6, "a\U0001f600" }, /* four bytes */
		{ "a\U0001f600", 5, "a" },
		{ "a\U0001f600", 4, "a" },
		{ "a\U0001f600", 3, "a" },
		{ "\u00e9\u20ac", 5, "\u00e9" },
		{ "\u20ac\u20ac", 6, "\u20ac" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char field[16];

		memset(field, 'x', sizeof(field));
		text_copy(field, rows[i].size, rows[i].text);
		assert_string_equal(field, rows[i].expected);
		assert_int_equal(field[rows[i].size], 'x');
	}
}

static void
mending_leaves_whole_text_alone(void **state)
{
	static const char *const rows[][2] = {
		{ "", "" },
		{ "a", "a" },
		{ "\u00e9", "\u00e9" },
		{ "x\U0001f600", "x\U0001f600" },
		{ "x\xf0\x9f\x98", "x" },
		{ "x\xf0\x9f", "x" },
		{ "x\xf0", "x" },
		{ "x\xe2\x82", "x" },
		{ "x\xc3", "x" },
		{ "\xc3", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char text[16];

		snprintf(text, sizeof(text), "%s", rows[i][0]);
		text_mend_end(text);
		assert_string_equal(text, rows[i][1]);
	}
}

static void
templates_know_three_placeholders(void **state)
{
	static const struct {
		const char *text, *bad; /* NULL = good */
	} rows[] = {
		{ "", NULL },
		{ "/plain", NULL },
		{ "{user_id}", NULL },
		{ "/a/{user_id}/{thread_id}{sandbox_id}/b", NULL },
		{ "/a/{user}", "{user}" },
		{ "/a/{user_id}/{x}/y", "{x}" },
		{ "/a/{User_id}", "{User_id}" },
		{ "/a/{}", "{}" },
		{ "/a/{user_id", "{user_id" },
		{ "/a/user_id}", "}" },
		{ "/a/{user_id}}", "}" },
		{ "/a/{{user_id}}", "{{user_id}" },
		{ "/a/{ user_id}", "{ user_id}" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const char *bad = NULL;
		int length = 0;
		bool good = template_check(rows[i].text, &bad, &length);

		assert_int_equal(good, rows[i].bad == NULL);
		if (good)
			continue;
		assert_int_equal(length, strlen(rows[i].bad));
		assert_memory_equal(bad, rows[i].bad, (size_t)length);
	}
}

static void
templates_are_filled_in(void **state)
{
	const struct template_values values = { "U", "T", "S" };
	static const char *const rows[][2] = {
		{ "", "" },
		{ "/plain", "/plain" },
		{ "/{user_id}/{thread_id}/{sandbox_id}", "/U/T/S" },
		{ "{user_id}{user_id}", "UU" },
		{ "x{sandbox_id}y", "xSy" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char *text = template_expand(rows[i][0], &values);

		assert_non_null(text);
		assert_string_equal(text, rows[i][1]);
		free(text);
	}
}

static void
canonical_paths_have_one_spelling(void **state)
{
	static const struct {
		const char *path;
		bool canonical;
	} rows[] = {
		{ "/", true },
		{ "/a", true },
		{ "/a/b.c/..d", true },
		{ "/...", true },
		{ "/.a", true },
		{ "", false },
		{ "a", false },
		{ "a/b", false },
		{ "./a", false },
		{ "//", false },
		{ "//a", false },
		{ "/a//b", false },
		{ "/a/", false },
		{ "/.", false },
		{ "/..", false },
		{ "/a/./b", false },
		{ "/a/../b", false },
		{ "/a/.", false },
		{ "/a/..", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (path_is_canonical(rows[i].path) != rows[i].canonical)
			fail_msg("\"%s\"", rows[i].path);
}

static void
paths_lie_within_whole_components(void **state)
{
	static const struct {
		const char *path, *base;
		bool within, below;
	} rows[] = {
		{ "/a", "/a", true, false },
		{ "/a/b", "/a", true, true },
		{ "/ab", "/a", false, false },
		{ "/a", "/a/b", false, false },
		{ "/b/a", "/a", false, false },
		{ "/a/b", "/", true, true },
		{ "/", "/", true, false },
		{ "/", "/a", false, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const char *path = rows[i].path;
		const char *base = rows[i].base;

		if (path_is_within(path, base) != rows[i].within ||
		    path_is_below(path, base) != rows[i].below)
			fail_msg("%s and %s", path, base);
	}
}

static void
a_braced_component_stands_for_any_one(void **state)
{
	static const struct {
		const char *path, *pattern;
		bool within, above;
	} rows[] = {
		{ "/d/u1/data", "/d/{}/data", true, false },
		{ "/d/u1/data/x/y", "/d/{}/data", true, false },
		{ "/d/u1", "/d/{}/data", false, true },
		{ "/d", "/d/{}/data", false, true },
		{ "/d/u1/other", "/d/{}/data", false, false },
		{ "/d/u1/datax", "/d/{}/data", false, false },
		{ "/d/u1/v/data", "/d/{}/data", false, false },
		{ "/e", "/d/{}/data", false, false },
		{ "/d/x-u1-y/data", "/d/x-{user_id}-y/data", true, false },
		{ "/d/u/threads/t/user-data", "/d/{}/threads/{}/user-data",
		    true, false },
		{ "/d/u/threads", "/d/{}/threads/{}/user-data", false, true },
		{ "/a/b", "/a/b", true, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const char *path = rows[i].path;
		const char *pattern = rows[i].pattern;

		if (path_is_within_pattern(path, pattern) != rows[i].within ||
		    path_is_above_pattern(path, pattern) != rows[i].above)
			fail_msg("%s and %s", path, pattern);
	}
}

static void
names_fit_what_kubernetes_allows(void **state)
{
	static const char longest[] =
	    "a23456789012345678901234567890123456789012345678901";
	const struct object_names names = names_of("abc-1");
	const struct object_names long_names = names_of(longest);

	(void)state;
	assert_string_equal(names.pod, "sandbox-abc-1");
	assert_string_equal(names.service, "sandbox-abc-1-svc");
	assert_int_equal(sizeof(longest) - 1, SANDBOX_ID_MAX);
	assert_int_equal(strlen(long_names.service), 63);
	assert_string_equal(long_names.service + 59, "-svc");
	assert_string_equal(long_names.pod + 8, longest);
}

static void
timestamps_are_rfc_3339_in_utc(void **state)
{
	const time_t before = time(NULL);
	char text[TIMESTAMP_MAX];
	struct tm parsed = { 0 };

	(void)state;
	timestamp_now(text);
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &parsed);
	assert_non_null(rest);
	assert_string_equal(rest, "");
	assert_in_range(timegm(&parsed), before, time(NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trees_read_like_what_they_produce),
		cmocka_unit_test(absent_children_are_left_out),
		cmocka_unit_test(null_children_become_json_null),
		cmocka_unit_test(
		    a_child_that_is_NULL_makes_the_whole_tree_NULL),
		cmocka_unit_test(children_of_a_failed_tree_are_released),
		cmocka_unit_test(appending_NULL_fails_and_keeps_the_list),
		cmocka_unit_test(copies_end_between_characters),
		cmocka_unit_test(mending_leaves_whole_text_alone),
		cmocka_unit_test(templates_know_three_placeholders),
		cmocka_unit_test(templates_are_filled_in),
		cmocka_unit_test(canonical_paths_have_one_spelling),
		cmocka_unit_test(paths_lie_within_whole_components),
		cmocka_unit_test(a_braced_component_stands_for_any_one),
		cmocka_unit_test(names_fit_what_kubernetes_allows),
		cmocka_unit_test(timestamps_are_rfc_3339_in_utc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

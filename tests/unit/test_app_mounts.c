/* Extra mounts: which host and container paths a request may ask for. */
#include "app_fixture.h"

#include "mounts.h"
#include "spec.h"

#define BASE    "DEER_FLOW_HOST_BASE_DIR=/d\n"
#define THREADS "THREADS_HOST_PATH=/d/threads\n"
#define ACP     "/mnt/acp-workspace"
#define CUSTOM  "/mnt/skills/custom"

struct row {
	const char *host, *container;
	bool read_only;
	const char *detail; /* NULL = taken */
};

static struct json_object *
mount_of(const struct row *row)
{
	struct json_object *mount = json_object_new_object();

	json_object_object_add(
	    mount, "host_path", json_object_new_string(row->host));
	json_object_object_add(
	    mount, "container_path", json_object_new_string(row->container));
	json_object_object_add(
	    mount, "read_only", json_object_new_boolean(row->read_only));
	return mount;
}

/* A request of user "u" with the mounts of `rows`. */
static struct json_object *
request_of(const char *skills, const struct row *rows, size_t count)
{
	struct json_object *request = json_object_new_object();
	struct json_object *mounts = json_object_new_array();

	json_object_object_add(
	    request, "sandbox_id", json_object_new_string("s"));
	json_object_object_add(request, "user_id", json_object_new_string("u"));
	json_object_object_add(
	    request, "thread_id", json_object_new_string("t"));
	json_object_object_add(
	    request, "skills_container_path", json_object_new_string(skills));
	for (size_t i = 0; i < count; i++)
		json_object_array_add(mounts, mount_of(&rows[i]));
	json_object_object_add(request, "extra_mounts", mounts);
	return request;
}

/* 400 with exactly this detail; NULL = the request is taken. */
static void
assert_detail(const char *environment, const char *skills,
    const struct row *rows, size_t count, const char *detail)
{
	SETTINGS_CLEANUP struct settings *settings =
	    fixture_settings(environment);
	JSON_CLEANUP struct json_object *request =
	    request_of(skills, rows, count);
	K8S_CLEANUP(spec_done) struct sandbox_spec spec;
	REPLY_CLEANUP struct reply reply;
	const char *text = json_object_to_json_string(request);

	reply_init(&reply, "r1");

	enum http_status status =
	    spec_parse(&spec, settings, text, strlen(text), &reply);

	if (detail == NULL) {
		if (status != HTTP_OK)
			fail_msg("%s: %s", text, reply.cause);
		assert_int_equal(spec.mount_count, count);
		return;
	}
	if (status == HTTP_OK)
		fail_msg("taken: %s", text);

	JSON_CLEANUP struct json_object *body = fixture_body(&reply);

	assert_int_equal(status, HTTP_BAD_REQUEST);
	assert_string_equal(k8s_json_string(body, "detail"), detail);
	assert_int_equal(k8s_json_int(body, "status", 0), HTTP_BAD_REQUEST);
}

static void
assert_each(const char *environment, const char *skills, const struct row *rows,
    size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_detail(environment, skills, &rows[i], 1, rows[i].detail);
}

static void
every_refusal_has_the_sentence_of_the_contract(void **state)
{
	static const struct row rows[] = {
		{ "d/x", ACP, true,
		    "Extra mount host path must be absolute: d/x" },
		{ "", ACP, true, "Extra mount host path must be absolute: " },
		{ "/etc", ACP, true,
		    "Extra mount host path is outside DeerFlow state: /etc" },
		{ "/d/x", "mnt/acp-workspace", true,
		    "Extra mount path must be absolute: mnt/acp-workspace" },
		{ "/d/x", "/mnt/other", true,
		    "Unsupported extra mount path: /mnt/other" },
		{ "/d/x/", ACP, true, "Invalid extra mount host path: /d/x/" },
	};

	(void)state;
	assert_each(BASE, "/mnt/skills", rows, COUNT_OF(rows));
}

static void
container_paths_are_on_the_allow_list(void **state)
{
	static const char *const allowed[] = { ACP,
		"/mnt/integrations/lark-cli/config",
		"/mnt/integrations/lark-cli/config/locks",
		"/mnt/integrations/lark-cli/data",
		"/mnt/integrations/lark-cli/runtime", "/mnt/skills/public",
		CUSTOM, "/mnt/skills/legacy", "/mnt/skills/integrations" };
	static const char *const refused[] = { "/", "/mnt", "/mnt/user-data",
		"/mnt/user-data/x", "/mnt/skills", "/mnt/skills/",
		"/mnt/skills/other", "/mnt/skills/public/x",
		"/mnt/skills/publicx", "/mnt/skills//public",
		"/mnt/skills/../skills/public", ACP "/", ACP "/x",
		"/mnt/integrations/lark-cli",
		"/mnt/integrations/lark-cli/config/", "/etc", "/opt/s/public" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(allowed); i++) {
		const struct row row = { "/d/x", allowed[i], true, NULL };

		assert_each(BASE, "/mnt/skills", &row, 1);
	}
	for (size_t i = 0; i < COUNT_OF(refused); i++) {
		char detail[256];
		const struct row row = { "/d/x", refused[i], true, detail };

		snprintf(detail, sizeof(detail),
		    "Unsupported extra mount path: %s", refused[i]);
		assert_each(BASE, "/mnt/skills", &row, 1);
	}
}

static void
the_allow_list_follows_the_skills_path(void **state)
{
	static const struct row rows[] = {
		{ "/d/x", "/opt/s/public", true, NULL },
		{ "/d/x", "/opt/s/integrations", true, NULL },
		{ "/d/x", "/mnt/skills/public", true,
		    "Unsupported extra mount path: /mnt/skills/public" },
	};

	(void)state;
	assert_each(BASE, "/opt/s", rows, COUNT_OF(rows));
}

static void
host_paths_lie_strictly_below_the_base(void **state)
{
	static const struct row rows[] = {
		{ "/d/x", ACP, false, NULL },
		{ "/d/x/y z/\u00e9", ACP, false, NULL },
		{ "/d", ACP, true,
		    "Extra mount host path is outside DeerFlow state: /d" },
		{ "/dd/x", ACP, true,
		    "Extra mount host path is outside DeerFlow state: /dd/x" },
		{ "/", ACP, true,
		    "Extra mount host path is outside DeerFlow state: /" },
		{ "/d/../etc", ACP, true,
		    "Invalid extra mount host path: /d/../etc" },
		{ "/d/./x", ACP, true,
		    "Invalid extra mount host path: /d/./x" },
		{ "/d//x", ACP, true, "Invalid extra mount host path: /d//x" },
		{ "//d/x", ACP, true, "Invalid extra mount host path: //d/x" },
		{ "/d/x:y", ACP, true,
		    "Invalid extra mount host path: /d/x:y" },
	};

	(void)state;
	assert_each(BASE, "/mnt/skills", rows, COUNT_OF(rows));
}

static void
below_users_only_the_own_user_is_allowed(void **state)
{
	static const struct row rows[] = {
		{ "/d/users/u/x", ACP, false, NULL },
		{ "/d/users/u/threads/t/acp-workspace", ACP, false, NULL },
		{ "/d/usersx", ACP, false, NULL },
		{ "/d/users", ACP, true,
		    "Extra mount host path is outside DeerFlow state: "
		    "/d/users" },
		{ "/d/users/u", ACP, true,
		    "Extra mount host path is outside DeerFlow state: "
		    "/d/users/u" },
		{ "/d/users/uu/x", ACP, true,
		    "Extra mount host path is outside DeerFlow state: "
		    "/d/users/uu/x" },
		{ "/d/users/other/x", ACP, true,
		    "Extra mount host path is outside DeerFlow state: "
		    "/d/users/other/x" },
	};

	(void)state;
	assert_each(BASE, "/mnt/skills", rows, COUNT_OF(rows));
}

#define INVALID(path)                                                          \
	{                                                                      \
		path, ACP, true, "Invalid extra mount host path: " path        \
	}

static void
user_data_is_never_mounted_again(void **state)
{
	static const struct row of_base[] = {
		INVALID("/d/users/u/threads/t/user-data"),
		INVALID("/d/users/u/threads/t/user-data/x"),
		INVALID("/d/users/u/threads/other/user-data"),
		{ "/d/users/u/threads/t/user-data2", ACP, false, NULL },
		/* writable, the sandbox could replace what lies below */
		{ "/d/users/u/threads/t", ACP, false,
		    "Invalid extra mount host path: /d/users/u/threads/t" },
		{ "/d/users/u/threads", ACP, false,
		    "Invalid extra mount host path: /d/users/u/threads" },
		/* an earlier sandbox of the thread may have put a link there */
		INVALID("/d/users/u/threads/t/acp-workspace/link"),
		INVALID("/d/users/u/integrations/lark-cli/data/link"),
		/* where the base mounts of skills come from */
		{ "/d/users/u/skills_view", ACP, false,
		    "Invalid extra mount host path: /d/users/u/skills_view" },
		{ "/d/users/u/skills_view/custom", ACP, false,
		    "Invalid extra mount host path: "
		    "/d/users/u/skills_view/custom" },
		{ "/d/skills_view", ACP, false,
		    "Invalid extra mount host path: /d/skills_view" },
		{ "/d/users/u/skills_view/custom", CUSTOM, true, NULL },
	};
	static const struct row of_threads[] = {
		INVALID("/d/threads/t/user-data"),
		INVALID("/d/threads/other/user-data/x"),
		{ "/d/threads/t/acp-workspace", ACP, false, NULL },
		{ "/d/threads", ACP, false,
		    "Invalid extra mount host path: /d/threads" },
		{ "/d/threads/t", ACP, false,
		    "Invalid extra mount host path: /d/threads/t" },
	};
	static const struct row of_template[] = {
		INVALID("/d/v/u/x/t/user-data"),
		INVALID("/d/v/other/x/t/user-data/y"),
		{ "/d/v/u/x", ACP, false,
		    "Invalid extra mount host path: /d/v/u/x" },
		{ "/d/v/u/y", ACP, false, NULL },
		INVALID("/d/v/u/x/t/acp-workspace/link"),
		{ "/d/v/u/x/t/acp-workspace", ACP, false, NULL },
		/* another user's or thread's */
		{ "/d/v/other/x/t/acp-workspace", ACP, true,
		    "Extra mount host path is outside DeerFlow state: "
		    "/d/v/other/x/t/acp-workspace" },
		{ "/d/v/u/x/other/acp-workspace", ACP, true,
		    "Extra mount host path is outside DeerFlow state: "
		    "/d/v/u/x/other/acp-workspace" },
	};

	(void)state;
	assert_each(BASE, "/mnt/skills", of_base, COUNT_OF(of_base));
	assert_each(THREADS, "/mnt/skills", of_threads, COUNT_OF(of_threads));
	assert_each(BASE "THREADS_HOST_PATH=/d/v/{user_id}/x\n", "/mnt/skills",
	    of_template, COUNT_OF(of_template));
}

static void
a_mount_below_a_writable_one_is_refused(void **state)
{
	static const struct row nested[] = {
		{ "/d/x", ACP, false, NULL },
		{ "/d/x/y", CUSTOM, true, NULL },
	};
	static const struct row reversed[] = {
		{ "/d/x/y", CUSTOM, true, NULL },
		{ "/d/x", ACP, false, NULL },
	};
	static const struct row same[] = {
		{ "/d/x", CUSTOM, true, NULL },
		{ "/d/x", ACP, false, NULL },
	};
	static const struct row below_read_only[] = {
		{ "/d/x", "/mnt/integrations/lark-cli/config", true, NULL },
		{ "/d/x/locks", "/mnt/integrations/lark-cli/config/locks",
		    false, NULL },
	};
	static const struct row beside[] = {
		{ "/d/x", ACP, false, NULL },
		{ "/d/xy", CUSTOM, false, NULL },
	};

	(void)state;
	assert_detail(BASE, "/mnt/skills", nested, 2,
	    "Invalid extra mount host path: /d/x/y");
	assert_detail(BASE, "/mnt/skills", reversed, 2,
	    "Invalid extra mount host path: /d/x/y");
	assert_detail(BASE, "/mnt/skills", same, 2,
	    "Invalid extra mount host path: /d/x");
	assert_detail(BASE, "/mnt/skills", below_read_only, 2, NULL);
	assert_detail(BASE, "/mnt/skills", beside, 2, NULL);
}

static void
a_container_path_is_mounted_once(void **state)
{
	static const struct row rows[] = {
		{ "/d/x", ACP, true, NULL },
		{ "/d/y", CUSTOM, true, NULL },
		{ "/d/z", ACP, true, NULL },
	};

	(void)state;
	assert_detail(BASE, "/mnt/skills", rows, COUNT_OF(rows),
	    "Duplicate extra mount path: " ACP);
}

static void
ten_mounts_are_not_too_many(void **state)
{
	struct row rows[EXTRA_MOUNTS_MAX + 1];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		rows[i] = (struct row){ "/d/x", ACP, true, NULL };
	assert_detail(
	    BASE, "/mnt/skills", rows, 10, "Duplicate extra mount path: " ACP);
	assert_detail(
	    BASE, "/mnt/skills", rows, 11, "Too many extra mounts; max is 10");
}

static void
mounts_are_writable_unless_read_only_is_true(void **state)
{
	static const char text[] =
	    "{\"sandbox_id\":\"s\",\"extra_mounts\":["
	    "{\"host_path\":\"/d/x\",\"container_path\":\"" ACP "\"},"
	    "{\"host_path\":\"/d/y\",\"container_path\":\"" CUSTOM "\","
	    "\"read_only\":true}]}";
	SETTINGS_CLEANUP struct settings *settings = fixture_settings(BASE);
	K8S_CLEANUP(spec_done) struct sandbox_spec spec;
	REPLY_CLEANUP struct reply reply;

	(void)state;
	reply_init(&reply, "r1");
	assert_int_equal(
	    spec_parse(&spec, settings, text, strlen(text), &reply), HTTP_OK);
	assert_int_equal(spec.mount_count, 2);
	assert_string_equal(spec.mounts[0].host_path, "/d/x");
	assert_string_equal(spec.mounts[0].container_path, ACP);
	assert_false(spec.mounts[0].read_only);
	assert_true(spec.mounts[1].read_only);
}

static void
the_base_comes_from_either_variable(void **state)
{
	static const struct {
		const char *environment, *base; /* NULL = none */
	} rows[] = {
		{ "", NULL },
		{ BASE, "/d" },
		{ "THREADS_HOST_PATH=/a/b/threads\n", "/a/b" },
		{ "THREADS_HOST_PATH=/a/b/threads\n" BASE, "/d" },
		{ "THREADS_HOST_PATH=/a/b\n", NULL },
		{ "THREADS_HOST_PATH=/a/bthreads\n", NULL },
		{ "THREADS_HOST_PATH=/threads\n", NULL },
		{ "THREADS_HOST_PATH=/a/{user_id}/threads\n", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		SETTINGS_CLEANUP struct settings *settings =
		    fixture_settings(rows[i].environment);
		size_t length = 0;
		const char *base = mounts_base(settings, &length);

		assert_int_equal(base == NULL, rows[i].base == NULL);
		if (base == NULL)
			continue;
		assert_int_equal(length, strlen(rows[i].base));
		assert_memory_equal(base, rows[i].base, length);
	}
}

static void
without_a_base_no_host_path_is_allowed(void **state)
{
	static const struct row row = { "/d/x", ACP, true,
		"Extra mount host path is outside DeerFlow state: /d/x" };

	(void)state;
	assert_each("", "/mnt/skills", &row, 1);
	assert_each("THREADS_HOST_PATH=/d\n", "/mnt/skills", &row, 1);
	assert_each("SKILLS_HOST_PATH=/d\n", "/mnt/skills", &row, 1);
}

/* "/" as the base must not open other users' directories. */
static void
a_base_of_the_whole_node_keeps_users_apart(void **state)
{
	static const struct row row = { "/users/other/x", ACP, true,
		"Extra mount host path is outside DeerFlow state: "
		"/users/other/x" };
	char *complaints = NULL;

	(void)state;
	fixture_clear_environment();
	setenv("DEER_FLOW_HOST_BASE_DIR", "/", 1);
	SETTINGS_CLEANUP struct settings *settings =
	    settings_load(NULL, &complaints);
	fixture_clear_environment();
	free(complaints);
	if (settings != NULL) /* else it is refused at start: as good */
		assert_each(
		    "DEER_FLOW_HOST_BASE_DIR=/\n", "/mnt/skills", &row, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    every_refusal_has_the_sentence_of_the_contract),
		cmocka_unit_test(container_paths_are_on_the_allow_list),
		cmocka_unit_test(the_allow_list_follows_the_skills_path),
		cmocka_unit_test(host_paths_lie_strictly_below_the_base),
		cmocka_unit_test(below_users_only_the_own_user_is_allowed),
		cmocka_unit_test(user_data_is_never_mounted_again),
		cmocka_unit_test(a_mount_below_a_writable_one_is_refused),
		cmocka_unit_test(a_container_path_is_mounted_once),
		cmocka_unit_test(ten_mounts_are_not_too_many),
		cmocka_unit_test(mounts_are_writable_unless_read_only_is_true),
		cmocka_unit_test(the_base_comes_from_either_variable),
		cmocka_unit_test(without_a_base_no_host_path_is_allowed),
		cmocka_unit_test(a_base_of_the_whole_node_keeps_users_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

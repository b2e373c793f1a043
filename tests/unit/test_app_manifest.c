/*
 * Golden manifests: tests/golden/NAME.request.json under the environment of
 * NAME.settings becomes the Pod and the Service of NAME.expected.json. With
 * UPDATE_GOLDEN=1 the latter are written anew, to be read before a commit.
 */
#include "app_fixture.h"

#include "manifest.h"
#include "names.h"
#include "spec.h"
#include "tree.h"

#include <time.h>

#define GOLDEN "tests/golden/"
#define PRETTY                                                                 \
	(JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |                   \
	    JSON_C_TO_STRING_NOSLASHESCAPE)

static char *
read_golden(const char *name, const char *kind)
{
	char path[256];

	snprintf(path, sizeof(path), GOLDEN "%s.%s", name, kind);

	char *text = fixture_read(path);

	if (text == NULL)
		fail_msg("no %s; run the tests where " GOLDEN " is", path);
	return text;
}

/* The time of day becomes a fixed one, once it was found to be a time. */
static void
fix_time(struct json_object *pod)
{
	struct json_object *annotations =
	    k8s_json_map(pod, "metadata.annotations");
	const char *text =
	    k8s_json_string(annotations, "[" ANNOTATION_LAST_ACTIVE_AT "]");
	struct tm parsed = { 0 };

	assert_non_null(text);

	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &parsed);

	assert_non_null(rest);
	assert_int_equal(*rest, '\0');
	json_object_object_add(annotations, ANNOTATION_LAST_ACTIVE_AT,
	    json_object_new_string("2026-01-02T03:04:05Z"));
}

static struct json_object *
objects_of(const char *request, const char *environment)
{
	static const struct manifest_origin origin = { "r1", "laptop" };
	SETTINGS_CLEANUP struct settings *settings =
	    fixture_settings(environment);
	K8S_CLEANUP(spec_done) struct sandbox_spec spec;
	REPLY_CLEANUP struct reply reply;

	reply_init(&reply, "r1");
	if (spec_parse(&spec, settings, request, strlen(request), &reply) !=
	    HTTP_OK)
		fail_msg("%s", reply.cause);

	struct json_object *objects =
	    MAP({ "pod", manifest_pod(&spec, settings, &origin) },
		{ "service",
		    manifest_service(&spec, settings, &origin, "pod-uid") });

	assert_non_null(objects);
	fix_time(k8s_json_map(objects, "pod"));
	return objects;
}

static void
update_golden(const char *name, struct json_object *objects)
{
	char path[256];
	char *text = NULL;

	snprintf(path, sizeof(path), GOLDEN "%s.expected.json", name);
	assert_true(asprintf(&text, "%s\n",
			json_object_to_json_string_ext(objects, PRETTY)) > 0);
	fixture_write(path, text, 0644);
	free(text);
}

static void
becomes_golden(void **state)
{
	const char *name = *state;
	char *request = read_golden(name, "request.json");
	char *environment = read_golden(name, "settings");
	JSON_CLEANUP struct json_object *actual =
	    objects_of(request, environment);

	free(environment);
	free(request);
	if (getenv("UPDATE_GOLDEN") != NULL)
		update_golden(name, actual);

	char *text = read_golden(name, "expected.json");
	JSON_CLEANUP struct json_object *expected =
	    fixture_json(text, strlen(text));

	free(text);
	if (!json_object_equal(actual, expected))
		fail_msg("%s.expected.json differs from\n%s", name,
		    json_object_to_json_string_ext(actual, PRETTY));
}

/*
 * A kubelet waits for ever for the second of two volumes that name one claim:
 * kubernetes/kubernetes issues 82526 and 132921.
 */
static void
no_two_volumes_name_one_claim(void **state)
{
	static const char body[] =
	    "{\"sandbox_id\":\"s\",\"extra_mounts\":["
	    "{\"host_path\":\"/d/x\",\"container_path\":"
	    "\"/mnt/acp-workspace\"},"
	    "{\"host_path\":\"/d/y\",\"container_path\":"
	    "\"/mnt/skills/custom\",\"read_only\":true}]}";
	JSON_CLEANUP struct json_object *objects = objects_of(body,
	    "DEER_FLOW_HOST_BASE_DIR=/d\nUSERDATA_PVC_NAME=one\n"
	    "SKILLS_PVC_NAME=one\n");
	struct json_object *volumes =
	    k8s_json_array(objects, "pod.spec.volumes");
	unsigned claims = 0;

	(void)state;
	for (size_t i = 0; i < json_object_array_length(volumes); i++)
		claims += k8s_json_string(json_object_array_get_idx(volumes, i),
			      "persistentVolumeClaim.claimName") != NULL;
	assert_int_equal(claims, 1);
}

static struct json_object *
service_of(const char *pod_uid)
{
	static const char body[] = "{\"sandbox_id\":\"s\"}";
	static const struct manifest_origin origin = { "r1", "" };
	SETTINGS_CLEANUP struct settings *settings = fixture_settings("");
	K8S_CLEANUP(spec_done) struct sandbox_spec spec;
	REPLY_CLEANUP struct reply reply;

	reply_init(&reply, "r1");
	assert_int_equal(
	    spec_parse(&spec, settings, body, strlen(body), &reply), HTTP_OK);
	return manifest_service(&spec, settings, &origin, pod_uid);
}

static void
a_service_without_a_known_pod_has_no_owner(void **state)
{
	JSON_CLEANUP struct json_object *orphan = service_of(NULL);
	JSON_CLEANUP struct json_object *owned = service_of("u1");

	(void)state;
	assert_null(k8s_json_find(orphan, "metadata.ownerReferences"));
	assert_string_equal(
	    k8s_json_string(owned, "metadata.ownerReferences.0.uid"), "u1");
}

static void
without_an_api_key_no_key_name_is_annotated(void **state)
{
	JSON_CLEANUP struct json_object *service = service_of(NULL);
	struct json_object *annotations =
	    k8s_json_map(service, "metadata.annotations");

	(void)state;
	assert_non_null(annotations);
	assert_false(json_object_object_get_ex(
	    annotations, ANNOTATION_API_KEY_NAME, NULL));
}

static void
a_claim_patches_identity_at_one_version(void **state)
{
	static const struct manifest_origin origin = { "r2", "laptop" };
	static const struct sandbox_spec spec = {
		.sandbox_id = "s", .thread_id = "t_", .user_id = "_u"
	};
	JSON_CLEANUP struct json_object *patch =
	    manifest_claim(&spec, &origin, "77");
	struct json_object *annotations =
	    k8s_json_map(patch, "metadata.annotations");

	(void)state;
	assert_int_equal(json_object_object_length(patch), 1);
	assert_int_equal(
	    json_object_object_length(k8s_json_map(patch, "metadata")), 2);
	assert_string_equal(
	    k8s_json_string(patch, "metadata.resourceVersion"), "77");
	assert_string_equal(
	    k8s_json_string(annotations, "[" ANNOTATION_USER_ID "]"), "_u");
	assert_string_equal(
	    k8s_json_string(annotations, "[" ANNOTATION_THREAD_ID "]"), "t_");
	assert_string_equal(
	    k8s_json_string(annotations, "[" ANNOTATION_REQUEST_ID "]"), "r2");
	fix_time(patch);
}

static void
a_namespace_is_marked_as_ours(void **state)
{
	JSON_CLEANUP struct json_object *namespace = manifest_namespace("n1");

	(void)state;
	assert_string_equal(k8s_json_string(namespace, "kind"), "Namespace");
	assert_string_equal(k8s_json_string(namespace, "metadata.name"), "n1");
	assert_string_equal(
	    k8s_json_string(
		namespace, "metadata.labels[app.kubernetes.io/managed-by]"),
	    "sandbox-provisioner");
}

#define GOLDEN_TEST(name)                                                      \
	{                                                                      \
		"golden " name, becomes_golden, NULL, NULL, (char[])           \
		{                                                              \
			name                                                   \
		}                                                              \
	}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		GOLDEN_TEST("default"),
		GOLDEN_TEST("base-dir"),
		GOLDEN_TEST("host-paths"),
		GOLDEN_TEST("extra-mounts"),
		GOLDEN_TEST("extra-mounts-on-claims"),
		GOLDEN_TEST("skills-root"),
		GOLDEN_TEST("shell-sessions"),
		GOLDEN_TEST("claims"),
		GOLDEN_TEST("cluster-ip"),
		cmocka_unit_test(no_two_volumes_name_one_claim),
		cmocka_unit_test(a_service_without_a_known_pod_has_no_owner),
		cmocka_unit_test(without_an_api_key_no_key_name_is_annotated),
		cmocka_unit_test(a_claim_patches_identity_at_one_version),
		cmocka_unit_test(a_namespace_is_marked_as_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

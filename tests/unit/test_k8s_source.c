/* Where a configuration is looked for, and the token it leads to. */
#include "config_folder.h"
#include "credential.h"

/* ---- Where it is looked for --------------------------------------------- */

static struct k8s_config *
load_default(struct folder *folder)
{
	const struct k8s_config_options none = { 0 };

	folder->config = k8s_config_free(folder->config);
	folder->config =
	    k8s_config_load_from(&none, folder->path, &folder->error);
	return folder->config;
}

static void
the_environment_comes_before_home_before_the_pod(void **state)
{
	struct folder *folder = *state;
	char list[200];

	put(folder, "ca.crt", PEM);
	setenv("HOME", folder->path, 1);
	assert_null(load_default(folder));
	assert_non_null(strstr(folder->error.message, "no kubeconfig: "));
	setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1", 1);
	setenv("KUBERNETES_SERVICE_PORT", "443", 1);
	assert_non_null(load_default(folder));
	assert_string_equal(k8s_config_source(folder->config), "in-cluster");
	assert_int_equal(mkdir(path_in(folder, ".kube"), 0700), 0);
	put_kubeconfig(folder, "server: 'https://h'", "token: t");
	assert_int_equal(
	    link(folder->file, path_in(folder, ".kube/config")), 0);
	assert_non_null(load_default(folder));
	assert_string_equal(
	    k8s_config_source(folder->config), path_in(folder, ".kube/config"));
	snprintf(list, sizeof(list), ":%s:", folder->file);
	setenv("KUBECONFIG", list, 1);
	assert_non_null(load_default(folder));
	assert_string_equal(k8s_config_source(folder->config), folder->file);
	setenv("KUBECONFIG", "/a:/b", 1);
	assert_null(load_default(folder));
	assert_string_equal(folder->error.message,
	    "KUBECONFIG names several files, which are not merged here: name "
	    "one");
}

static void
in_a_pod_the_service_account_is_used(void **state)
{
	struct folder *folder = *state;
	const struct k8s_config_options pod = { .in_cluster = true };

	assert_null(load(folder, pod));
	assert_non_null(strstr(folder->error.message, "not in a pod"));
	setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
	assert_null(load(folder, pod));
	setenv("KUBERNETES_SERVICE_PORT", "443", 1);
	assert_null(load(folder, pod));
	put(folder, "ca.crt", PEM);
	load_well(folder, pod);
	assert_string_equal(folder->config->server, "https://[fd00::1]:443");
	assert_string_equal(
	    folder->config->token_file, path_in(folder, "token"));
	assert_string_equal(folder->config->ca.data, PEM);
}

/* ---- Tokens ------------------------------------------------------------- */

static void
a_rotated_token_is_noticed_after_60_s(void **state)
{
	struct folder *folder = *state;
	const struct k8s_config_options none = { 0 };
	struct k8s_credential credential;

	put(folder, "token", "one\n");
	put_kubeconfig(
	    folder, "server: 'https://h'", "tokenFile: token, token: x");
	load_well(folder, none);
	assert_true(
	    k8s_credential_init(&credential, folder->config, &folder->error));
	assert_string_equal(k8s_credential_token(&credential), "one");
	put(folder, "token", "two");
	assert_string_equal(k8s_credential_token(&credential), "one");
	credential.read_at.tv_sec -= K8S_TOKEN_AGE_MAX_S;
	assert_string_equal(k8s_credential_token(&credential), "two");
	unlink(path_in(folder, "token"));
	credential.read_at.tv_sec -= K8S_TOKEN_AGE_MAX_S;
	assert_string_equal(k8s_credential_token(&credential), "two");
	k8s_credential_done(&credential);
}

static void
renewing_tells_whether_there_is_another_token(void **state)
{
	struct folder *folder = *state;
	const struct k8s_config_options none = { 0 };
	struct k8s_credential credential;
	unsigned used;

	put(folder, "token", "one");
	put_kubeconfig(folder, "server: 'https://h'", "tokenFile: token");
	load_well(folder, none);
	assert_true(
	    k8s_credential_init(&credential, folder->config, &folder->error));
	used = credential.generation;
	assert_false(k8s_credential_renew(&credential, used));
	put(folder, "token", "two");
	assert_true(k8s_credential_renew(&credential, used));
	/* a second call that was sent with the old one learns it as well */
	assert_true(k8s_credential_renew(&credential, used));
	used = credential.generation;
	assert_string_equal(k8s_credential_token(&credential), "two");
	put(folder, "token", "\n");
	assert_false(k8s_credential_renew(&credential, used));
	assert_string_equal(k8s_credential_token(&credential), "two");
	k8s_credential_done(&credential);
}

static void
a_token_that_would_break_a_header_is_refused(void **state)
{
	static const char *const rows[] = { "", " \n", "a\nb", "a b",
		"a\r\nX-Evil: 1", "\xc3\xa9" };
	struct folder *folder = *state;
	const struct k8s_config_options none = { 0 };

	put_kubeconfig(folder, "server: 'https://h'", "tokenFile: token");
	load_well(folder, none);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct k8s_client *client;

		put(folder, "token", rows[i]);
		client = k8s_client_new(folder->config, NULL, &folder->error);
		assert_null(client);
		assert_non_null(
		    strstr(folder->error.message, "the token in /tmp/"));
		assert_null(strstr(folder->error.message, "Evil"));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_environment_comes_before_home_before_the_pod),
		TEST(in_a_pod_the_service_account_is_used),
		TEST(a_rotated_token_is_noticed_after_60_s),
		TEST(renewing_tells_whether_there_is_another_token),
		TEST(a_token_that_would_break_a_header_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

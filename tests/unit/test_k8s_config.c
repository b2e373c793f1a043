/* Kubeconfigs, the service account, and the token they lead to. */
#include "cmocka_all.h"

#include "config.h"
#include "credential.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* "-----BEGIN CERTIFICATE-----\n", "-----BEGIN PRIVATE KEY-----\n" and
 * "-----BEGIN ENCRYPTED PRIVATE KEY-----\n" */
#define CERT64   "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg=="
#define KEY64    "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCg=="
#define LOCKED64 "LS0tLS1CRUdJTiBFTkNSWVBURUQgUFJJVkFURSBLRVktLS0tLQo="
#define PEM      "-----BEGIN CERTIFICATE-----\n"

/* A folder of its own for every test. */
struct folder {
	char path[64];
	char file[96]; /* the kubeconfig in it */
	struct k8s_error error;
	struct k8s_config *config;
};

static const char *const variables[] = { "KUBECONFIG", "HOME",
	"KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT" };

static int
setup(void **state)
{
	struct folder *folder = calloc(1, sizeof(*folder));

	assert_non_null(folder);
	for (size_t i = 0; i < 4; i++)
		unsetenv(variables[i]);
	strcpy(folder->path, "/tmp/test_k8s_config.XXXXXX");
	assert_non_null(mkdtemp(folder->path));
	snprintf(folder->file, sizeof(folder->file), "%s/config", folder->path);
	*state = folder;
	return 0;
}

static const char *
path_in(const struct folder *folder, const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder->path, name);
	return path;
}

static int
teardown(void **state)
{
	static const char *const names[] = { "config", "ca.crt", "token",
		"cert.pem", "key.pem", ".kube/config" };
	struct folder *folder = *state;

	k8s_config_free(folder->config);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(path_in(folder, names[i]));
	rmdir(path_in(folder, ".kube"));
	rmdir(folder->path);
	free(folder);
	return 0;
}

static void
put(const struct folder *folder, const char *name, const char *text)
{
	FILE *file = fopen(path_in(folder, name), "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* A kubeconfig with these fields of its one cluster and one user. */
static void
put_kubeconfig(
    const struct folder *folder, const char *cluster, const char *user)
{
	char text[4000];

	snprintf(text, sizeof(text),
	    "apiVersion: v1\nkind: Config\npreferences: {}\n"
	    "current-context: c\n"
	    "contexts:\n- name: c\n  context: {cluster: k, user: u}\n"
	    "- name: 2\n  context: {cluster: other, user: u}\n"
	    "clusters:\n- name: k\n  cluster: {%s}\n"
	    "- name: other\n  cluster: {server: 'https://other:1'}\n"
	    "users:\n- name: u\n  user: {%s}\n",
	    cluster, user);
	put(folder, "config", text);
}

static struct k8s_config *
load(struct folder *folder, struct k8s_config_options options)
{
	if (options.kubeconfig == NULL && !options.in_cluster)
		options.kubeconfig = folder->file;
	folder->config = k8s_config_free(folder->config);
	folder->error.message[0] = '\0';
	folder->config =
	    k8s_config_load_from(&options, folder->path, &folder->error);
	return folder->config;
}

static void
load_well(struct folder *folder, struct k8s_config_options options)
{
	if (load(folder, options) == NULL)
		fail_msg("%s", folder->error.message);
}

/* ---- What a kubeconfig may say ------------------------------------------ */

static void
data_and_token_are_read(void **state)
{
	struct folder *folder = *state;
	const struct k8s_config_options none = { 0 };

	put_kubeconfig(folder,
	    "server: 'https://api.example:6443/', "
	    "certificate-authority-data: " CERT64 ", unknown: 1",
	    "token: t-1, client-certificate-data: " CERT64
	    ", client-key-data: " KEY64);
	load_well(folder, none);
	assert_string_equal(
	    k8s_config_server(folder->config), "https://api.example:6443");
	assert_string_equal(k8s_config_source(folder->config), folder->file);
	assert_string_equal(folder->config->base, "https://api.example:6443");
	assert_null(folder->config->connect_to);
	assert_string_equal(folder->config->ca.data, PEM);
	assert_string_equal(folder->config->certificate.data, PEM);
	assert_true(folder->config->key.secret);
	assert_string_equal(folder->config->token, "t-1");
	assert_false(folder->config->insecure);
}

static void
file_names_count_from_the_kubeconfigs_folder(void **state)
{
	struct folder *folder = *state;
	const struct k8s_config_options none = { 0 };

	put(folder, "ca.crt", PEM);
	put(folder, "cert.pem", PEM);
	put(folder, "key.pem", PEM);
	put_kubeconfig(folder,
	    "server: 'https://h', certificate-authority: ca.crt",
	    "tokenFile: token, client-certificate: cert.pem, "
	    "client-key: key.pem");
	load_well(folder, none);
	assert_string_equal(
	    folder->config->token_file, path_in(folder, "token"));
	assert_string_equal(folder->config->ca.data, PEM);
	assert_string_equal(folder->config->server, "https://h:443");
}

static void
a_kubeconfig_may_be_json(void **state)
{
	struct folder *folder = *state;
	const struct k8s_config_options none = { 0 };

	put(folder, "config",
	    "{\"current-context\":\"c\",\"contexts\":[{\"name\":\"c\","
	    "\"context\":{\"cluster\":\"k\",\"user\":\"u\"}}],\"clusters\":"
	    "[{\"name\":\"k\",\"cluster\":{\"server\":\"https://h:1\","
	    "\"insecure-skip-tls-verify\":true}}],\"users\":[{\"name\":\"u\","
	    "\"user\":{\"token\":\"t\"}}]}");
	load_well(folder, none);
	assert_true(folder->config->insecure);
}

static void
a_context_by_name_wins_over_the_current_one(void **state)
{
	struct folder *folder = *state;
	const struct k8s_config_options two = { .context = "2" };

	put_kubeconfig(folder, "server: 'https://h'", "token: t");
	load_well(folder, two);
	assert_string_equal(folder->config->server, "https://other:1");
}

/* ---- Address and verification ------------------------------------------- */

static void
another_server_changes_the_address_only(void **state)
{
	static const struct {
		const char *cluster, *server, *name;
		const char *base, *connect_to, *messages;
	} rows[] = {
		{ "server: 'https://api:6443/k/'", "https://10.0.0.9:99", NULL,
		    "https://api:99", "::10.0.0.9:99", "https://10.0.0.9:99" },
		{ "server: 'https://api:6443', tls-server-name: inner",
		    "https://10.0.0.9:99", NULL, "https://inner:99",
		    "::10.0.0.9:99", "https://10.0.0.9:99" },
		{ "server: 'https://api:6443', tls-server-name: inner",
		    "https://10.0.0.9:99", "mine", "https://mine:99",
		    "::10.0.0.9:99", "https://10.0.0.9:99" },
		{ "server: 'https://api:6443', tls-server-name: inner", NULL,
		    NULL, "https://inner:6443", "::api:6443",
		    "https://api:6443" },
		{ "server: 'https://[::1]:6443'", "https://[fd00::2]:7", NULL,
		    "https://[::1]:7", "::[fd00::2]:7", "https://[fd00::2]:7" },
		{ "server: 'https://api', tls-server-name: 'fd00::1'", NULL,
		    NULL, "https://[fd00::1]:443", "::api:443",
		    "https://api:443" },
		{ "server: 'https://api:6443'", "https://api:6443", NULL,
		    "https://api:6443", NULL, "https://api:6443" },
		{ "server: 'http://127.0.0.1:8001/p'", NULL, NULL,
		    "http://127.0.0.1:8001/p", NULL, "http://127.0.0.1:8001" },
	};
	struct folder *folder = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct k8s_config_options options = {
			.server = rows[i].server, .server_name = rows[i].name
		};

		put_kubeconfig(folder, rows[i].cluster, "token: t");
		load_well(folder, options);
		assert_string_equal(folder->config->base, rows[i].base);
		assert_string_equal(folder->config->server, rows[i].messages);
		if (rows[i].connect_to == NULL)
			assert_null(folder->config->connect_to);
		else
			assert_string_equal(
			    folder->config->connect_to, rows[i].connect_to);
		assert_false(folder->config->insecure);
	}
}

static void
another_ca_replaces_the_files_and_its_insecurity(void **state)
{
	struct folder *folder = *state;
	char ca_file[128];
	struct k8s_config_options options = { .ca_file = ca_file };

	strcpy(ca_file, path_in(folder, "ca.crt"));
	put(folder, "ca.crt", "new " PEM);
	put_kubeconfig(folder,
	    "server: 'https://h', certificate-authority-data: " CERT64,
	    "token: t");
	load_well(folder, options);
	assert_string_equal(folder->config->ca.data, "new " PEM);
	put_kubeconfig(folder,
	    "server: 'https://h', insecure-skip-tls-verify: true", "token: t");
	load_well(folder, options);
	assert_false(folder->config->insecure);
	options.insecure = true;
	load_well(folder, options);
	assert_true(folder->config->insecure);
}

/* ---- What is refused ---------------------------------------------------- */

static void
a_cluster_or_user_that_cannot_work_is_refused(void **state)
{
	static const struct {
		const char *cluster, *user,
		    *sentence; /* after "kubeconfig F: " */
	} rows[] = {
		{ "a: b", "token: t",
		    "server of \"k\" in clusters is missing: add it" },
		{ "server: [x]", "token: t",
		    "server of \"k\" in clusters is not a text" },
		{ "server: 'https://h', insecure-skip-tls-verify: 'true'",
		    "token: t",
		    "insecure-skip-tls-verify of \"k\" in clusters is neither "
		    "true nor false" },
		{ "server: 'https://h', insecure-skip-tls-verify: true, "
		  "certificate-authority-data: " CERT64,
		    "token: t",
		    "insecure-skip-tls-verify of \"k\" in clusters contradicts "
		    "its certificate-authority: remove one" },
		{ "server: 'https://h', certificate-authority-data: '!'",
		    "token: t",
		    "certificate-authority-data of \"k\" in clusters is not "
		    "base64" },
		{ "server: 'https://h', proxy-url: 'http://p'", "token: t",
		    "proxy-url of \"k\" in clusters is not supported: connect "
		    "without a proxy and remove it" },
		{ "server: 'https://h'", "exec: {command: aws}",
		    "exec of \"u\" in users is not supported: use a token, a "
		    "token file or a certificate" },
		{ "server: 'https://h'", "auth-provider: {name: gcp}",
		    "auth-provider of \"u\" in users is not supported: use a "
		    "token, a token file or a certificate" },
		{ "server: 'https://h'", "username: a, password: b",
		    "username of \"u\" in users is not supported: API servers "
		    "dropped passwords, use a token" },
		{ "server: 'https://h'", "token: t, as: root",
		    "as of \"u\" in users is not supported: give the user its "
		    "own credential" },
		{ "server: 'https://h'", "client-certificate-data: " CERT64,
		    "client-key of \"u\" in users is missing: a client "
		    "certificate needs it" },
		{ "server: 'https://h'", "client-key-data: " KEY64,
		    "client-certificate of \"u\" in users is missing: a client "
		    "key needs it" },
	};
	struct folder *folder = *state;
	const struct k8s_config_options none = { 0 };
	char expected[600];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		put_kubeconfig(folder, rows[i].cluster, rows[i].user);
		assert_null(load(folder, none));
		snprintf(expected, sizeof(expected), "kubeconfig %s: %s",
		    folder->file, rows[i].sentence);
		assert_string_equal(folder->error.message, expected);
	}
}

static void
a_file_whose_entries_do_not_meet_is_refused(void **state)
{
	static const char *const rows[][2] = {
		{ "", "line 1: it is empty" },
		{ "- a\n", "it is not a map of fields, so not a kubeconfig" },
		{ "a: b\na: c\n", "line 2: a key appears twice in its map" },
		{ "contexts: []\n",
		    "current-context is not set: set it (kubectl config "
		    "use-context NAME) or name a context" },
		{ "current-context: x\n",
		    "current-context \"x\" is not among contexts: correct the "
		    "name or add it there" },
		{ "current-context: x\ncontexts: [{name: x}]\n",
		    "context of \"x\" in contexts is missing" },
		{ "current-context: x\ncontexts: [{name: x, context: {}}]\n",
		    "cluster of \"x\" in contexts is missing: add it" },
		{ "current-context: x\n"
		  "contexts: [{name: x, context: {cluster: k, user: u}}]\n",
		    "cluster \"k\" is not among clusters: correct the name or "
		    "add it there" },
		{ "current-context: x\n"
		  "contexts: [{name: x, context: {cluster: k}}]\n"
		  "clusters: [{name: k, cluster: {server: 'https://h'}}]\n",
		    "user of \"x\" in contexts is missing: add it" },
	};
	struct folder *folder = *state;
	const struct k8s_config_options none = { 0 };
	char expected[600];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		put(folder, "config", rows[i][0]);
		assert_null(load(folder, none));
		snprintf(expected, sizeof(expected), "kubeconfig %s: %s",
		    folder->file, rows[i][1]);
		assert_string_equal(folder->error.message, expected);
	}
}

static void
a_password_nobody_could_type_is_refused(void **state)
{
	struct folder *folder = *state;
	const struct k8s_config_options none = { 0 };

	put_kubeconfig(folder, "server: 'https://h'",
	    "client-certificate-data: " CERT64 ", client-key-data: " LOCKED64);
	assert_null(load(folder, none));
	assert_non_null(
	    strstr(folder->error.message, "protected by a password"));
}

static void
an_address_that_is_none_is_refused(void **state)
{
	static const char *const rows[] = { "127.0.0.1:6443", "ftp://h",
		"https://", "https://u:p@h", "https://h?q", "https://h#f",
		"https://h:99999", "h" };
	struct folder *folder = *state;

	put_kubeconfig(folder, "server: 'https://h'", "token: t");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct k8s_config_options options = { .server = rows[i] };

		if (load(folder, options) != NULL)
			fail_msg("accepted: %s", rows[i]);
		assert_non_null(
		    strstr(folder->error.message, "is not a server's address"));
	}
}

static void
https_is_not_traded_for_http(void **state)
{
	struct folder *folder = *state;
	const struct k8s_config_options options = { .server = "http://h:1" };

	put_kubeconfig(folder, "server: 'https://h'", "token: t");
	assert_null(load(folder, options));
	assert_string_equal(folder->error.message,
	    "http://h:1 would send credentials unencrypted in place of "
	    "https://h: write it with https://");
}

static void
what_is_no_file_is_named(void **state)
{
	struct folder *folder = *state;
	const struct k8s_config_options is_folder = { .kubeconfig =
							  folder->path };
	const struct k8s_config_options none = { 0 };
	char expected[300];

	assert_null(load(folder, is_folder));
	snprintf(expected, sizeof(expected),
	    "%s is a directory, not a kubeconfig: name (or mount) the file "
	    "itself",
	    folder->path);
	assert_string_equal(folder->error.message, expected);
	assert_null(load(folder, none));
	snprintf(expected, sizeof(expected),
	    "cannot read kubeconfig %s: No such file or directory",
	    folder->file);
	assert_string_equal(folder->error.message, expected);
	assert_int_equal(mkfifo(folder->file, 0600), 0);
	assert_null(load(folder, none));
	assert_non_null(strstr(folder->error.message, "is not a regular file"));
}

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

	put(folder, "token", "one");
	put_kubeconfig(folder, "server: 'https://h'", "tokenFile: token");
	load_well(folder, none);
	assert_true(
	    k8s_credential_init(&credential, folder->config, &folder->error));
	assert_false(k8s_credential_renew(&credential));
	put(folder, "token", "two");
	assert_true(k8s_credential_renew(&credential));
	assert_string_equal(k8s_credential_token(&credential), "two");
	put(folder, "token", "\n");
	assert_false(k8s_credential_renew(&credential));
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(data_and_token_are_read),
		TEST(file_names_count_from_the_kubeconfigs_folder),
		TEST(a_kubeconfig_may_be_json),
		TEST(a_context_by_name_wins_over_the_current_one),
		TEST(another_server_changes_the_address_only),
		TEST(another_ca_replaces_the_files_and_its_insecurity),
		TEST(a_cluster_or_user_that_cannot_work_is_refused),
		TEST(a_file_whose_entries_do_not_meet_is_refused),
		TEST(a_password_nobody_could_type_is_refused),
		TEST(an_address_that_is_none_is_refused),
		TEST(https_is_not_traded_for_http),
		TEST(what_is_no_file_is_named),
		TEST(the_environment_comes_before_home_before_the_pod),
		TEST(in_a_pod_the_service_account_is_used),
		TEST(a_rotated_token_is_noticed_after_60_s),
		TEST(renewing_tells_whether_there_is_another_token),
		TEST(a_token_that_would_break_a_header_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

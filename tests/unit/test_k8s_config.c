/* What a kubeconfig may say, and what is refused. */
#include "config_folder.h"

/* "-----BEGIN CERTIFICATE-----\n", "-----BEGIN PRIVATE KEY-----\n" and
 * "-----BEGIN ENCRYPTED PRIVATE KEY-----\n" */
#define CERT64   "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg=="
#define KEY64    "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCg=="
#define LOCKED64 "LS0tLS1CRUdJTiBFTkNSWVBURUQgUFJJVkFURSBLRVktLS0tLQo="

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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

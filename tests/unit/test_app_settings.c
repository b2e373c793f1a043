/* The settings: defaults, file, environment, and what each refuses. */
#include "app_fixture.h"

#include "log.h"

/* Loads TEXT as a configuration file. */
static struct settings *
load_text(void **state, const char *text, char **complaints)
{
	char path[FIXTURE_PATH_MAX];

	fixture_write(fixture_path(state, "conf", path), text, 0600);

	struct settings *settings = settings_load(path, complaints);

	assert_int_equal(unlink(path), 0);
	return settings;
}

static void
everything_has_the_default_of_the_contract(void **state)
{
	SETTINGS_CLEANUP struct settings *settings = fixture_settings("");

	(void)state;
	assert_null(settings->server.write_socket);
	assert_null(settings->server.probe_socket);
	assert_int_equal(settings->server.readers, 16);
	assert_int_equal(settings->server.writers, 32);
	assert_int_equal(settings->server.probers, 2);
	assert_int_equal(settings->server.backlog, 1024);
	assert_null(settings->kubernetes.kubeconfig);
	assert_null(settings->kubernetes.context);
	assert_null(settings->kubernetes.api_server);
	assert_null(settings->kubernetes.api_server_name);
	assert_null(settings->kubernetes.ca_file);
	assert_false(settings->kubernetes.insecure_skip_tls_verify);
	assert_string_equal(settings->kubernetes.namespace_name, "deer-flow");
	assert_true(settings->kubernetes.create_namespace);
	assert_string_equal(settings->sandbox.image,
	    "enterprise-public-cn-beijing.cr.volces.com/vefaas-public/"
	    "all-in-one-sandbox:latest");
	assert_int_equal(settings->sandbox.port, 8080);
	assert_int_equal(settings->sandbox.service_type, SERVICE_NODE_PORT);
	assert_string_equal(
	    settings->sandbox.node_host, "host.docker.internal");
	assert_null(settings->storage.skills_host_path);
	assert_null(settings->storage.threads_host_path);
	assert_null(settings->storage.base_dir);
	assert_null(settings->storage.skills_claim);
	assert_null(settings->storage.skills_claim_subpath);
	assert_null(settings->storage.userdata_claim);
	assert_null(settings->lark.init_image);
	assert_null(settings->lark.broker_image);
	assert_null(settings->lark.broker_deny_subcommands);
	assert_null(settings->auth.key_file);
	assert_int_equal(settings->log.level, LOG_LEVEL_INFO);
}

static void
a_file_sets_every_kind_of_value(void **state)
{
	static const char text[] =
	    "server: { write_socket = \"/run/w.sock\"; readers = 3;"
	    " backlog = 65535; }\n"
	    "kubernetes: { namespace = \"n\"; create_namespace = false; }\n"
	    "sandbox: { port = 0x1F90; service_type = \"ClusterIP\"; }\n"
	    "storage: { threads_host_path = \"/d/{user_id}/{thread_id}\"; }\n"
	    "log: { level = \"warning\"; }\n";
	char *complaints;

	fixture_clear_environment();
	SETTINGS_CLEANUP struct settings *settings =
	    load_text(state, text, &complaints);

	if (settings == NULL)
		fail_msg("%s", complaints);
	assert_null(complaints);
	assert_string_equal(settings->server.write_socket, "/run/w.sock");
	assert_int_equal(settings->server.readers, 3);
	assert_int_equal(settings->server.backlog, 65535);
	assert_int_equal(settings->server.writers, 32);
	assert_string_equal(settings->kubernetes.namespace_name, "n");
	assert_false(settings->kubernetes.create_namespace);
	assert_int_equal(settings->sandbox.port, 8080);
	assert_int_equal(settings->sandbox.service_type, SERVICE_CLUSTER_IP);
	assert_string_equal(
	    settings->storage.threads_host_path, "/d/{user_id}/{thread_id}");
	assert_int_equal(settings->log.level, LOG_LEVEL_WARNING);
}

/* Every variable that the contract names, one value each. */
static void
every_variable_of_the_contract_overrides_the_file(void **state)
{
	static const char file[] =
	    "kubernetes: { kubeconfig = \"/f\"; namespace = \"f\";"
	    " api_server = \"https://f\"; }\n"
	    "sandbox: { image = \"f\"; port = 1; node_host = \"f\"; }\n"
	    "storage: { skills_host_path = \"/f\"; threads_host_path = \"/f\";"
	    " base_dir = \"/f\"; skills_claim = \"f\";"
	    " skills_claim_subpath = \"f\"; userdata_claim = \"f\"; }\n";
	char *complaints;

	fixture_clear_environment();
	fixture_set_environment(
	    "KUBECONFIG_PATH=/e1\nK8S_NAMESPACE=e2\nK8S_API_SERVER=https://e3\n"
	    "SANDBOX_IMAGE=e4\nSANDBOX_CONTAINER_PORT=5\n"
	    "SANDBOX_SERVICE_TYPE=ClusterIP\nNODE_HOST=e6\n"
	    "SKILLS_HOST_PATH=/e7\nTHREADS_HOST_PATH=/e8\n"
	    "DEER_FLOW_HOST_BASE_DIR=/e9\nSKILLS_PVC_NAME=e10\n"
	    "SKILLS_PVC_SUBPATH_TEMPLATE=e11\nUSERDATA_PVC_NAME=e12\n");
	SETTINGS_CLEANUP struct settings *settings =
	    load_text(state, file, &complaints);
	fixture_clear_environment();

	if (settings == NULL)
		fail_msg("%s", complaints);
	assert_string_equal(settings->kubernetes.kubeconfig, "/e1");
	assert_string_equal(settings->kubernetes.namespace_name, "e2");
	assert_string_equal(settings->kubernetes.api_server, "https://e3");
	assert_string_equal(settings->sandbox.image, "e4");
	assert_int_equal(settings->sandbox.port, 5);
	assert_int_equal(settings->sandbox.service_type, SERVICE_CLUSTER_IP);
	assert_string_equal(settings->sandbox.node_host, "e6");
	assert_string_equal(settings->storage.skills_host_path, "/e7");
	assert_string_equal(settings->storage.threads_host_path, "/e8");
	assert_string_equal(settings->storage.base_dir, "/e9");
	assert_string_equal(settings->storage.skills_claim, "e10");
	assert_string_equal(settings->storage.skills_claim_subpath, "e11");
	assert_string_equal(settings->storage.userdata_claim, "e12");
}

static bool
set_empty(
    const char *name, const char *standard, const char *environment, void *data)
{
	(void)name;
	(void)standard;
	if (environment != NULL) {
		setenv(environment, "", 1);
		++*(int *)data;
	}
	return true;
}

static void
an_empty_variable_counts_as_unset(void **state)
{
	char *complaints;
	int variables = 0;

	fixture_clear_environment();
	settings_visit(set_empty, &variables);
	SETTINGS_CLEANUP struct settings *settings = load_text(state,
	    "sandbox: { image = \"from-file\"; port = 81;"
	    " service_type = \"ClusterIP\"; }\n"
	    "storage: { base_dir = \"/from/file\"; }\n",
	    &complaints);
	fixture_clear_environment();

	if (settings == NULL)
		fail_msg("%s", complaints);
	assert_int_equal(variables, 16);
	assert_string_equal(settings->sandbox.image, "from-file");
	assert_int_equal(settings->sandbox.port, 81);
	assert_int_equal(settings->sandbox.service_type, SERVICE_CLUSTER_IP);
	assert_string_equal(settings->storage.base_dir, "/from/file");
	assert_string_equal(settings->kubernetes.namespace_name, "deer-flow");
}

struct refusal {
	const char *text;
	const char *says; /* after "FILE:"; a part of the complaint */
};

static void
assert_file_refused(void **state, const struct refusal *rows, size_t count)
{
	fixture_clear_environment();
	for (size_t i = 0; i < count; i++) {
		char path[FIXTURE_PATH_MAX];
		char expected[1024];
		char *complaints = NULL;

		if (load_text(state, rows[i].text, &complaints) != NULL)
			fail_msg("accepted: %s", rows[i].text);
		snprintf(expected, sizeof(expected), "%s:%s",
		    fixture_path(state, "conf", path), rows[i].says);
		if (strncmp(complaints, expected, strlen(expected)) != 0)
			fail_msg("%s\nsays: %snot:  %s", rows[i].text,
			    complaints, expected);
		free(complaints);
	}
}

static void
a_bad_path_in_the_file_is_refused_by_line_and_name(void **state)
{
	static const struct refusal rows[] = {
		{ "\nstorage: {\n base_dir = \"data\";\n}",
		    "3: storage.base_dir: \"data\" is not an absolute path: "
		    "begin it with \"/\"\n" },
		{ "storage: { skills_host_path = \"./s\"; }",
		    "1: storage.skills_host_path: \"./s\" is not an absolute" },
		{ "storage: { threads_host_path = \"~/t\"; }",
		    "1: storage.threads_host_path: \"~/t\" is not an absolu" },
		{ "auth: { key_file = \"keys\"; }",
		    "1: auth.key_file: \"keys\" is not an absolute path" },
		{ "kubernetes: { kubeconfig = \"config\"; }",
		    "1: kubernetes.kubeconfig: \"config\" is not an absolut" },
		{ "kubernetes: { ca_file = \"ca.crt\"; }",
		    "1: kubernetes.ca_file: \"ca.crt\" is not an absolute" },
		{ "server: { write_socket = \"w.sock\"; }",
		    "1: server.write_socket: \"w.sock\" is not an absolute" },
		{ "server: { probe_socket = \"/2345678901234567890123456789"
		  "0123456789012345678901234567890123456789012345678901234567"
		  "890123456789012345678\"; }",
		    "1: server.probe_socket: a socket's path has at most 107 "
		    "bytes, this has 108\n" },
		{ "storage: { base_dir = \"/d/\"; }",
		    "1: storage.base_dir: must be canonical" },
		{ "storage: { base_dir = \"/d/../e\"; }",
		    "1: storage.base_dir: must be canonical" },
		{ "storage: { skills_host_path = \"/d:e\"; }",
		    "1: storage.skills_host_path: must not hold a \":\"\n" },
		{ "storage: { threads_host_path = \"/d/{user}\"; }",
		    "1: storage.threads_host_path: unknown placeholder "
		    "\"{user}\": there are {user_id}, {thread_id} and "
		    "{sandbox_id}\n" },
		{ "storage: { skills_claim_subpath = \"/a\"; }",
		    "1: storage.skills_claim_subpath: must be a relative" },
		{ "storage: { skills_claim_subpath = \"a/../b\"; }",
		    "1: storage.skills_claim_subpath: must be a relative" },
		{ "storage: { skills_claim_subpath = \"a/{b}\"; }",
		    "1: storage.skills_claim_subpath: unknown placeholder "
		    "\"{b}\"" },
	};

	assert_file_refused(state, rows, COUNT_OF(rows));
}

static void
a_bad_text_in_the_file_is_refused_by_line_and_name(void **state)
{
	static const struct refusal rows[] = {
		{ "kubernetes: { namespace = \"Deer\"; }",
		    "1: kubernetes.namespace: must be 1 to 63 of a-z" },
		{ "kubernetes: { namespace = \"a.b\"; }",
		    "1: kubernetes.namespace: must be 1 to 63 of a-z" },
		{ "kubernetes: { namespace = \"-a\"; }",
		    "1: kubernetes.namespace: must be 1 to 63 of a-z" },
		{ "kubernetes: { api_server = \"host:6443\"; }",
		    "1: kubernetes.api_server: must begin with \"https://\"" },
		{ "kubernetes: { api_server = \"https://u@h\"; }",
		    "1: kubernetes.api_server: must be only https://HOST" },
		{ "kubernetes: { api_server_name = \"https://h\"; }",
		    "1: kubernetes.api_server_name: must be a host name" },
		{ "kubernetes: { context = \"a\\x01b\"; }",
		    "1: kubernetes.context: must not hold control char" },
		{ "sandbox: { image = \"a b\"; }",
		    "1: sandbox.image: must be an image reference" },
		{ "sandbox: { node_host = \"h:80\"; }",
		    "1: sandbox.node_host: must be a host name or address" },
		{ "sandbox: { node_host = \"http://h\"; }",
		    "1: sandbox.node_host: must be a host name or address" },
		{ "sandbox: { service_type = \"nodeport\"; }",
		    "1: sandbox.service_type: \"nodeport\" is not one of "
		    "\"NodePort\", \"ClusterIP\"\n" },
		{ "storage: { skills_claim = \"A\"; }",
		    "1: storage.skills_claim: must be a Kubernetes name" },
		{ "storage: { userdata_claim = \"a..b\"; }",
		    "1: storage.userdata_claim: must be a Kubernetes name" },
		{ "log: { level = \"loud\"; }",
		    "1: log.level: \"loud\" is not one of \"error\", "
		    "\"warning\", \"info\"\n" },
	};

	assert_file_refused(state, rows, COUNT_OF(rows));
}

static void
a_wrong_type_or_number_is_refused_by_line_and_name(void **state)
{
	static const struct refusal rows[] = {
		{ "server: { readers = \"16\"; }",
		    "1: server.readers: must be a whole number\n" },
		{ "server: { readers = 1.5; }",
		    "1: server.readers: must be a whole number\n" },
		{ "server: { readers = true; }",
		    "1: server.readers: must be a whole number\n" },
		{ "server: { write_socket = 5; }",
		    "1: server.write_socket: must be a text in double" },
		{ "log: { level = 3; }",
		    "1: log.level: must be a text in double quotes\n" },
		{ "kubernetes: { create_namespace = 1; }",
		    "1: kubernetes.create_namespace: must be true or false" },
		{ "kubernetes: { create_namespace = \"true\"; }",
		    "1: kubernetes.create_namespace: must be true or false" },
		{ "kubernetes: { namespace = { a = 1; }; }",
		    "1: kubernetes.namespace: must be a text in double" },
		{ "server: { readers = 0; }",
		    "1: server.readers: 0 is out of range: write a number "
		    "from 1 to 256\n" },
		{ "server: { writers = -1; }",
		    "1: server.writers: -1 is out of range" },
		{ "server: { probers = 17; }",
		    "1: server.probers: 17 is out of range: write a number "
		    "from 1 to 16\n" },
		{ "sandbox: { port = 65536; }",
		    "1: sandbox.port: 65536 is out of range: write a number "
		    "from 1 to 65535\n" },
		{ "sandbox: { port = 5000000000L; }",
		    "1: sandbox.port: 5000000000 is out of range" },
		{ "sandbox: { port = 2147483648; }",
		    "1: port: the number is out of range" },
	};

	assert_file_refused(state, rows, COUNT_OF(rows));
}

/* What 32 bits keep of these is a port. */
static void
a_number_that_would_wrap_is_refused(void **state)
{
	static const struct refusal rows[] = {
		{ "sandbox: { port = 4294967376L; }",
		    "1: sandbox.port: 4294967376 is out of range" },
		{ "sandbox: { port = 4294967376; }",
		    "1: port: the number is out of range" },
		{ "// 4294967376\nsandbox: {\n port = 0x100000050; }",
		    "3: port: the number is out of range" },
	};

	assert_file_refused(state, rows, COUNT_OF(rows));
}

static void
what_is_no_setting_is_refused_by_line(void **state)
{
	static const struct refusal rows[] = {
		{ "\n\nserver: {\n reader = 3;\n}",
		    "4: server.reader: unknown setting; remove it or mend its "
		    "name\n" },
		{ "servers: { readers = 3; }",
		    "1: servers: unknown setting; remove it" },
		{ "serv: { }", "1: serv: unknown setting; remove it" },
		{ "readers = 3;", "1: readers: unknown setting" },
		{ "server = 3;", "1: server: " },
		{ "server = ( { readers = 3; } );", "1: server: " },
		{ "server: {\n readers = 3;\n readers = 4;\n}",
		    "3: duplicate setting name\n" },
		{ "server: { }\nserver: { }", "2: duplicate setting name\n" },
		{ "server: {\n readers 3;\n}", "2: syntax error\n" },
		{ "server: {", "1: syntax error\n" },
	};

	assert_file_refused(state, rows, COUNT_OF(rows));
}

static void
a_bad_variable_is_refused_with_both_its_names(void **state)
{
	static const char *const rows[][2] = {
		{ "SKILLS_HOST_PATH=skills",
		    "storage.skills_host_path (environment SKILLS_HOST_PATH): "
		    "\"skills\" is not an absolute path: begin it with "
		    "\"/\"\n" },
		{ "THREADS_HOST_PATH=/t/{x}",
		    "storage.threads_host_path (environment "
		    "THREADS_HOST_PATH): unknown placeholder \"{x}\"" },
		{ "SANDBOX_CONTAINER_PORT=http",
		    "sandbox.port (environment SANDBOX_CONTAINER_PORT): "
		    "\"http\" is not a whole number" },
		{ "SANDBOX_CONTAINER_PORT=80x",
		    "sandbox.port (environment SANDBOX_CONTAINER_PORT): " },
		{ "SANDBOX_CONTAINER_PORT=4294967376",
		    "sandbox.port (environment SANDBOX_CONTAINER_PORT): "
		    "4294967376 is out of range" },
		{ "SANDBOX_CONTAINER_PORT=99999999999999999999",
		    "sandbox.port (environment SANDBOX_CONTAINER_PORT): " },
		{ "SANDBOX_SERVICE_TYPE=LoadBalancer",
		    "sandbox.service_type (environment "
		    "SANDBOX_SERVICE_TYPE): \"LoadBalancer\" is not one of" },
		{ "LARK_CLI_INIT_IMAGE=x",
		    "lark.init_image (environment LARK_CLI_INIT_IMAGE): is "
		    "not supported by this version: leave it unset\n" },
		{ "LARK_CLI_BROKER_IMAGE=x",
		    "lark.broker_image (environment LARK_CLI_BROKER_IMAGE): " },
		{ "LARK_CLI_BROKER_DENY_SUBCOMMANDS=x",
		    "lark.broker_deny_subcommands (environment "
		    "LARK_CLI_BROKER_DENY_SUBCOMMANDS): " },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char *complaints = NULL;

		fixture_clear_environment();
		fixture_set_environment(rows[i][0]);
		assert_null(settings_load(NULL, &complaints));
		fixture_clear_environment();
		if (strncmp(complaints, rows[i][1], strlen(rows[i][1])) != 0)
			fail_msg("%s", complaints);
		free(complaints);
	}
}

static void
everything_that_is_wrong_is_named_at_once(void **state)
{
	char *complaints = NULL;
	unsigned lines = 0;

	fixture_clear_environment();
	setenv("NODE_HOST", "a b", 1);
	assert_null(load_text(state,
	    "server: { readers = 0; nonsense = 1; }\nlog: { level = \"x\"; }",
	    &complaints));
	fixture_clear_environment();
	for (const char *at = complaints; *at != '\0'; at++)
		lines += *at == '\n';
	assert_int_equal(lines, 4);
	assert_non_null(strstr(complaints, ":1: server.readers: "));
	assert_non_null(strstr(complaints, ":1: server.nonsense: "));
	assert_non_null(strstr(complaints, ":2: log.level: "));
	assert_non_null(strstr(complaints, "(environment NODE_HOST): "));
	free(complaints);
}

static void
a_file_that_cannot_be_read_is_refused(void **state)
{
	char path[FIXTURE_PATH_MAX];
	char *complaints = NULL;

	fixture_clear_environment();
	assert_null(settings_load(*state, &complaints));
	assert_non_null(strstr(complaints, *state));
	assert_non_null(strstr(complaints, "Is a directory"));
	free(complaints);
	assert_null(
	    settings_load(fixture_path(state, "none", path), &complaints));
	assert_non_null(strstr(complaints, path));
	assert_non_null(strstr(complaints, "No such file or directory"));
	free(complaints);
}

/* What has a default cannot be left out of a manifest. */
static void
an_empty_text_never_removes_a_default(void **state)
{
	static const char *const rows[] = { "sandbox: { image = \"\"; }",
		"sandbox: { node_host = \"\"; }",
		"kubernetes: { namespace = \"\"; }" };

	fixture_clear_environment();
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char *complaints = NULL;
		SETTINGS_CLEANUP struct settings *settings =
		    load_text(state, rows[i], &complaints);

		free(complaints);
		if (settings != NULL &&
		    (settings->sandbox.image == NULL ||
			settings->sandbox.node_host == NULL ||
			settings->kubernetes.namespace_name == NULL))
			fail_msg("%s", rows[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_has_the_default_of_the_contract),
		cmocka_unit_test(a_file_sets_every_kind_of_value),
		cmocka_unit_test(
		    every_variable_of_the_contract_overrides_the_file),
		cmocka_unit_test(an_empty_variable_counts_as_unset),
		cmocka_unit_test(
		    a_bad_path_in_the_file_is_refused_by_line_and_name),
		cmocka_unit_test(
		    a_bad_text_in_the_file_is_refused_by_line_and_name),
		cmocka_unit_test(
		    a_wrong_type_or_number_is_refused_by_line_and_name),
		cmocka_unit_test(a_number_that_would_wrap_is_refused),
		cmocka_unit_test(what_is_no_setting_is_refused_by_line),
		cmocka_unit_test(a_bad_variable_is_refused_with_both_its_names),
		cmocka_unit_test(everything_that_is_wrong_is_named_at_once),
		cmocka_unit_test(a_file_that_cannot_be_read_is_refused),
		cmocka_unit_test(an_empty_text_never_removes_a_default),
	};

	return cmocka_run_group_tests(
	    tests, fixture_directory_make, fixture_directory_remove);
}

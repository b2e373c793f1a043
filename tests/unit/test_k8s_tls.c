/* Who is believed to be the cluster: against openssl's own server. */
#include "cmocka_all.h"

#include "k8s.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEADLINE_MS 10000

struct stage {
	char folder[64];
	FILE *server; /* what it prints: its pid, then its port */
	pid_t pid;
	int port;
};

/* Two authorities; the server's certificate is for kube.test only. */
static const char prepare[] =
    "mkdir -p api/v1/namespaces && "
    "printf 'HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\n{}' "
    "  > api/v1/namespaces/x && "
    "printf 'subjectAltName=DNS:kube.test' > names && "
    "for ca in ca other; do openssl req -x509 -newkey rsa:2048 -nodes "
    "  -keyout $ca.key -out $ca.crt -subj /CN=$ca -days 2 || exit 1; done "
    "&& openssl req -newkey rsa:2048 -nodes -keyout server.key "
    "  -out server.csr -subj /CN=server && "
    "openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key "
    "  -CAcreateserial -out server.crt -days 2 -extfile names";

/* Runs a shell command in the folder. */
static void
command(const char *folder, const char *what)
{
	char text[2000];

	snprintf(
	    text, sizeof(text), "cd %s && (%s) >/dev/null 2>&1", folder, what);
	assert_int_equal(system(text), 0);
}

static int
setup(void **state)
{
	static struct stage stage;
	char text[300];

	strcpy(stage.folder, "/tmp/test_k8s_tls.XXXXXX");
	assert_non_null(mkdtemp(stage.folder));
	command(stage.folder, prepare);
	snprintf(text, sizeof(text),
	    "cd %s && echo $$ && exec timeout 60 openssl s_server -HTTP "
	    "-accept 127.0.0.1:0 -cert server.crt -key server.key 2>/dev/null",
	    stage.folder);
	stage.server = popen(text, "r");
	assert_non_null(stage.server);
	assert_non_null(fgets(text, sizeof(text), stage.server));
	stage.pid = (pid_t)strtol(text, NULL, 10);
	while (
	    stage.port == 0 && fgets(text, sizeof(text), stage.server) != NULL)
		sscanf(text, "ACCEPT 127.0.0.1:%d", &stage.port);
	assert_int_not_equal(stage.port, 0);
	*state = &stage;
	return 0;
}

static int
teardown(void **state)
{
	struct stage *stage = *state;

	kill(stage->pid, SIGTERM);
	pclose(stage->server);
	command(stage->folder, "rm -r \"$PWD\"");
	return 0;
}

/*
 * One GET by a kubeconfig with these fields of its cluster, whose address is
 * replaced by the real one.
 */
static enum k8s_fault_kind
outcome(struct stage *stage, const char *fields, bool insecure)
{
	char path[100];
	char at[100];
	struct k8s_error error = { 0 };
	struct timespec deadline = k8s_deadline_in(DEADLINE_MS);
	struct k8s_config_options options = {
		.kubeconfig = path, .server = at, .insecure = insecure
	};
	struct k8s_call call = {
		.verb = K8S_GET, .resource = &k8s_namespaces, .name = "x"
	};

	snprintf(path, sizeof(path), "%s/config", stage->folder);
	snprintf(at, sizeof(at), "https://127.0.0.1:%d", stage->port);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fprintf(file,
	    "current-context: c\n"
	    "contexts: [{name: c, context: {cluster: k, user: u}}]\n"
	    "users: [{name: u, user: {token: secret-token}}]\n"
	    "clusters: [{name: k, cluster: {%s}}]\n",
	    fields);
	assert_int_equal(fclose(file), 0);
	struct k8s_config *config = k8s_config_load(&options, &error);
	if (config == NULL)
		fail_msg("%s", error.message);
	struct k8s_client *client = k8s_client_new(config, NULL, &error);
	assert_non_null(client);
	k8s_perform(client, &call, 1, &deadline);
	enum k8s_fault_kind kind = call.fault.kind;
	if (kind == K8S_FAULT_TLS)
		assert_non_null(strstr(call.fault.message, "certificate of "));
	assert_null(strstr(call.fault.message, "secret-token"));
	k8s_call_done(&call);
	k8s_client_free(client);
	k8s_config_free(config);
	return kind;
}

static void
only_the_own_ca_and_name_are_believed(void **state)
{
	static const struct {
		const char *fields;
		bool insecure;
		enum k8s_fault_kind kind;
	} rows[] = {
		{ "server: 'https://kube.test', certificate-authority: ca.crt",
		    false, K8S_FAULT_NONE },
		{ "server: 'https://kube.test', "
		  "certificate-authority: other.crt",
		    false, K8S_FAULT_TLS },
		{ "server: 'https://kube.test'", false, K8S_FAULT_TLS },
		{ "server: 'https://wrong.test', "
		  "certificate-authority: ca.crt",
		    false, K8S_FAULT_TLS },
		{ "server: 'https://127.0.0.1', certificate-authority: ca.crt",
		    false, K8S_FAULT_TLS },
		{ "server: 'https://wrong.test', tls-server-name: kube.test, "
		  "certificate-authority: ca.crt",
		    false, K8S_FAULT_NONE },
		{ "server: 'https://wrong.test', "
		  "certificate-authority: other.crt",
		    true, K8S_FAULT_NONE },
		{ "server: 'https://wrong.test', "
		  "insecure-skip-tls-verify: true",
		    false, K8S_FAULT_NONE },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum k8s_fault_kind kind =
		    outcome(*state, rows[i].fields, rows[i].insecure);

		if (kind != rows[i].kind)
			fail_msg("%s: kind %d", rows[i].fields, (int)kind);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_own_ca_and_name_are_believed),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

/* A scripted server, a client of it, and the files that the client reads. */
#ifndef CLIENT_STAGE_H
#define CLIENT_STAGE_H

#include "cmocka_all.h"

#include "k8s.h"
#include "scripted_server.h"

#include <stdlib.h>

#define OK_BODY "{\"kind\":\"Pod\",\"metadata\":{\"uid\":\"u1\"}}"
#define DENIED                                                                 \
	"{\"kind\":\"Status\",\"reason\":\"Unauthorized\","                    \
	"\"message\":\"Unauthorized\"}"

struct stage {
	struct scripted_server server;
	struct k8s_config *config;
	struct k8s_client *client;
	struct timespec deadline;
	char folder[64];
	char token_file[96];
	char kubeconfig[96];
};

static inline void
file_write(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static inline void
kubeconfig_write(const struct stage *stage)
{
	char text[600];

	snprintf(text, sizeof(text),
	    "current-context: c\n"
	    "contexts: [{name: c, context: {cluster: k, user: u}}]\n"
	    "clusters: [{name: k, cluster: {server: 'http://127.0.0.1:%d'}}]\n"
	    "users: [{name: u, user: {tokenFile: token}}]\n",
	    stage->server.port);
	file_write(stage->kubeconfig, text);
}

static inline struct stage *
stage_new(const struct scripted_step *steps, size_t steps_n, size_t max)
{
	struct stage *stage = calloc(1, sizeof(*stage));
	struct k8s_config_options options = { 0 };
	struct k8s_client_options client_options = { .response_max = max };
	struct k8s_error error = { 0 };

	assert_non_null(stage);
	strcpy(stage->folder, "/tmp/test_k8s_client.XXXXXX");
	assert_non_null(mkdtemp(stage->folder));
	snprintf(stage->token_file, sizeof(stage->token_file), "%s/token",
	    stage->folder);
	snprintf(stage->kubeconfig, sizeof(stage->kubeconfig), "%s/config",
	    stage->folder);
	assert_true(scripted_start(&stage->server, steps, steps_n));
	file_write(stage->token_file, "first-token\n");
	kubeconfig_write(stage);
	options.kubeconfig = stage->kubeconfig;
	stage->config = k8s_config_load(&options, &error);
	if (stage->config == NULL)
		fail_msg("%s", error.message);
	stage->client = k8s_client_new(stage->config, &client_options, &error);
	if (stage->client == NULL)
		fail_msg("%s", error.message);
	stage->deadline = k8s_deadline_in(10000);
	return stage;
}

#define STAGE(steps) stage_new(steps, sizeof(steps) / sizeof(steps[0]), 0)

static inline void
stage_free(struct stage *stage)
{
	k8s_client_free(stage->client);
	k8s_config_free(stage->config);
	scripted_stop(&stage->server);
	unlink(stage->token_file);
	unlink(stage->kubeconfig);
	rmdir(stage->folder);
	free(stage);
}

static inline bool
perform(struct stage *stage, struct k8s_call *call)
{
	return k8s_perform(stage->client, call, 1, &stage->deadline);
}

static inline struct k8s_call
get_of(const char *name)
{
	return (struct k8s_call){
		.verb = K8S_GET, .resource = &k8s_pods, .ns = "n", .name = name
	};
}

/* Performs a GET that must succeed. */
static inline void
get_once(struct stage *stage)
{
	struct k8s_call call = get_of("warm");

	if (!perform(stage, &call))
		fail_msg("%s", call.fault.message);
	k8s_call_done(&call);
}

static inline struct json_object *
body_of(const char *text)
{
	return k8s_json_parse(text, strlen(text), 8, NULL);
}

static inline bool
asked(const struct stage *stage, int n, const char *text)
{
	return strstr(stage->server.requests[n].text, text) != NULL;
}

static inline double
now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

#endif

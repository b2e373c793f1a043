/* A folder of its own for every test, with a kubeconfig to be written. */
#ifndef CONFIG_FOLDER_H
#define CONFIG_FOLDER_H

#include "cmocka_all.h"

#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PEM "-----BEGIN CERTIFICATE-----\n"

struct folder {
	char path[64];
	char file[96]; /* the kubeconfig in it */
	struct k8s_error error;
	struct k8s_config *config;
};

static const char *const variables[] = { "KUBECONFIG", "HOME",
	"KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT" };

static inline int
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

static inline int
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

static inline void
put(const struct folder *folder, const char *name, const char *text)
{
	FILE *file = fopen(path_in(folder, name), "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* A kubeconfig with these fields of its one cluster and one user. */
static inline void
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

static inline struct k8s_config *
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

static inline void
load_well(struct folder *folder, struct k8s_config_options options)
{
	if (load(folder, options) == NULL)
		fail_msg("%s", folder->error.message);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif

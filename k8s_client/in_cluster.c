#include "config.h"
#include "file.h"
#include "message.h"
#include "pem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
address_set(struct k8s_config *config, struct k8s_error *error)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST");
	const char *port = getenv("KUBERNETES_SERVICE_PORT");

	if (host == NULL || *host == '\0') {
		k8s_error_set(error,
		    "not in a pod (KUBERNETES_SERVICE_HOST is not set), so "
		    "there is no service account: name a kubeconfig");
		return false;
	}
	if (port == NULL || *port == '\0') {
		k8s_error_set(error,
		    "KUBERNETES_SERVICE_HOST is set but "
		    "KUBERNETES_SERVICE_PORT is not: Kubernetes sets both in "
		    "every pod");
		return false;
	}
	bool bare_v6 = strchr(host, ':') != NULL && host[0] != '[';
	if (asprintf(&config->address, "https://%s%s%s:%s", bare_v6 ? "[" : "",
		host, bare_v6 ? "]" : "", port) < 0) {
		config->address = NULL;
		return k8s_error_no_memory(error);
	}
	return true;
}

bool
k8s_in_cluster_load(
    struct k8s_config *config, const char *folder, struct k8s_error *error)
{
	char *ca_file = NULL;

	config->source = strdup("in-cluster");
	if (config->source == NULL)
		return k8s_error_no_memory(error);
	if (!address_set(config, error))
		return false;
	if (asprintf(&config->token_file, "%s/token", folder) < 0) {
		config->token_file = NULL;
		return k8s_error_no_memory(error);
	}
	if (asprintf(&ca_file, "%s/ca.crt", folder) < 0)
		return k8s_error_no_memory(error);
	bool read = k8s_file_read(ca_file, "CA file", &config->ca, error) &&
		    k8s_pem_check(&config->ca, ca_file, "certificate", error);
	free(ca_file);
	return read;
}

#include "config.h"

#include "address.h"
#include "file.h"
#include "message.h"
#include "pem.h"
#include "transport.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SERVICE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"

/* ---- Choosing the source ------------------------------------------------ */

static bool
in_a_pod(void)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST");

	return host != NULL && *host != '\0';
}

/* KUBECONFIG may be a list with empty entries; one file must be left. */
static bool
environment_load(struct k8s_config *config, const char *list,
    const char *context, struct k8s_error *error)
{
	list += strspn(list, ":");
	size_t length = strcspn(list, ":");
	if (list[length + strspn(list + length, ":")] != '\0') {
		k8s_error_set(error,
		    "KUBECONFIG names several files, which are not merged "
		    "here: name one");
		return false;
	}
	char *path = strndup(list, length);
	if (path == NULL)
		return k8s_error_no_memory(error);
	bool loaded = k8s_kubeconfig_load(config, path, context, error);
	free(path);
	return loaded;
}

/* NULL without a home folder or out of memory. */
static char *
home_kubeconfig(void)
{
	const char *home = getenv("HOME");
	char *path = NULL;

	if (home == NULL || *home == '\0' ||
	    asprintf(&path, "%s/.kube/config", home) < 0)
		return NULL;
	return path;
}

static bool
default_load(struct k8s_config *config, const char *context,
    const char *service_account, struct k8s_error *error)
{
	const char *list = getenv("KUBECONFIG");

	if (list != NULL && list[strspn(list, ":")] != '\0')
		return environment_load(config, list, context, error);
	char *path = home_kubeconfig();
	if (path != NULL && (access(path, F_OK) == 0 || errno != ENOENT)) {
		bool loaded = k8s_kubeconfig_load(config, path, context, error);
		free(path);
		return loaded;
	}
	free(path);
	if (in_a_pod())
		return k8s_in_cluster_load(config, service_account, error);
	k8s_error_set(error,
	    "no kubeconfig: none was named, KUBECONFIG is not set, "
	    "~/.kube/config does not exist and this is not a pod: name one");
	return false;
}

/* ---- Applying the options ----------------------------------------------- */

static bool
ca_replace(struct k8s_config *config, const char *path, struct k8s_error *error)
{
	k8s_error_blame(error, "ca_file");
	k8s_buffer_clear(&config->ca);
	config->insecure = false; /* who names a CA wants it to be used */
	return k8s_file_read(path, "CA file", &config->ca, error) &&
	       k8s_pem_check(&config->ca, path, "certificate", error);
}

static bool
address_read(
    const char *url, struct k8s_address *address, struct k8s_error *error)
{
	const char *why;

	if (k8s_address_parse(url, address, &why))
		return true;
	k8s_error_set(error, "\"%s\" is not a server's address: %s", url, why);
	return false;
}

/*
 * `name` is verified and goes into the URL, `at` is connected to. `name` is
 * put in brackets if it is an IPv6 address.
 */
static bool
urls_set(struct k8s_config *config, const struct k8s_address *at,
    const char *name, struct k8s_error *error)
{
	const char *scheme = at->plain ? "http" : "https";
	bool bare_v6 = strchr(name, ':') != NULL && name[0] != '[';

	config->plain = at->plain;
	if (asprintf(&config->server, "%s://%s:%s", scheme, at->host,
		at->port) < 0) {
		config->server = NULL;
		return k8s_error_no_memory(error);
	}
	if (asprintf(&config->base, "%s://%s%s%s:%s%s", scheme,
		bare_v6 ? "[" : "", name, bare_v6 ? "]" : "", at->port,
		at->path) < 0) {
		config->base = NULL;
		return k8s_error_no_memory(error);
	}
	if (strcmp(name, at->host) == 0)
		return true;
	if (asprintf(&config->connect_to, "::%s:%s", at->host, at->port) < 0) {
		config->connect_to = NULL;
		return k8s_error_no_memory(error);
	}
	return true;
}

static void
addressp(struct k8s_address *address)
{
	k8s_address_done(address);
}

static bool
server_apply(struct k8s_config *config,
    const struct k8s_config_options *options, struct k8s_error *error)
{
	K8S_CLEANUP(addressp) struct k8s_address own = { 0 };
	K8S_CLEANUP(addressp) struct k8s_address other = { 0 };
	const struct k8s_address *at = &own;

	k8s_error_blame(error, "kubeconfig");
	if (!address_read(config->address, &own, error))
		return false;
	if (options->server != NULL) {
		k8s_error_blame(error, "server");
		if (!address_read(options->server, &other, error))
			return false;
		at = &other;
	}
	if (at->plain && !own.plain) {
		k8s_error_set(error,
		    "%s would send credentials unencrypted in place of %s: "
		    "write it with https://",
		    options->server, config->address);
		return false;
	}
	const char *name = own.host;
	if (config->name != NULL)
		name = config->name;
	if (options->server_name != NULL)
		name = options->server_name;
	return urls_set(config, at, name, error);
}

static bool
options_apply(struct k8s_config *config,
    const struct k8s_config_options *options, struct k8s_error *error)
{
	if (options->ca_file != NULL &&
	    !ca_replace(config, options->ca_file, error))
		return false;
	if (options->insecure)
		config->insecure = true;
	return server_apply(config, options, error);
}

/* ---- The public face ---------------------------------------------------- */

static bool
source_load(struct k8s_config *config, const struct k8s_config_options *options,
    const char *service_account, struct k8s_error *error)
{
	if (options->in_cluster)
		return k8s_in_cluster_load(config, service_account, error);
	if (options->kubeconfig != NULL)
		return k8s_kubeconfig_load(
		    config, options->kubeconfig, options->context, error);
	return default_load(config, options->context, service_account, error);
}

struct k8s_config *
k8s_config_load_from(const struct k8s_config_options *options,
    const char *service_account, struct k8s_error *error)
{
	k8s_error_blame(error, NULL);
	if (!k8s_transport_ready()) {
		k8s_error_set(error, "libcurl cannot be initialised");
		return NULL;
	}
	struct k8s_config *config = calloc(1, sizeof(*config));
	if (config == NULL) {
		(void)k8s_error_no_memory(error);
		return NULL;
	}
	config->ca = k8s_buffer_of(K8S_PEM_MAX);
	config->certificate = k8s_buffer_of(K8S_PEM_MAX);
	config->key = k8s_buffer_of_secret(K8S_PEM_MAX);
	k8s_error_blame(error, "kubeconfig");
	if (!source_load(config, options, service_account, error) ||
	    !options_apply(config, options, error))
		return k8s_config_free(config);
	return config;
}

struct k8s_config *
k8s_config_load(
    const struct k8s_config_options *options, struct k8s_error *error)
{
	return k8s_config_load_from(options, SERVICE_ACCOUNT, error);
}

struct k8s_config *
k8s_config_free(struct k8s_config *config)
{
	if (config == NULL)
		return NULL;
	if (config->token != NULL)
		explicit_bzero(config->token, strlen(config->token));
	k8s_buffer_done(&config->ca);
	k8s_buffer_done(&config->certificate);
	k8s_buffer_done(&config->key);
	free(config->source);
	free(config->address);
	free(config->name);
	free(config->token);
	free(config->token_file);
	free(config->server);
	free(config->base);
	free(config->connect_to);
	free(config);
	return NULL;
}

const char *
k8s_config_server(const struct k8s_config *config)
{
	return config->server;
}

const char *
k8s_config_source(const struct k8s_config *config)
{
	return config->source;
}

bool
k8s_config_is_verified(const struct k8s_config *config)
{
	return !config->insecure && !config->plain;
}

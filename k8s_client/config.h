/* What a client needs to know, from whichever source. */
#ifndef K8S_CONFIG_H
#define K8S_CONFIG_H

#include "buffer.h"
#include "k8s.h"

#define K8S_PEM_MAX   ((size_t)1 << 20)  /* a CA bundle */
#define K8S_TOKEN_MAX ((size_t)16 << 10) /* a token with its line end */

struct k8s_config {
	/* as the source says it */
	char *source;  /* path or "in-cluster" */
	char *address; /* the server's URL */
	char *name;    /* tls-server-name, NULL = the address's host */
	bool insecure;
	struct k8s_buffer ca, certificate, key; /* PEM; empty = none */
	char *token;
	char *token_file; /* wins over `token` */
	/* as the options leave it */
	char *server;     /* "https://host:port", for messages */
	char *base;       /* what request URLs begin with */
	char *connect_to; /* for libcurl, NULL = `base` is the address */
	bool plain;       /* http */
};

/* Fills the source's part; `config` is empty but for its buffers' ceilings. */
bool
k8s_kubeconfig_load(struct k8s_config *config, const char *path,
    const char *context, struct k8s_error *error);

/*
 * The service account in `folder`, which holds token and ca.crt, at the address
 * that KUBERNETES_SERVICE_HOST and _PORT name.
 */
bool
k8s_in_cluster_load(
    struct k8s_config *config, const char *folder, struct k8s_error *error);

/* k8s_config_load() with another folder than the one in every pod. */
struct k8s_config *
k8s_config_load_from(const struct k8s_config_options *options,
    const char *service_account, struct k8s_error *error);

#endif

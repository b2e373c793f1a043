/*
 * The configuration: one table of settings, filled from their defaults, then
 * the configuration file, then the environment, each value checked. The table
 * in settings.c is the reference; conf/provisioner.conf explains it.
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include <stdbool.h>

enum service_type { SERVICE_NODE_PORT, SERVICE_CLUSTER_IP };

/* Texts are never empty: NULL when unset. Paths are absolute and canonical. */
struct settings {
	struct {
		char *write_socket; /* POST, DELETE; unset: fd 0 */
		char *probe_socket; /* what never waits; unset: fd 0 */
		int readers, writers, probers; /* processes */
		int backlog;                   /* connections that may wait */
	} server;
	struct {
		char *kubeconfig;
		char *context;
		char *api_server;
		char *api_server_name;
		char *ca_file;
		bool insecure_skip_tls_verify;
		char *namespace_name;
		bool create_namespace;
	} kubernetes;
	struct {
		char *image;
		int port;
		int service_type; /* enum service_type */
		char *node_host;
	} sandbox;
	struct {
		char *skills_host_path;
		char *threads_host_path; /* may hold placeholders */
		char *base_dir;
		char *skills_claim;
		char *skills_claim_subpath; /* may hold placeholders */
		char *userdata_claim;
	} storage;
	struct {
		char *init_image;
		char *broker_image;
		char *broker_deny_subcommands;
	} lark;
	struct {
		char *key_file;
	} auth;
	struct {
		int level; /* enum log_level */
	} log;
};

/*
 * Loads `file` (NULL: defaults and environment alone). On failure NULL, and
 * *complaints is malloc()ed text: one line for each thing that is wrong, with
 * file and line or environment variable, the setting and the remedy.
 */
struct settings *
settings_load(const char *file, char **complaints);

struct settings *
settings_free(struct settings *settings);

/*
 * For each setting in turn: its full name, its default as it would stand in a
 * configuration file ("" when unset by default) and its environment variable
 * (NULL when it has none). Stops when `visit` returns false.
 */
typedef bool
settings_visitor(const char *name, const char *standard,
    const char *environment, void *data);
void
settings_visit(settings_visitor *visit, void *data);

#endif

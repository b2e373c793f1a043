#include "k8s.h"
#include "listen.h"
#include "log.h"
#include "nginx_keys.h"
#include "pool.h"
#include "render.h"
#include "settings.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Where DeerFlow's containers have it, tried before the usual places. */
#define DEERFLOW_KUBECONFIG "/root/.kube/config"

enum { MODE_SERVE, MODE_CHECK, MODE_RENDER, MODE_KEYS };

struct options {
	const char *file; /* configuration; NULL = none */
	int mode;
	const char *output; /* of MODE_KEYS */
};

static const char usage[] =
    "usage: sandbox-provisioner [-c FILE] [-n]\n"
    "       sandbox-provisioner [-c FILE] --render < BODY\n"
    "       sandbox-provisioner [-c FILE] --nginx-keys OUTPUT\n"
    "       sandbox-provisioner -V | -h\n"
    "\n"
    "Serves FastCGI on the listening socket at fd 0; start it with spawn-fcgi\n"
    "or a systemd unit, behind nginx.\n"
    "\n"
    "  -c FILE              configuration (libconfig); environment variables\n"
    "                       override it\n"
    "  -n                   check the configuration and stop\n"
    "  --render             print as JSON the Pod and the Service that the\n"
    "                       request body on standard input would create\n"
    "  --nginx-keys OUTPUT  write the API keys as rows of an nginx map\n"
    "  -V                   print the version\n"
    "  -h                   print this\n";

/* -1 to go on, else the exit code. */
static int
parse_options(int argc, char **argv, struct options *options)
{
	static const struct option names[] = {
		{ "render", no_argument, NULL, 'r' },
		{ "nginx-keys", required_argument, NULL, 'k' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	int option;

	*options = (struct options){ 0 };
	while ((option = getopt_long(argc, argv, "c:nVh", names, NULL)) != -1) {
		switch (option) {
		case 'c':
			options->file = optarg;
			break;
		case 'n':
			options->mode = MODE_CHECK;
			break;
		case 'r':
			options->mode = MODE_RENDER;
			break;
		case 'k':
			options->mode = MODE_KEYS;
			options->output = optarg;
			break;
		case 'V':
			puts("sandbox-provisioner " VERSION);
			return EXIT_SUCCESS;
		case 'h':
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "sandbox-provisioner: unexpected argument \"%s\"\n",
	    argv[optind]);
	fputs(usage, stderr);
	return 2;
}

/* Logs every complaint as a line of its own. */
static void
log_complaints(char *complaints)
{
	char *rest = NULL;

	if (complaints == NULL) {
		log_error("configuration: out of memory");
		return;
	}
	for (const char *line = strtok_r(complaints, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest))
		log_error("%s", line);
}

static struct settings *
load_settings(const char *file)
{
	char *complaints;
	struct settings *settings = settings_load(file, &complaints);

	if (settings != NULL)
		log_set_level((enum log_level)settings->log.level);
	else
		log_complaints(complaints);
	free(complaints);
	return settings;
}

/* The setting that an option of the client library comes from. */
static const char *
setting_behind(const char *option)
{
	static const struct {
		const char *option, *setting;
	} settings[] = {
		{ "server", "kubernetes.api_server (environment "
			    "K8S_API_SERVER)" },
		{ "context", "kubernetes.context" },
		{ "ca_file", "kubernetes.ca_file" },
	};

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (option != NULL && strcmp(option, settings[i].option) == 0)
			return settings[i].setting;
	return "kubernetes.kubeconfig (environment KUBECONFIG_PATH)";
}

static struct k8s_config *
load_cluster(const struct settings *settings)
{
	const char *chosen = settings->kubernetes.kubeconfig;
	const struct k8s_config_options options = {
		.kubeconfig = chosen != NULL ? chosen
			      : access(DEERFLOW_KUBECONFIG, R_OK) == 0
				  ? DEERFLOW_KUBECONFIG
				  : NULL,
		.context = settings->kubernetes.context,
		.server = settings->kubernetes.api_server,
		.server_name = settings->kubernetes.api_server_name,
		.ca_file = settings->kubernetes.ca_file,
		.insecure = settings->kubernetes.insecure_skip_tls_verify,
	};
	struct k8s_error error;
	struct k8s_config *cluster = k8s_config_load(&options, &error);

	if (cluster == NULL)
		log_error(
		    "%s: %s", setting_behind(error.option), error.message);
	else if (!k8s_config_is_verified(cluster))
		log_warn("the server at %s is not verified (%s): anybody on "
			 "the way can read our credentials",
		    k8s_config_server(cluster),
		    options.insecure ? "kubernetes.insecure_skip_tls_verify"
				     : k8s_config_source(cluster));
	return cluster;
}

static bool
load_generation(struct generation *generation, void *data)
{
	const struct options *options = data;

	generation->settings = load_settings(options->file);
	if (generation->settings == NULL)
		return false;
	generation->cluster = load_cluster(generation->settings);
	return generation->cluster != NULL;
}

static int
serve(struct options *options)
{
	struct generation generation = { 0 };
	int code = EXIT_FAILURE;

	unsetenv("PROVISIONER_API_KEY"); /* --nginx-keys alone needs it */

	if (load_generation(&generation, options)) {
		if (options->mode == MODE_CHECK) {
			printf("the configuration is good: namespace \"%s\" of "
			       "%s (%s)\n",
			    generation.settings->kubernetes.namespace_name,
			    k8s_config_server(generation.cluster),
			    k8s_config_source(generation.cluster));
			code = EXIT_SUCCESS;
		} else if (!listen_is_inherited()) {
			log_error("fd 0 is not a listening socket: start this "
				  "with spawn-fcgi or the systemd unit");
		} else {
			code = pool_run(&generation, load_generation, options);
		}
	}
	generation_done(&generation);
	return code;
}

static int
write_keys(const struct settings *settings, const char *output)
{
	char why[1024];

	if (nginx_keys_write(settings, output, why, sizeof(why)))
		return EXIT_SUCCESS;
	fprintf(stderr, "sandbox-provisioner: %s\n", why);
	return EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
	const struct rlimit none = { 0, 0 };
	struct options options;
	int code = parse_options(argc, argv, &options);

	if (code >= 0)
		return code;
	if (options.mode != MODE_SERVE)
		log_set_plain();
	setrlimit(RLIMIT_CORE, &none); /* credentials are in our memory */
	if (options.mode == MODE_SERVE || options.mode == MODE_CHECK)
		return serve(&options);

	struct settings *settings = load_settings(options.file);

	if (settings == NULL)
		return EXIT_FAILURE;
	code = options.mode == MODE_RENDER
		   ? render(settings, stdin, stdout, stderr)
		   : write_keys(settings, options.output);
	settings_free(settings);
	return code;
}

#include "settings.h"

#include "log.h"
#include "settings_check.h"
#include "settings_file.h"

#include <errno.h>
#include <libconfig.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum setting_type { SETTING_TEXT, SETTING_INT, SETTING_BOOL, SETTING_CHOICE };

struct setting {
	const char *name;        /* "group.key" in the file */
	const char *environment; /* overrides the file; NULL = none */
	enum setting_type type;
	size_t offset;           /* of the field in struct settings */
	const char *standard;    /* the default; "" = unset */
	long minimum, maximum;   /* of an INT */
	settings_checker *check; /* of a TEXT */
	const char *const *choices;
};

static const char *const service_types[] = {
	[SERVICE_NODE_PORT] = "NodePort",
	[SERVICE_CLUSTER_IP] = "ClusterIP",
	NULL,
};

static const char *const log_levels[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARNING] = "warning",
	[LOG_LEVEL_INFO] = "info",
	NULL,
};

#define FIELD(member) offsetof(struct settings, member)
#define TEXT_ROW(name, env, member, standard, check)                           \
	{                                                                      \
		name, env, SETTING_TEXT, FIELD(member), standard, 0, 0, check, \
		    NULL                                                       \
	}
#define INT_ROW(name, env, member, standard, min, max)                         \
	{                                                                      \
		name, env, SETTING_INT, FIELD(member), standard, min, max,     \
		    NULL, NULL                                                 \
	}
#define BOOL_ROW(name, env, member, standard)                                  \
	{                                                                      \
		name, env, SETTING_BOOL, FIELD(member), standard, 0, 0, NULL,  \
		    NULL                                                       \
	}
#define CHOICE_ROW(name, env, member, standard, choices)                       \
	{                                                                      \
		name, env, SETTING_CHOICE, FIELD(member), standard, 0, 0,      \
		    NULL, choices                                              \
	}

#define DEFAULT_IMAGE                                                          \
	"enterprise-public-cn-beijing.cr.volces.com/vefaas-public/"            \
	"all-in-one-sandbox:latest"

/* clang-format off */
static const struct setting settings_table[] = {
TEXT_ROW("server.write_socket", NULL, server.write_socket, "", check_socket),
TEXT_ROW("server.probe_socket", NULL, server.probe_socket, "", check_socket),
INT_ROW("server.readers", NULL, server.readers, "16", 1, 256),
INT_ROW("server.writers", NULL, server.writers, "32", 1, 256),
INT_ROW("server.probers", NULL, server.probers, "2", 1, 16),
INT_ROW("server.backlog", NULL, server.backlog, "1024", 1, 65535),
TEXT_ROW("kubernetes.kubeconfig", "KUBECONFIG_PATH", kubernetes.kubeconfig, "", check_file),
TEXT_ROW("kubernetes.context", NULL, kubernetes.context, "", check_text),
TEXT_ROW("kubernetes.api_server", "K8S_API_SERVER", kubernetes.api_server, "", check_url),
TEXT_ROW("kubernetes.api_server_name", NULL, kubernetes.api_server_name, "", check_host),
TEXT_ROW("kubernetes.ca_file", NULL, kubernetes.ca_file, "", check_file),
BOOL_ROW("kubernetes.insecure_skip_tls_verify", NULL, kubernetes.insecure_skip_tls_verify, "false"),
TEXT_ROW("kubernetes.namespace", "K8S_NAMESPACE", kubernetes.namespace_name, "deer-flow", check_dns_label),
BOOL_ROW("kubernetes.create_namespace", NULL, kubernetes.create_namespace, "true"),
TEXT_ROW("sandbox.image", "SANDBOX_IMAGE", sandbox.image, DEFAULT_IMAGE, check_image),
INT_ROW("sandbox.port", "SANDBOX_CONTAINER_PORT", sandbox.port, "8080", 1, 65535),
CHOICE_ROW("sandbox.service_type", "SANDBOX_SERVICE_TYPE", sandbox.service_type, "NodePort", service_types),
TEXT_ROW("sandbox.node_host", "NODE_HOST", sandbox.node_host, "host.docker.internal", check_host),
TEXT_ROW("storage.skills_host_path", "SKILLS_HOST_PATH", storage.skills_host_path, "", check_host_path),
TEXT_ROW("storage.threads_host_path", "THREADS_HOST_PATH", storage.threads_host_path, "", check_host_template),
TEXT_ROW("storage.base_dir", "DEER_FLOW_HOST_BASE_DIR", storage.base_dir, "", check_host_path),
TEXT_ROW("storage.skills_claim", "SKILLS_PVC_NAME", storage.skills_claim, "", check_dns_name),
TEXT_ROW("storage.skills_claim_subpath", "SKILLS_PVC_SUBPATH_TEMPLATE", storage.skills_claim_subpath, "", check_subpath),
TEXT_ROW("storage.userdata_claim", "USERDATA_PVC_NAME", storage.userdata_claim, "", check_dns_name),
TEXT_ROW("lark.init_image", "LARK_CLI_INIT_IMAGE", lark.init_image, "", check_unsupported),
TEXT_ROW("lark.broker_image", "LARK_CLI_BROKER_IMAGE", lark.broker_image, "", check_unsupported),
TEXT_ROW("lark.broker_deny_subcommands", "LARK_CLI_BROKER_DENY_SUBCOMMANDS", lark.broker_deny_subcommands, "", check_unsupported),
TEXT_ROW("auth.key_file", NULL, auth.key_file, "", check_file),
CHOICE_ROW("log.level", NULL, log.level, "info", log_levels),
};
/* clang-format on */

#define SETTINGS (sizeof(settings_table) / sizeof(settings_table[0]))

/* Where a value comes from, and where complaints about it go. */
struct source {
	const char *file; /* NULL: the environment or the default */
	int line;
	FILE *complaints;
	unsigned problems;
};

__attribute__((format(printf, 3, 4))) static void
complain(struct source *source, const struct setting *setting,
    const char *format, ...)
{
	va_list arguments;

	if (source->file != NULL)
		fprintf(source->complaints, "%s:%d: %s: ", source->file,
		    source->line, setting->name);
	else
		fprintf(source->complaints,
		    "%s (environment %s): ", setting->name,
		    setting->environment != NULL ? setting->environment : "-");
	va_start(arguments, format);
	vfprintf(source->complaints, format, arguments);
	va_end(arguments);
	putc('\n', source->complaints);
	source->problems++;
}

static void *
field_of(struct settings *settings, const struct setting *setting)
{
	return (char *)settings + setting->offset;
}

static void
set_text(struct settings *settings, const struct setting *setting,
    const char *value, struct source *source)
{
	char scratch[SETTINGS_SCRATCH];
	char **field = field_of(settings, setting);
	const char *wrong = NULL;

	if (*value != '\0')
		wrong = setting->check(value, scratch);
	else if (*setting->standard != '\0')
		wrong = "must not be empty: leave it out for the default";
	if (wrong != NULL) {
		complain(source, setting, "%s", wrong);
		return;
	}
	free(*field);
	*field = *value == '\0' ? NULL : strdup(value);
	if (*value != '\0' && *field == NULL)
		complain(source, setting, "out of memory");
}

static void
set_int(struct settings *settings, const struct setting *setting,
    long long value, struct source *source)
{
	if (value < setting->minimum || value > setting->maximum)
		complain(source, setting,
		    "%lld is out of range: write a number from %ld to %ld",
		    value, setting->minimum, setting->maximum);
	else
		*(int *)field_of(settings, setting) = (int)value;
}

static void
set_choice(struct settings *settings, const struct setting *setting,
    const char *value, struct source *source)
{
	for (int i = 0; setting->choices[i] != NULL; i++) {
		if (strcmp(value, setting->choices[i]) == 0) {
			*(int *)field_of(settings, setting) = i;
			return;
		}
	}

	char known[128] = "";
	size_t length = 0;

	for (int i = 0; setting->choices[i] != NULL; i++)
		length +=
		    (size_t)snprintf(known + length, sizeof(known) - length,
			"%s\"%s\"", i == 0 ? "" : ", ", setting->choices[i]);
	complain(source, setting, "\"%.64s\" is not one of %s", value, known);
}

/* A value as text: a default or an environment variable. */
static void
set_from_text(struct settings *settings, const struct setting *setting,
    const char *value, struct source *source)
{
	char *end;

	switch (setting->type) {
	case SETTING_TEXT:
		set_text(settings, setting, value, source);
		break;
	case SETTING_INT:
		errno = 0;
		const long long number = strtoll(value, &end, 10);

		if (errno != 0 || end == value || *end != '\0')
			complain(source, setting,
			    "\"%.64s\" is not a whole number", value);
		else
			set_int(settings, setting, number, source);
		break;
	case SETTING_BOOL:
		if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
			complain(source, setting,
			    "\"%.64s\" is not true or false", value);
		else
			*(bool *)field_of(settings, setting) = value[0] == 't';
		break;
	case SETTING_CHOICE:
		set_choice(settings, setting, value, source);
		break;
	}
}

/* A value of a configuration file, whose type libconfig already knows. */
static void
set_from_file(struct settings *settings, const struct setting *setting,
    const config_setting_t *value, struct source *source)
{
	const int type = config_setting_type(value);

	switch (setting->type) {
	case SETTING_TEXT:
	case SETTING_CHOICE:
		if (type != CONFIG_TYPE_STRING)
			complain(
			    source, setting, "must be a text in double quotes");
		else
			set_from_text(settings, setting,
			    config_setting_get_string(value), source);
		break;
	case SETTING_INT:
		if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64)
			complain(source, setting, "must be a whole number");
		else
			set_int(settings, setting,
			    config_setting_get_int64(value), source);
		break;
	case SETTING_BOOL:
		if (type != CONFIG_TYPE_BOOL)
			complain(source, setting, "must be true or false");
		else
			*(bool *)field_of(settings, setting) =
			    config_setting_get_bool(value) != 0;
		break;
	}
}

static const struct setting *
setting_find(const char *name)
{
	for (size_t i = 0; i < SETTINGS; i++)
		if (strcmp(name, settings_table[i].name) == 0)
			return &settings_table[i];
	return NULL;
}

static bool
is_group(const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < SETTINGS; i++)
		if (strncmp(name, settings_table[i].name, length) == 0 &&
		    settings_table[i].name[length] == '.')
			return true;
	return false;
}

static void
complain_unknown(struct source *source, const char *name)
{
	fprintf(source->complaints,
	    "%s:%d: %s: unknown setting; remove it or mend its name\n",
	    source->file, source->line, name);
	source->problems++;
}

static void
set_group(struct settings *settings, const config_setting_t *group,
    struct source *source)
{
	for (unsigned i = 0; i < (unsigned)config_setting_length(group); i++) {
		const config_setting_t *value =
		    config_setting_get_elem(group, i);
		char name[256];

		snprintf(name, sizeof(name), "%s.%s",
		    config_setting_name(group), config_setting_name(value));
		source->line = (int)config_setting_source_line(value);

		const struct setting *setting = setting_find(name);

		if (setting == NULL)
			complain_unknown(source, name);
		else
			set_from_file(settings, setting, value, source);
	}
}

static void
set_groups(
    struct settings *settings, const config_t *config, struct source *source)
{
	const config_setting_t *root = config_root_setting(config);

	for (unsigned i = 0; i < (unsigned)config_setting_length(root); i++) {
		const config_setting_t *group =
		    config_setting_get_elem(root, i);

		source->line = (int)config_setting_source_line(group);
		if (!is_group(config_setting_name(group)) ||
		    !config_setting_is_group(group))
			complain_unknown(source, config_setting_name(group));
		else
			set_group(settings, group, source);
	}
}

static void
load_defaults(struct settings *settings, struct source *source)
{
	for (size_t i = 0; i < SETTINGS; i++)
		set_from_text(settings, &settings_table[i],
		    settings_table[i].standard, source);
}

static void
load_file(struct settings *settings, const char *file, struct source *source)
{
	char why[512];
	char *text = settings_file_read(file, why, sizeof(why));
	config_t config;

	if (text == NULL) {
		fprintf(source->complaints, "%s\n", why);
		source->problems++;
		return;
	}
	source->file = file;
	config_init(&config);
	if (config_read_string(&config, text) == CONFIG_TRUE) {
		set_groups(settings, &config, source);
	} else {
		fprintf(source->complaints, "%s:%d: %s\n", file,
		    config_error_line(&config), config_error_text(&config));
		source->problems++;
	}
	config_destroy(&config);
	free(text);
	source->file = NULL;
}

/* An empty variable counts as unset: compose files pass such. */
static void
load_environment(struct settings *settings, struct source *source)
{
	for (size_t i = 0; i < SETTINGS; i++) {
		const struct setting *setting = &settings_table[i];
		const char *value = setting->environment == NULL
					? NULL
					: getenv(setting->environment);

		if (value != NULL && *value != '\0')
			set_from_text(settings, setting, value, source);
	}
}

struct settings *
settings_load(const char *file, char **complaints)
{
	struct settings *settings = calloc(1, sizeof(*settings));
	size_t size = 0;

	*complaints = NULL;

	struct source source = { .complaints =
				     open_memstream(complaints, &size) };

	if (settings == NULL || source.complaints == NULL) {
		free(settings);
		if (source.complaints != NULL)
			fclose(source.complaints);
		return NULL;
	}
	load_defaults(settings, &source);
	if (file != NULL)
		load_file(settings, file, &source);
	load_environment(settings, &source);
	fclose(source.complaints);
	if (source.problems != 0)
		return settings_free(settings);
	free(*complaints);
	*complaints = NULL;
	return settings;
}

struct settings *
settings_free(struct settings *settings)
{
	if (settings == NULL)
		return NULL;
	for (size_t i = 0; i < SETTINGS; i++)
		if (settings_table[i].type == SETTING_TEXT)
			free(*(char **)field_of(settings, &settings_table[i]));
	free(settings);
	return NULL;
}

void
settings_visit(settings_visitor *visit, void *data)
{
	for (size_t i = 0; i < SETTINGS; i++)
		if (!visit(settings_table[i].name, settings_table[i].standard,
			settings_table[i].environment, data))
			return;
}

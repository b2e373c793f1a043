/*
 * conf/provisioner.conf against the table of settings: every key stands there
 * in its group, as "# key = default;".
 */
#include "app_fixture.h"

#include <libconfig.h>
#include <regex.h>

#define CONF "conf/provisioner.conf"

/* Makes a setting of each line that is commented out; malloc()ed. */
static char *
uncommented(void)
{
	char *text = fixture_read(CONF);
	char *rest;
	char *result = NULL;
	size_t size = 0;
	regex_t pattern;
	FILE *out = open_memstream(&result, &size);

	if (text == NULL)
		fail_msg("run the tests where " CONF " is");
	assert_non_null(out);
	assert_int_equal(regcomp(&pattern, "^\t*# ([a-z_]+) = .*;",
			     REG_EXTENDED | REG_NOSUB),
	    0);
	/* strtok would swallow empty lines; only line numbers differ */
	for (char *line = strtok_r(text, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (regexec(&pattern, line, 0, NULL, 0) == 0)
			line = strchr(line, '#') + 1;
		fprintf(out, "%s\n", line);
	}
	regfree(&pattern);
	free(text);
	assert_int_equal(fclose(out), 0);
	return result;
}

static void
read_config(config_t *config, const char *text)
{
	config_init(config);
	if (config_read_string(config, text) != CONFIG_TRUE)
		fail_msg(CONF " uncommented, line %d: %s",
		    config_error_line(config), config_error_text(config));
}

/* How a value stands in the settings table. */
static void
value_text(const config_setting_t *value, char *text, size_t size)
{
	switch (config_setting_type(value)) {
	case CONFIG_TYPE_STRING:
		snprintf(text, size, "%s", config_setting_get_string(value));
		break;
	case CONFIG_TYPE_BOOL:
		snprintf(text, size, "%s",
		    config_setting_get_bool(value) ? "true" : "false");
		break;
	default:
		snprintf(text, size, "%lld", config_setting_get_int64(value));
	}
}

static bool
check_setting(
    const char *name, const char *standard, const char *environment, void *data)
{
	const config_t *config = data;
	const config_setting_t *value = config_lookup(config, name);
	char text[512];

	(void)environment;
	if (value == NULL)
		fail_msg(CONF " lacks %s", name);
	value_text(value, text, sizeof(text));
	if (*standard != '\0' && strcmp(text, standard) != 0)
		fail_msg(
		    CONF ": %s is %s, its default %s", name, text, standard);
	return true;
}

static void
every_setting_stands_in_the_file_with_its_default(void **state)
{
	char *text = uncommented();
	config_t config;

	(void)state;
	read_config(&config, text);
	settings_visit(check_setting, &config);
	config_destroy(&config);
	free(text);
}

static bool
find_setting(
    const char *name, const char *standard, const char *environment, void *data)
{
	const char **wanted = data;

	(void)standard;
	(void)environment;
	if (*wanted != NULL && strcmp(name, *wanted) == 0)
		*wanted = NULL;
	return true;
}

static void
the_file_names_nothing_that_is_no_setting(void **state)
{
	char *text = uncommented();
	config_t config;

	(void)state;
	read_config(&config, text);

	const config_setting_t *root = config_root_setting(&config);

	for (int i = 0; i < config_setting_length(root); i++) {
		const config_setting_t *group =
		    config_setting_get_elem(root, (unsigned)i);

		for (int k = 0; k < config_setting_length(group); k++) {
			char name[128];
			const char *wanted = name;

			snprintf(name, sizeof(name), "%s.%s",
			    config_setting_name(group),
			    config_setting_name(
				config_setting_get_elem(group, (unsigned)k)));
			settings_visit(find_setting, &wanted);
			if (wanted != NULL)
				fail_msg(CONF ": %s is no setting", wanted);
		}
	}
	config_destroy(&config);
	free(text);
}

/* As a fresh installation runs it. */
static void
the_file_as_it_stands_means_the_defaults(void **state)
{
	char *complaints = NULL;
	SETTINGS_CLEANUP struct settings *defaults = fixture_settings("");
	SETTINGS_CLEANUP struct settings *settings =
	    settings_load(CONF, &complaints);

	(void)state;
	if (settings == NULL)
		fail_msg("%s", complaints);
	assert_string_equal(settings->sandbox.image, defaults->sandbox.image);
	assert_string_equal(settings->kubernetes.namespace_name,
	    defaults->kubernetes.namespace_name);
	assert_int_equal(settings->sandbox.port, defaults->sandbox.port);
	assert_null(settings->storage.base_dir);
	assert_null(settings->kubernetes.api_server);
}

struct examples {
	const config_t *config;
	const char *path; /* of a file to load them from */
};

/* A text that is unset by default: what stands there must be acceptable. */
static bool
check_example(
    const char *name, const char *standard, const char *environment, void *data)
{
	const struct examples *examples = data;
	const char *value;
	char text[1024];
	char *complaints = NULL;

	(void)environment;
	if (*standard != '\0')
		return true;
	assert_int_equal(
	    config_lookup_string(examples->config, name, &value), CONFIG_TRUE);
	snprintf(text, sizeof(text), "%.*s: { %s = \"%s\"; }",
	    (int)strcspn(name, "."), name, strchr(name, '.') + 1, value);
	fixture_write(examples->path, text, 0600);

	SETTINGS_CLEANUP struct settings *settings =
	    settings_load(examples->path, &complaints);

	if (settings == NULL &&
	    strstr(complaints, "is not supported by this version") == NULL)
		fail_msg("%s", complaints);
	free(complaints);
	return true;
}

static void
examples_are_values_that_load(void **state)
{
	char path[FIXTURE_PATH_MAX];
	char *text = uncommented();
	config_t config;
	struct examples examples = { &config,
		fixture_path(state, "example", path) };

	fixture_clear_environment();
	read_config(&config, text);
	settings_visit(check_example, &examples);
	assert_int_equal(unlink(path), 0);
	config_destroy(&config);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    every_setting_stands_in_the_file_with_its_default),
		cmocka_unit_test(examples_are_values_that_load),
		cmocka_unit_test(the_file_names_nothing_that_is_no_setting),
		cmocka_unit_test(the_file_as_it_stands_means_the_defaults),
	};

	return cmocka_run_group_tests(
	    tests, fixture_directory_make, fixture_directory_remove);
}

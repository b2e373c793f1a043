/*
 * What the tests of app/ share: settings from an environment that holds
 * nothing else, JSON from a literal, files in a directory of their own.
 */
#ifndef APP_FIXTURE_H
#define APP_FIXTURE_H

#include "cmocka_all.h"

#include "k8s.h"
#include "reply.h"
#include "settings.h"

#include <fcntl.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT_OF(rows) (sizeof(rows) / sizeof((rows)[0]))

#define JSON_CLEANUP     K8S_CLEANUP(k8s_json_putp)
#define SETTINGS_CLEANUP K8S_CLEANUP(fixture_settings_freep)
#define REPLY_CLEANUP    K8S_CLEANUP(reply_done)

static inline void
fixture_settings_freep(struct settings **settings)
{
	*settings = settings_free(*settings);
}

static inline bool
fixture_forget(
    const char *name, const char *standard, const char *environment, void *data)
{
	(void)name;
	(void)standard;
	(void)data;
	if (environment != NULL)
		unsetenv(environment);
	return true;
}

/* The variables of whoever runs the tests must not decide their outcome. */
static inline void
fixture_clear_environment(void)
{
	settings_visit(fixture_forget, NULL);
	unsetenv("PROVISIONER_API_KEY");
}

/* Sets the variables of `lines`, "NAME=VALUE\n" each; "#" begins a comment. */
static inline void
fixture_set_environment(const char *lines)
{
	char *copy = strdup(lines);
	char *rest;

	assert_non_null(copy);
	for (char *line = strtok_r(copy, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		char *value = strchr(line, '=');

		if (line[0] == '#')
			continue;
		assert_non_null(value);
		*value++ = '\0';
		assert_int_equal(setenv(line, value, 1), 0);
	}
	free(copy);
}

/* The defaults and the variables of `lines`. */
static inline struct settings *
fixture_settings(const char *lines)
{
	char *complaints;

	fixture_clear_environment();
	fixture_set_environment(lines);

	struct settings *settings = settings_load(NULL, &complaints);

	fixture_clear_environment();
	if (settings == NULL)
		fail_msg("%s", complaints);
	return settings;
}

static inline struct json_object *
fixture_json(const char *text, size_t length)
{
	struct k8s_error error;
	struct json_object *value = k8s_json_parse(text, length, 64, &error);

	if (value == NULL)
		fail_msg("%s: %.*s", error.message, (int)length, text);
	return value;
}

/* The reply's body, which must be JSON. */
static inline struct json_object *
fixture_body(const struct reply *reply)
{
	assert_non_null(reply->text);
	return fixture_json(reply->text, reply->length);
}

static inline const char *
fixture_header(const struct reply *reply, const char *name)
{
	for (size_t i = 0; i < reply->header_count; i++)
		if (strcmp(reply->headers[i].name, name) == 0)
			return reply->headers[i].value;
	return NULL;
}

/* The whole file as text; NULL when there is none. */
static inline char *
fixture_read(const char *path)
{
	FILE *in = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;

	if (in == NULL)
		return NULL;
	if (getdelim(&text, &size, '\0', in) < 0) {
		free(text);
		text = strdup("");
	}
	fclose(in);
	return text;
}

static inline void
fixture_write(const char *path, const char *text, mode_t mode)
{
	FILE *out = fopen(path, "we");

	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(chmod(path, mode), 0);
}

/* Group setup: *state is the path of an empty directory. */
static inline int
fixture_directory_make(void **state)
{
	const char *parent = getenv("TMPDIR");
	char *path;

	if (asprintf(&path, "%s/provisioner-unit.XXXXXX",
		parent != NULL ? parent : "/tmp") < 0)
		return -1;
	*state = path;
	return mkdtemp(path) == NULL ? -1 : 0;
}

/* Group teardown; the tests have removed what they put into it. */
static inline int
fixture_directory_remove(void **state)
{
	int failed = rmdir(*state);

	if (failed != 0)
		perror(*state);
	free(*state);
	return failed;
}

/* cmocka does not count a teardown that fails: for tests to ask. */
static inline void
fixture_assert_directory_is_empty(void **state)
{
	assert_int_equal(rmdir(*state), 0);
	assert_int_equal(mkdir(*state, 0700), 0);
}

/* "DIRECTORY/name" of the group above. */
#define FIXTURE_PATH_MAX 256
static inline const char *
fixture_path(void **state, const char *name, char path[FIXTURE_PATH_MAX])
{
	int length = snprintf(
	    path, FIXTURE_PATH_MAX, "%s/%s", (const char *)*state, name);

	assert_in_range(length, 1, FIXTURE_PATH_MAX - 1);
	return path;
}

#endif

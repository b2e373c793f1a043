#include "mounts.h"

#include "path.h"
#include "reply.h"
#include "settings.h"
#include "spec.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Paths of a node may be long, but not endless: PATH_MAX of Linux. */
#define HOST_PATH_MAX 4096

const char *
mounts_base(const struct settings *settings, size_t *length)
{
	static const char suffix[] = "/threads";
	const char *threads = settings->storage.threads_host_path;

	if (settings->storage.base_dir != NULL) {
		*length = strlen(settings->storage.base_dir);
		return settings->storage.base_dir;
	}
	if (threads == NULL || strchr(threads, '{') != NULL ||
	    strlen(threads) <= sizeof(suffix) - 1)
		return NULL;
	*length = strlen(threads) - (sizeof(suffix) - 1);
	return strcmp(threads + *length, suffix) == 0 ? threads : NULL;
}

/* Below the skills directory these are mount points of their own. */
static bool
is_allowed_path(const struct sandbox_spec *spec, const char *path)
{
	static const char *const fixed[] = {
		MOUNT_ACP_WORKSPACE,
		MOUNT_LARK "/config",
		MOUNT_LARK "/config/locks",
		MOUNT_LARK "/data",
		MOUNT_LARK "/runtime",
	};
	static const char *const skills[] = { "/public", "/custom", "/legacy",
		"/integrations" };
	size_t root = strlen(spec->skills_path);

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (strcmp(path, fixed[i]) == 0)
			return true;
	if (strncmp(path, spec->skills_path, root) != 0)
		return false;
	for (size_t i = 0; i < sizeof(skills) / sizeof(skills[0]); i++)
		if (strcmp(path + root, skills[i]) == 0)
			return true;
	return false;
}

/* Strictly below the base, and below users/ only the request's own user. */
static bool
is_inside_state(const struct sandbox_spec *spec,
    const struct settings *settings, const char *path)
{
	char limit[HOST_PATH_MAX + IDENTITY_MAX];
	size_t length;
	const char *base = mounts_base(settings, &length);

	if (base == NULL)
		return false;
	snprintf(limit, sizeof(limit), "%.*s", (int)length, base);
	if (!path_is_below(path, limit))
		return false;
	snprintf(limit, sizeof(limit), "%.*s/users", (int)length, base);
	if (!path_is_within(path, limit))
		return true;
	snprintf(limit, sizeof(limit), "%.*s/users/%s", (int)length, base,
	    spec->user_id);
	return path_is_below(path, limit);
}

/*
 * At or below a directory that some sandbox writes as its user data: it could
 * plant a symbolic link there, and the kubelet would follow it. A directory
 * above holds the data of several sandboxes.
 */
static bool
touches_user_data(const struct settings *settings, const char *host_path)
{
	const char *threads = settings->storage.threads_host_path;
	char pattern[HOST_PATH_MAX];
	size_t length = 0;
	const char *base = mounts_base(settings, &length);

	if (base == NULL)
		return false;
	snprintf(pattern, sizeof(pattern), "%.*s/users/{}/threads/{}/user-data",
	    (int)length, base);
	if (path_is_within_pattern(host_path, pattern) ||
	    path_is_above_pattern(host_path, pattern))
		return true;
	if (threads == NULL)
		return false;
	snprintf(pattern, sizeof(pattern), "%s/{}/user-data", threads);
	return path_is_within_pattern(host_path, pattern) ||
	       path_is_above_pattern(host_path, pattern);
}

/* At or below a directory that another mount of the request may write. */
static bool
lies_in_writable(const struct sandbox_spec *spec, size_t index)
{
	for (size_t i = 0; i < spec->mount_count; i++)
		if (i != index && !spec->mounts[i].read_only &&
		    path_is_within(spec->mounts[index].host_path,
			spec->mounts[i].host_path))
			return true;
	return false;
}

static bool
is_duplicate(const struct sandbox_spec *spec, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (strcmp(spec->mounts[i].container_path,
			spec->mounts[index].container_path) == 0)
			return true;
	return false;
}

/* Clients of DeerFlow match these very sentences. */
static enum http_status
check(const struct sandbox_spec *spec, const struct settings *settings,
    size_t index, struct reply *reply)
{
	const struct extra_mount *mount = &spec->mounts[index];
	const char *host = mount->host_path;
	const char *container = mount->container_path;

	if (host[0] != '/')
		return reply_problem(reply, HTTP_BAD_REQUEST,
		    "Extra mount host path must be absolute: %s", host);
	if (!path_is_canonical(host) || strlen(host) >= HOST_PATH_MAX / 2 ||
	    strchr(host, ':') != NULL)
		return reply_problem(reply, HTTP_BAD_REQUEST,
		    "Invalid extra mount host path: %s", host);
	if (!is_inside_state(spec, settings, host))
		return reply_problem(reply, HTTP_BAD_REQUEST,
		    "Extra mount host path is outside DeerFlow state: %s",
		    host);
	if (container[0] != '/')
		return reply_problem(reply, HTTP_BAD_REQUEST,
		    "Extra mount path must be absolute: %s", container);
	if (!is_allowed_path(spec, container))
		return reply_problem(reply, HTTP_BAD_REQUEST,
		    "Unsupported extra mount path: %s", container);
	if (is_duplicate(spec, index))
		return reply_problem(reply, HTTP_BAD_REQUEST,
		    "Duplicate extra mount path: %s", container);
	if (touches_user_data(settings, host) || lies_in_writable(spec, index))
		return reply_problem(reply, HTTP_BAD_REQUEST,
		    "Invalid extra mount host path: %s", host);
	return HTTP_OK;
}

enum http_status
mounts_check(const struct sandbox_spec *spec, const struct settings *settings,
    struct reply *reply)
{
	if (spec->mount_count > EXTRA_MOUNTS_MAX)
		return reply_problem(reply, HTTP_BAD_REQUEST,
		    "Too many extra mounts; max is %d", EXTRA_MOUNTS_MAX);
	for (size_t i = 0; i < spec->mount_count; i++) {
		enum http_status status = check(spec, settings, i, reply);

		if (status != HTTP_OK)
			return status;
	}
	return HTTP_OK;
}

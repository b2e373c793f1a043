#include "mounts.h"

#include "path.h"
#include "reply.h"
#include "settings.h"
#include "spec.h"
#include "template.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
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

/* "{base}SUFFIX" with the base of the configuration, which is there. */
static void
below_base(char path[HOST_PATH_MAX], const struct settings *settings,
    const char *suffix)
{
	size_t length = 0;
	const char *base = mounts_base(settings, &length);

	snprintf(path, HOST_PATH_MAX, "%.*s%s", (int)length,
	    base == NULL ? "" : base, suffix);
}

/* The directory of the request's user. */
static void
own_directory(char path[HOST_PATH_MAX], const struct sandbox_spec *spec,
    const struct settings *settings)
{
	char suffix[sizeof("/users/") + IDENTITY_MAX];

	snprintf(suffix, sizeof(suffix), "/users/%s", spec->user_id);
	below_base(path, settings, suffix);
}

/* Strictly below the base, and below users/ only the request's own user. */
static bool
is_inside_state(const struct sandbox_spec *spec,
    const struct settings *settings, const char *path)
{
	char limit[HOST_PATH_MAX];
	size_t length;

	if (mounts_base(settings, &length) == NULL)
		return false;
	below_base(limit, settings, "");
	if (!path_is_below(path, limit))
		return false;
	below_base(limit, settings, "/users");
	if (!path_is_within(path, limit))
		return true;
	own_directory(limit, spec, settings);
	return path_is_below(path, limit);
}

/*
 * At or below the directory of the request's own thread, where
 * storage.threads_host_path says that threads are.
 */
static bool
is_in_own_thread(const struct sandbox_spec *spec,
    const struct settings *settings, const char *path)
{
	const struct template_values values = { spec->user_id, spec->thread_id,
		spec->sandbox_id };
	char own[HOST_PATH_MAX];

	if (settings->storage.threads_host_path == NULL)
		return false;

	char *threads =
	    template_expand(settings->storage.threads_host_path, &values);

	/* without memory nothing is our own */
	snprintf(own, sizeof(own), "%s/%s", threads == NULL ? "" : threads,
	    spec->thread_id);
	free(threads);
	return path_is_within(path, own);
}

/*
 * The data of other threads: what has the form of a thread's directory and is
 * not the request's own, or lies above such directories.
 */
static bool
touches_other_threads(const struct sandbox_spec *spec,
    const struct settings *settings, const char *path)
{
	char pattern[HOST_PATH_MAX];

	if (settings->storage.threads_host_path == NULL)
		return false;
	snprintf(pattern, sizeof(pattern), "%s/{}",
	    settings->storage.threads_host_path);
	return path_is_above_pattern(path, pattern) ||
	       (path_is_within_pattern(path, pattern) &&
		   !is_in_own_thread(spec, settings, path));
}

/*
 * What sandboxes write they may also replace by symbolic links, which the
 * kubelet would follow: so no mount of user data, nor of anything inside of a
 * directory that some request mounts writable. Only what stands directly in a
 * thread's directory can be mounted.
 */
static bool
may_hold_links(const struct settings *settings, const char *path)
{
	static const char *const writable[] = {
		"/users/{}/threads/{}/{}/{}",
		"/users/{}/integrations/lark-cli/data/{}",
		"/users/{}/integrations/lark-cli/config/locks/{}",
		"/users/{}/integrations/lark-cli/runtime/{}",
	};
	const char *threads = settings->storage.threads_host_path;
	char pattern[HOST_PATH_MAX];

	for (size_t i = 0; i < sizeof(writable) / sizeof(writable[0]); i++) {
		below_base(pattern, settings, writable[i]);
		if (path_is_within_pattern(path, pattern))
			return true;
	}
	below_base(pattern, settings, "/users/{}/threads/{}/user-data");
	if (path_is_within_pattern(path, pattern) ||
	    path_is_above_pattern(path, pattern))
		return true;
	if (threads == NULL)
		return false;
	snprintf(pattern, sizeof(pattern), "%s/{}/{}/{}", threads);
	if (path_is_within_pattern(path, pattern))
		return true;
	snprintf(pattern, sizeof(pattern), "%s/{}/user-data", threads);
	return path_is_within_pattern(path, pattern) ||
	       path_is_above_pattern(path, pattern);
}

static bool
overlaps(const char *path, const char *pattern)
{
	return path_is_within_pattern(path, pattern) ||
	       path_is_above_pattern(path, pattern);
}

/*
 * Where the base mounts of skills come from: writable, a sandbox could put
 * symbolic links in their places.
 */
static bool
overlaps_skills(const struct settings *settings, const char *path)
{
	static const char *const views[] = { "/skills_view",
		"/users/{}/skills_view" };
	const char *skills = settings->storage.skills_host_path;
	char pattern[HOST_PATH_MAX];

	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
		below_base(pattern, settings, views[i]);
		if (overlaps(path, pattern))
			return true;
	}
	return skills != NULL && overlaps(path, skills);
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
	if (may_hold_links(settings, host) || lies_in_writable(spec, index) ||
	    (!mount->read_only && overlaps_skills(settings, host)))
		return reply_problem(reply, HTTP_BAD_REQUEST,
		    "Invalid extra mount host path: %s", host);
	if (touches_other_threads(spec, settings, host))
		return reply_problem(reply, HTTP_BAD_REQUEST,
		    "Extra mount host path is outside DeerFlow state: %s",
		    host);
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

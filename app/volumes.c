#include "volumes.h"

#include "mounts.h"
#include "settings.h"
#include "spec.h"
#include "template.h"
#include "tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((format(printf, 1, 2))) static char *
text(const char *format, ...)
{
	char *result = NULL;
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&result, format, arguments) < 0)
		result = NULL;
	va_end(arguments);
	return result;
}

/*
 * A kubelet waits for ever for the second of two volumes that name one claim
 * (kubernetes/kubernetes issue 82526): the mounts share the first.
 */
static void
share_claim(const struct volumes *volumes, struct volume *volume)
{
	for (size_t i = 0; i < volumes->count; i++) {
		const struct volume *other = &volumes->item[i];

		if (volume->source != VOLUME_CLAIM ||
		    other->source != VOLUME_CLAIM || volume->location == NULL ||
		    other->location == NULL ||
		    strcmp(other->location, volume->location) != 0)
			continue;
		memcpy(volume->name, other->name, sizeof(volume->name));
		volume->named_before = true;
		return;
	}
}

/* Adds a volume and takes over its texts; a NULL that must not be is noted. */
static void
add(struct volumes *volumes, struct volume volume)
{
	if (volume.mount_path == NULL ||
	    (volume.source != VOLUME_EMPTY && volume.location == NULL) ||
	    volumes->count == VOLUMES_MAX)
		volumes->failed = true;
	share_claim(volumes, &volume);
	if (volumes->count < VOLUMES_MAX) {
		volumes->item[volumes->count++] = volume;
		return;
	}
	free(volume.location);
	free(volume.subpath);
	free(volume.mount_path);
}

/* An extra mount at the same path takes the place of a base mount. */
static bool
is_replaced(const struct sandbox_spec *spec, const char *mount_path)
{
	for (size_t i = 0; i < spec->mount_count; i++)
		if (strcmp(spec->mounts[i].container_path, mount_path) == 0)
			return true;
	return false;
}

static void
add_skills_view(
    struct volumes *volumes, const struct sandbox_spec *spec, const char *base)
{
	static const struct {
		const char *name;
		bool of_user;
	} views[] = { { "public", false }, { "custom", true },
		{ "legacy", true } };

	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
		const char *name = views[i].name;
		char *mount_path = text("%s/%s", spec->skills_path, name);

		if (mount_path != NULL && is_replaced(spec, mount_path)) {
			free(mount_path);
			continue;
		}

		struct volume volume = {
			.source = VOLUME_HOST_PATH,
			.location = views[i].of_user
					? text("%s/users/%s/skills_view/%s",
					      base, spec->user_id, name)
					: text("%s/skills_view/%s", base, name),
			.host_type = "Directory",
			.mount_path = mount_path,
			.read_only = true,
		};
		snprintf(volume.name, sizeof(volume.name), "skills-%s", name);
		add(volumes, volume);
	}
}

/* A claim wins over a host path, one host path over the base directory. */
static void
add_skills(struct volumes *volumes, const struct sandbox_spec *spec,
    const struct settings *settings)
{
	const struct template_values values = { spec->user_id, spec->thread_id,
		spec->sandbox_id };
	const char *subpath = settings->storage.skills_claim_subpath;

	if (settings->storage.skills_claim != NULL) {
		struct volume volume = {
			.name = "skills",
			.source = VOLUME_CLAIM,
			.location = strdup(settings->storage.skills_claim),
			.mount_path = strdup(spec->skills_path),
			.read_only = true,
		};

		if (subpath != NULL) {
			volume.subpath = template_expand(subpath, &values);
			volumes->failed |= volume.subpath == NULL;
		}
		add(volumes, volume);
	} else if (settings->storage.skills_host_path != NULL) {
		add(volumes,
		    (struct volume){
			.name = "skills",
			.source = VOLUME_HOST_PATH,
			.location = strdup(settings->storage.skills_host_path),
			.host_type = "Directory",
			.mount_path = strdup(spec->skills_path),
			.read_only = true,
		    });
	} else if (settings->storage.base_dir != NULL) {
		add_skills_view(volumes, spec, settings->storage.base_dir);
	}
}

/* The host path of the user data; NULL = no memory. */
static char *
user_data_path(const struct sandbox_spec *spec, const struct settings *settings)
{
	const struct template_values values = { spec->user_id, spec->thread_id,
		spec->sandbox_id };

	if (settings->storage.threads_host_path == NULL)
		return text("%s/users/%s/threads/%s/user-data",
		    settings->storage.base_dir, spec->user_id, spec->thread_id);

	char *threads =
	    template_expand(settings->storage.threads_host_path, &values);
	char *path = threads == NULL
			 ? NULL
			 : text("%s/%s/user-data", threads, spec->thread_id);

	free(threads);
	return path;
}

static void
add_user_data(struct volumes *volumes, const struct sandbox_spec *spec,
    const struct settings *settings)
{
	struct volume volume = {
		.name = "user-data",
		.mount_path = strdup(MOUNT_USER_DATA),
	};

	if (settings->storage.userdata_claim != NULL) {
		volume.source = VOLUME_CLAIM;
		volume.location = strdup(settings->storage.userdata_claim);
		volume.subpath = text("deer-flow/users/%s/threads/%s/user-data",
		    spec->user_id, spec->thread_id);
		volumes->failed |= volume.subpath == NULL;
	} else if (settings->storage.threads_host_path != NULL ||
		   settings->storage.base_dir != NULL) {
		volume.source = VOLUME_HOST_PATH;
		volume.location = user_data_path(spec, settings);
		volume.host_type = "DirectoryOrCreate";
	}
	add(volumes, volume);
}

static void
add_extra(struct volumes *volumes, const struct extra_mount *mount,
    size_t index, const struct settings *settings)
{
	struct volume volume = {
		.mount_path = strdup(mount->container_path),
		.read_only = mount->read_only,
	};

	snprintf(volume.name, sizeof(volume.name), "extra-%zu", index);
	if (settings->storage.userdata_claim != NULL) {
		size_t base = 0;

		/* mounts_check() saw to it that the path is below the base */
		(void)mounts_base(settings, &base);
		volume.source = VOLUME_CLAIM;
		volume.location = strdup(settings->storage.userdata_claim);
		volume.subpath = text("deer-flow%s", mount->host_path + base);
		volumes->failed |= volume.subpath == NULL;
	} else {
		volume.source = VOLUME_HOST_PATH;
		volume.location = strdup(mount->host_path);
		volume.host_type =
		    mount->read_only ? "Directory" : "DirectoryOrCreate";
	}
	add(volumes, volume);
}

bool
volumes_plan(struct volumes *volumes, const struct sandbox_spec *spec,
    const struct settings *settings)
{
	*volumes = (struct volumes){ 0 };
	add_skills(volumes, spec, settings);
	add_user_data(volumes, spec, settings);
	for (size_t i = 0; i < spec->mount_count; i++)
		add_extra(volumes, &spec->mounts[i], i, settings);
	return !volumes->failed;
}

void
volumes_done(struct volumes *volumes)
{
	for (size_t i = 0; i < volumes->count; i++) {
		free(volumes->item[i].location);
		free(volumes->item[i].subpath);
		free(volumes->item[i].mount_path);
	}
	volumes->count = 0;
}

static struct json_object *
volume_json(const struct volume *volume)
{
	if (volume->named_before)
		return tree_absent();
	switch (volume->source) {
	case VOLUME_EMPTY:
		return MAP({ "name", TEXT(volume->name) },
		    { "emptyDir", EMPTY_MAP() });
	case VOLUME_HOST_PATH:
		return MAP({ "name", TEXT(volume->name) },
		    { "hostPath", MAP({ "path", TEXT(volume->location) },
				      { "type", TEXT(volume->host_type) }) });
	case VOLUME_CLAIM:
		return MAP({ "name", TEXT(volume->name) },
		    { "persistentVolumeClaim",
			MAP({ "claimName", TEXT(volume->location) }) });
	}
	return NULL;
}

static struct json_object *
mount_json(const struct volume *volume)
{
	return MAP({ "name", TEXT(volume->name) },
	    { "mountPath", TEXT(volume->mount_path) },
	    { "subPath", tree_text_or_absent(volume->subpath) },
	    { "readOnly", BOOL(volume->read_only) });
}

static struct json_object *
list_of(const struct volumes *volumes,
    struct json_object *(*json_of)(const struct volume *))
{
	struct json_object *items[VOLUMES_MAX];

	for (size_t i = 0; i < volumes->count; i++)
		items[i] = json_of(&volumes->item[i]);
	return tree_list(volumes->count, items);
}

struct json_object *
volumes_json(const struct volumes *volumes)
{
	return list_of(volumes, volume_json);
}

struct json_object *
volumes_mounts_json(const struct volumes *volumes)
{
	return list_of(volumes, mount_json);
}

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

/* A text that a volume owns; without memory the plan has failed. */
__attribute__((format(printf, 2, 3))) static char *
text(struct volumes *volumes, const char *format, ...)
{
	char *result = NULL;
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&result, format, arguments) < 0)
		result = NULL;
	va_end(arguments);
	volumes->failed |= result == NULL;
	return result;
}

static char *
expand(struct volumes *volumes, const char *template,
    const struct sandbox_spec *spec)
{
	const struct template_values values = { spec->user_id, spec->thread_id,
		spec->sandbox_id };
	char *result = template_expand(template, &values);

	volumes->failed |= result == NULL;
	return result;
}

/* The next volume, empty. There is room for all that one plan can hold. */
static struct volume *
next(struct volumes *volumes)
{
	_Static_assert(VOLUMES_MAX >= 3 + 1 + EXTRA_MOUNTS_MAX,
	    "skills, user data, extra mounts");
	return &volumes->item[volumes->count++];
}

/* Names the volume after itself, or after an earlier one of its claim. */
static void
set_claim(struct volumes *volumes, struct volume *volume, const char *claim)
{
	volume->source = VOLUME_CLAIM;
	volume->location = text(volumes, "%s", claim);
	/*
	 * A kubelet waits for ever for the second of two volumes that name one
	 * claim (kubernetes/kubernetes issue 82526): the mounts share the
	 * first.
	 */
	for (const struct volume *other = volumes->item; other < volume;
	     other++) {
		if (other->source != VOLUME_CLAIM || other->location == NULL ||
		    strcmp(other->location, claim) != 0)
			continue;
		memcpy(volume->name, other->name, sizeof(volume->name));
		volume->named_before = true;
		return;
	}
}

static void
set_host_path(struct volume *volume, char *path, const char *type)
{
	volume->source = VOLUME_HOST_PATH;
	volume->location = path;
	volume->host_type = type;
}

/* An extra mount at the same path takes the place of a base mount. */
static bool
is_replaced(const struct sandbox_spec *spec, const char *name)
{
	const size_t root = strlen(spec->skills_path);

	for (size_t i = 0; i < spec->mount_count; i++) {
		const char *path = spec->mounts[i].container_path;

		if (strncmp(path, spec->skills_path, root) == 0 &&
		    path[root] == '/' && strcmp(path + root + 1, name) == 0)
			return true;
	}
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

		if (is_replaced(spec, name))
			continue;

		struct volume *volume = next(volumes);

		snprintf(volume->name, sizeof(volume->name), "skills-%s", name);
		volume->read_only = true;
		volume->mount_path =
		    text(volumes, "%s/%s", spec->skills_path, name);
		set_host_path(volume,
		    views[i].of_user
			? text(volumes, "%s/users/%s/skills_view/%s", base,
			      spec->user_id, name)
			: text(volumes, "%s/skills_view/%s", base, name),
		    "Directory");
	}
}

/* A claim wins over a host path, one host path over the base directory. */
static void
add_skills(struct volumes *volumes, const struct sandbox_spec *spec,
    const struct settings *settings)
{
	const char *claim = settings->storage.skills_claim;
	const char *subpath = settings->storage.skills_claim_subpath;
	const char *path = settings->storage.skills_host_path;

	if (claim == NULL && path == NULL) {
		if (settings->storage.base_dir != NULL)
			add_skills_view(
			    volumes, spec, settings->storage.base_dir);
		return;
	}

	struct volume *volume = next(volumes);

	snprintf(volume->name, sizeof(volume->name), "skills");
	volume->read_only = true;
	volume->mount_path = text(volumes, "%s", spec->skills_path);
	if (claim == NULL) {
		set_host_path(volume, text(volumes, "%s", path), "Directory");
		return;
	}
	set_claim(volumes, volume, claim);
	if (subpath != NULL)
		volume->subpath = expand(volumes, subpath, spec);
}

/* The host path of the user data. */
static char *
user_data_path(struct volumes *volumes, const struct sandbox_spec *spec,
    const struct settings *settings)
{
	if (settings->storage.threads_host_path == NULL)
		return text(volumes, "%s/users/%s/threads/%s/user-data",
		    settings->storage.base_dir, spec->user_id, spec->thread_id);

	char *threads =
	    expand(volumes, settings->storage.threads_host_path, spec);
	char *path = text(volumes, "%s/%s/user-data",
	    threads == NULL ? "" : threads, spec->thread_id);

	free(threads);
	return path;
}

static void
add_user_data(struct volumes *volumes, const struct sandbox_spec *spec,
    const struct settings *settings)
{
	struct volume *volume = next(volumes);

	snprintf(volume->name, sizeof(volume->name), "user-data");
	volume->mount_path = text(volumes, "%s", MOUNT_USER_DATA);
	if (settings->storage.userdata_claim != NULL) {
		set_claim(volumes, volume, settings->storage.userdata_claim);
		volume->subpath =
		    text(volumes, "deer-flow/users/%s/threads/%s/user-data",
			spec->user_id, spec->thread_id);
	} else if (settings->storage.threads_host_path != NULL ||
		   settings->storage.base_dir != NULL) {
		set_host_path(volume, user_data_path(volumes, spec, settings),
		    "DirectoryOrCreate");
	}
}

static void
add_extra(struct volumes *volumes, const struct extra_mount *mount,
    size_t index, const struct settings *settings)
{
	struct volume *volume = next(volumes);
	size_t base = 0;

	snprintf(volume->name, sizeof(volume->name), "extra-%zu", index);
	volume->mount_path = text(volumes, "%s", mount->container_path);
	volume->read_only = mount->read_only;
	if (settings->storage.userdata_claim == NULL) {
		set_host_path(volume, text(volumes, "%s", mount->host_path),
		    mount->read_only ? "Directory" : "DirectoryOrCreate");
		return;
	}
	/* mounts_check() saw to it that the path is below the base */
	(void)mounts_base(settings, &base);
	set_claim(volumes, volume, settings->storage.userdata_claim);
	volume->subpath = text(volumes, "deer-flow%s", mount->host_path + base);
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

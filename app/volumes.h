/*
 * The volumes of a sandbox and where they are mounted: skills, user data and
 * the request's extra mounts, each from a host path, a claim or an emptyDir as
 * the configuration says.
 */
#ifndef VOLUMES_H
#define VOLUMES_H

#include <stdbool.h>
#include <stddef.h>

struct json_object;
struct sandbox_spec;
struct settings;

#define VOLUMES_MAX 16 /* three of skills, user data, ten extra, and spare */

enum volume_source { VOLUME_EMPTY, VOLUME_HOST_PATH, VOLUME_CLAIM };

struct volume {
	char name[32];
	enum volume_source source;
	char *location;        /* host path or claim; owned, NULL for EMPTY */
	const char *host_type; /* of a host path: "Directory", ... */
	char *subpath;         /* inside a claim; owned, NULL = its root */
	char *mount_path;      /* in the container; owned */
	bool read_only;
	bool named_before; /* `name` is another volume's, of the same claim */
};

struct volumes {
	struct volume item[VOLUMES_MAX];
	size_t count;
	bool failed; /* out of memory */
};

/* false = out of memory. volumes_done() in every case. */
bool
volumes_plan(struct volumes *volumes, const struct sandbox_spec *spec,
    const struct settings *settings);

void
volumes_done(struct volumes *volumes);

/* `spec.volumes` of the pod and `volumeMounts` of its container. */
struct json_object *
volumes_json(const struct volumes *volumes);
struct json_object *
volumes_mounts_json(const struct volumes *volumes);

#endif

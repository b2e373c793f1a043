/*
 * Where things are mounted in a sandbox, and which extra mounts a request may
 * ask for.
 */
#ifndef MOUNTS_H
#define MOUNTS_H

#include "http.h"

#include <stddef.h>

struct reply;
struct sandbox_spec;
struct settings;

#define MOUNT_SKILLS        "/mnt/skills"
#define MOUNT_USER_DATA     "/mnt/user-data"
#define MOUNT_ACP_WORKSPACE "/mnt/acp-workspace"
#define MOUNT_LARK          "/mnt/integrations/lark-cli"
#define MOUNT_PATH_MAX      256 /* bytes of a path in the container */

/*
 * The directory of the node below which extra mounts lie: storage.base_dir, or
 * the parent of a storage.threads_host_path that ends in "/threads" and holds
 * no placeholder, as DeerFlow reads its two variables. `length` bytes of the
 * result count; NULL = none is configured.
 */
const char *
mounts_base(const struct settings *settings, size_t *length);

/* Checks all extra mounts of a request: HTTP_OK, or the 400's status. */
enum http_status
mounts_check(const struct sandbox_spec *spec, const struct settings *settings,
    struct reply *reply);

#endif

/*
 * The Pod and the Service of a sandbox, as JSON for the API server. Every
 * function returns a new object, or NULL when memory ran out.
 */
#ifndef MANIFEST_H
#define MANIFEST_H

struct json_object;
struct sandbox_spec;
struct settings;

/* Who asks: goes into annotations. */
struct manifest_origin {
	const char *request_id;
	const char *key_name; /* "" = none */
};

struct json_object *
manifest_pod(const struct sandbox_spec *spec, const struct settings *settings,
    const struct manifest_origin *origin);

/* `pod_uid` makes the Pod the Service's owner; NULL = no owner. */
struct json_object *
manifest_service(const struct sandbox_spec *spec,
    const struct settings *settings, const struct manifest_origin *origin,
    const char *pod_uid);

/*
 * A merge patch that makes a Pod the sandbox of this request: identity and
 * request id. It fails with a Conflict when the Pod is no longer at
 * `resource_version`.
 */
struct json_object *
manifest_claim(const struct sandbox_spec *spec,
    const struct manifest_origin *origin, const char *resource_version);

struct json_object *
manifest_namespace(const char *name);

#endif

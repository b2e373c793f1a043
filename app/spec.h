/*
 * What a POST asks for: the request body, parsed and validated field by field.
 */
#ifndef SPEC_H
#define SPEC_H

#include "http.h"

#include <stdbool.h>
#include <stddef.h>

struct json_object;
struct reply;
struct settings;

#define SANDBOX_ID_MAX         51 /* "sandbox-{id}-svc" must fit 63 characters */
#define IDENTITY_MAX           64 /* characters of a thread or user id */
#define EXTRA_MOUNTS_MAX       10
#define SHELL_SESSIONS_DEFAULT 10

struct extra_mount {
	const char *host_path;      /* absolute, canonical, on the node */
	const char *container_path; /* one of the allow-list */
	bool read_only;
};

/* Texts borrow from `document` or are literals. */
struct sandbox_spec {
	struct json_object *document; /* owned */
	const char *sandbox_id;
	const char *thread_id;
	const char *user_id;
	const char *skills_path; /* in the container */
	struct extra_mount mounts[EXTRA_MOUNTS_MAX];
	size_t mount_count;
	long long max_shell_sessions; /* 0 = not asked for */
};

/* "^[a-z0-9]([a-z0-9-]{0,49}[a-z0-9])?$" */
bool
sandbox_id_is_valid(const char *id);

/* The rule above in words, for messages. */
extern const char sandbox_id_rule[];

/* "^[A-Za-z0-9_-]{1,64}$": a thread or user id. */
bool
identity_is_valid(const char *id);
extern const char identity_rule[];

/*
 * Parses a body. HTTP_OK; else the status of the problem that was put into the
 * reply: 400 for what is not one JSON object and for extra mounts, 422 with all
 * fields that break their rule. spec_done() in every case.
 */
enum http_status
spec_parse(struct sandbox_spec *spec, const struct settings *settings,
    const char *body, size_t length, struct reply *reply);

void
spec_done(struct sandbox_spec *spec);

#endif

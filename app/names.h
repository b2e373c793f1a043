/*
 * Names in the cluster: what our objects are called and how they are marked.
 */
#ifndef NAMES_H
#define NAMES_H

#include "spec.h"

#define LABEL_APP        "app"
#define LABEL_APP_VALUE  "deer-flow-sandbox"
#define LABEL_SANDBOX_ID "sandbox-id"

/* Every object of ours, as a labelSelector in a query. */
#define SELECTOR_QUERY "labelSelector=app%3Ddeer-flow-sandbox,sandbox-id"

#define ANNOTATION(name)          "sandbox-provisioner/" name
#define ANNOTATION_USER_ID        ANNOTATION("user-id")
#define ANNOTATION_THREAD_ID      ANNOTATION("thread-id")
#define ANNOTATION_REQUEST_ID     ANNOTATION("request-id")
#define ANNOTATION_API_KEY_NAME   ANNOTATION("api-key-name")
#define ANNOTATION_LAST_ACTIVE_AT ANNOTATION("last-active-at")
#define ANNOTATION_EXPIRES_AT     ANNOTATION("expires-at")

#define CONTAINER_NAME     "sandbox"
#define PORT_NAME          "http"
#define ENV_SHELL_SESSIONS "MAX_SHELL_SESSIONS"

#define OBJECT_NAME_MAX 64 /* bytes, terminator included */

struct object_names {
	char pod[OBJECT_NAME_MAX];     /* sandbox-{id} */
	char service[OBJECT_NAME_MAX]; /* sandbox-{id}-svc */
};

/* `id` is a valid sandbox id. */
struct object_names
names_of(const char *id);

/* An RFC 3339 time in UTC, "2026-11-22T20:10:00Z". */
#define TIMESTAMP_MAX 32
void
timestamp_now(char text[TIMESTAMP_MAX]);

#endif

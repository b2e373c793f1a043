/*
 * A sandbox as clients see it, read from its Pod and its Service. A value of
 * fixed size without pointers.
 */
#ifndef SANDBOX_H
#define SANDBOX_H

#include "names.h"
#include "spec.h"

#include <stdbool.h>

struct json_object;
struct settings;

enum sandbox_status {
	SANDBOX_PENDING,
	SANDBOX_RUNNING,
	SANDBOX_SUCCEEDED,
	SANDBOX_FAILED,
	SANDBOX_UNKNOWN,
	SANDBOX_TERMINATING,
	SANDBOX_STATUS__MAX
};

#define SANDBOX_UID_MAX     64
#define SANDBOX_REASON_MAX  64
#define SANDBOX_MESSAGE_MAX 512

/* Where a sandbox is reached. */
struct sandbox_port {
	int port;      /* of the Service; 0 = none */
	int node_port; /* 0 = a ClusterIP Service */
};

/* Texts that are unknown are empty. */
struct sandbox {
	char id[SANDBOX_ID_MAX + 1];
	char thread_id[IDENTITY_MAX + 1];
	char user_id[IDENTITY_MAX + 1];
	char uid[SANDBOX_UID_MAX]; /* of the Pod */
	char created_at[TIMESTAMP_MAX];
	char last_active_at[TIMESTAMP_MAX];
	char expires_at[TIMESTAMP_MAX];
	enum sandbox_status status;
	bool ready;
	char reason[SANDBOX_REASON_MAX];
	char message[SANDBOX_MESSAGE_MAX];
	long long max_shell_sessions; /* 0 = the Pod does not say */
	struct sandbox_port port;     /* of its Service */
};

/* "Pending", "Running", ...: what `status` is in answers. */
const char *
sandbox_status_name(enum sandbox_status status);

/* What the Pod says; the port stays empty. */
void
sandbox_of_pod(struct sandbox *sandbox, struct json_object *pod);

/* What the Service says; false when it has no usable port. */
bool
sandbox_port_of(struct sandbox_port *port, struct json_object *service);

/* The answer's object; NULL = out of memory. */
struct json_object *
sandbox_json(const struct sandbox *sandbox, const struct settings *settings);

#endif

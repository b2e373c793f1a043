/*
 * One worker process: takes requests from its lane's socket, one at a time,
 * until it is told to leave.
 */
#ifndef WORKER_H
#define WORKER_H

#include <stdbool.h>

struct k8s_config;
struct settings;
struct shared;
struct worker_slot;

struct worker {
	const struct settings *settings;
	const struct k8s_config *cluster;
	struct shared *shared;
	struct worker_slot *slot;
	int socket;            /* listening */
	bool ensure_namespace; /* tries to make the namespace first */
};

/*
 * Runs in a process of its own; returns its exit code after SIGTERM, when the
 * request that it was serving has been answered.
 */
int
worker_run(const struct worker *worker);

#endif

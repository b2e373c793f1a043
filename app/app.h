/*
 * What a worker has at hand while it serves a request.
 */
#ifndef APP_H
#define APP_H

#include <time.h>

struct k8s_client;
struct settings;
struct shared;
struct worker_slot;

struct app {
	const struct settings *settings;
	struct k8s_client *k8s;
	struct shared *shared;    /* one for all processes */
	struct worker_slot *slot; /* of this worker, in `shared` */
	struct timespec deadline; /* of the request being served */
};

#endif

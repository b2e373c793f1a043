/*
 * Why a Pod is not ready, in the words of Kubernetes, so that nobody needs
 * kubectl to learn why it is stuck.
 */
#ifndef POD_STATUS_H
#define POD_STATUS_H

#include <stdbool.h>
#include <stddef.h>

struct json_object;

/* The Pod's Ready condition. */
bool
pod_is_ready(struct json_object *pod);

/*
 * The most telling reason there is, and its message: the pod's own (Evicted),
 * what a container waits for or died of, then the conditions (Unschedulable).
 * Both become empty when the Pod says nothing.
 */
void
pod_explain(struct json_object *pod, char *reason, size_t reason_size,
    char *message, size_t message_size);

#endif

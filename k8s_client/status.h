/* From an API server's metav1.Status to a fault. */
#ifndef K8S_STATUS_H
#define K8S_STATUS_H

#include "k8s.h"

/*
 * Fills *fault for an answer with HTTP code `http` (400 and above) from
 * `server`. `object` is the parsed body or NULL, `text` the body as it came.
 * What is no Status becomes a sentence that names the code.
 */
void
k8s_status_fault(struct k8s_fault *fault, int http, int retry_after_s,
    struct json_object *object, const char *text, const char *server);

bool
k8s_status_is(struct json_object *object);

#endif

/* Reading JSON: what k8s.h promises, and the variant for servers' answers. */
#ifndef K8S_JSON_H
#define K8S_JSON_H

#include "k8s.h"

#include <json-c/json.h>

#define K8S_JSON_DEPTH 64 /* enough for every Kubernetes object */

/*
 * As k8s_json_parse(), but "\u0000" in a string becomes U+FFFD: a container
 * may write NUL into its termination message, and one such pod must not make
 * the whole list unreadable.
 */
struct json_object *
k8s_json_parse_answer(const char *text, size_t length, struct k8s_error *error);

#endif

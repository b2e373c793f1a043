/*
 * YAML to JSON, for kubeconfigs; JSON itself is read as well. Not "yaml.h",
 * which is the name of libyaml's own header.
 */
#ifndef K8S_YAML_READ_H
#define K8S_YAML_READ_H

#include "k8s.h"

/*
 * Reads one document. Plain null and true/false (YAML 1.2 core schema) become
 * null and booleans; every other scalar stays text, numbers included: nothing
 * in a kubeconfig is a number, and a context may well be called "1". Refused:
 * duplicate keys, aliases, tags other than !!str, a second document, and more
 * than 32 levels. NULL with the line in *error.
 */
struct json_object *
k8s_yaml_parse(const char *text, size_t length, struct k8s_error *error);

#endif

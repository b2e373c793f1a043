/* Where an object lives in the API. */
#ifndef K8S_RESOURCE_H
#define K8S_RESOURCE_H

#include "k8s.h"

/*
 * The URL of `call` below `base`, for free(). NULL with *error when the call
 * is not complete: without a name a DELETE would hit the whole collection.
 */
char *
k8s_resource_url(
    const char *base, const struct k8s_call *call, struct k8s_error *error);

#endif

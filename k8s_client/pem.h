/* Certificates and keys as text. */
#ifndef K8S_PEM_H
#define K8S_PEM_H

#include "buffer.h"
#include "k8s.h"

/* false with *error unless `pem` holds something like PEM, without a password.
 */
bool
k8s_pem_check(const struct k8s_buffer *pem, const char *path, const char *what,
    struct k8s_error *error);

#endif

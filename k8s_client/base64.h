/* Base64 as kubeconfigs carry it: RFC 4648 section 4, line breaks allowed. */
#ifndef K8S_BASE64_H
#define K8S_BASE64_H

#include "buffer.h"

/*
 * Appends what `text` encodes to `out`. false when it is not base64, wrongly
 * padded, or more than `out` may hold.
 */
bool
k8s_base64_decode(const char *text, struct k8s_buffer *out);

#endif

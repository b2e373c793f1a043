/* Whole small files. */
#ifndef K8S_FILE_H
#define K8S_FILE_H

#include "buffer.h"
#include "k8s.h"

/*
 * Appends the regular file `path` to `out`, which has the ceiling. `what` is
 * what it should be, for the sentence: "kubeconfig", "token file".
 */
bool
k8s_file_read(const char *path, const char *what, struct k8s_buffer *out,
    struct k8s_error *error);

#endif

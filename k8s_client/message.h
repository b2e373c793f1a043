/* Sentences for operators: one line of valid UTF-8 that fits its buffer. */
#ifndef K8S_MESSAGE_H
#define K8S_MESSAGE_H

#include "k8s.h"

/*
 * Copies `text` to `dest` of `size` bytes: control characters become spaces,
 * broken UTF-8 becomes "?", what does not fit is cut between two characters.
 */
void
k8s_message_copy(char *dest, size_t size, const char *text, size_t length);

/* Both accept NULL for nobody wants to know. */
void
k8s_error_set(struct k8s_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Which option is to blame for what fails from here on. */
void
k8s_error_blame(struct k8s_error *error, const char *option);
/* Says so; always false, to be returned. */
bool
k8s_error_no_memory(struct k8s_error *error);
void
k8s_fault_set(struct k8s_fault *fault, enum k8s_fault_kind kind,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif

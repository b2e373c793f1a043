/* Bytes that grow up to a ceiling which nobody can forget to set. */
#ifndef K8S_BUFFER_H
#define K8S_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

struct k8s_buffer {
	char *data;      /* NUL after the last byte; NULL while empty */
	size_t length;   /* without that NUL */
	size_t capacity; /* bytes allocated */
	size_t max;      /* most bytes it may hold */
	bool secret;     /* wipe memory before it is given back */
	bool full;       /* an add was refused because of `max` */
};

/* An empty buffer; owns nothing until the first add. */
struct k8s_buffer
k8s_buffer_of(size_t max);
struct k8s_buffer
k8s_buffer_of_secret(size_t max);

/* false: over the ceiling (then `full`) or out of memory; nothing is added. */
bool
k8s_buffer_add(struct k8s_buffer *buffer, const char *bytes, size_t length);

/* Empties it and keeps the memory for the next use. */
void
k8s_buffer_clear(struct k8s_buffer *buffer);

void
k8s_buffer_done(struct k8s_buffer *buffer);

#endif

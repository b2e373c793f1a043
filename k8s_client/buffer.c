#include "buffer.h"

#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN 512

struct k8s_buffer
k8s_buffer_of(size_t max)
{
	return (struct k8s_buffer){ .max = max };
}

struct k8s_buffer
k8s_buffer_of_secret(size_t max)
{
	return (struct k8s_buffer){ .max = max, .secret = true };
}

/* realloc() leaves copies of secrets behind. */
static char *
buffer_resize(struct k8s_buffer *buffer, size_t capacity)
{
	if (!buffer->secret)
		return realloc(buffer->data, capacity);
	char *data = malloc(capacity);
	if (data == NULL)
		return NULL;
	if (buffer->data != NULL) {
		memcpy(data, buffer->data, buffer->length);
		explicit_bzero(buffer->data, buffer->capacity);
		free(buffer->data);
	}
	return data;
}

static bool
buffer_reserve(struct k8s_buffer *buffer, size_t needed)
{
	size_t capacity = buffer->capacity;

	if (needed <= capacity)
		return true;
	if (capacity < CAPACITY_MIN)
		capacity = CAPACITY_MIN;
	while (capacity < needed)
		capacity *= 2;
	if (capacity > buffer->max + 1 && needed <= buffer->max + 1)
		capacity = buffer->max + 1;
	char *data = buffer_resize(buffer, capacity);
	if (data == NULL)
		return false;
	buffer->data = data;
	buffer->capacity = capacity;
	return true;
}

bool
k8s_buffer_add(struct k8s_buffer *buffer, const char *bytes, size_t length)
{
	if (length > buffer->max - buffer->length) {
		buffer->full = true;
		return false;
	}
	if (!buffer_reserve(buffer, buffer->length + length + 1))
		return false;
	if (length > 0)
		memcpy(buffer->data + buffer->length, bytes, length);
	buffer->length += length;
	buffer->data[buffer->length] = '\0';
	return true;
}

void
k8s_buffer_clear(struct k8s_buffer *buffer)
{
	if (buffer->secret && buffer->data != NULL)
		explicit_bzero(buffer->data, buffer->capacity);
	buffer->length = 0;
	buffer->full = false;
}

void
k8s_buffer_done(struct k8s_buffer *buffer)
{
	if (buffer->secret && buffer->data != NULL)
		explicit_bzero(buffer->data, buffer->capacity);
	free(buffer->data);
	buffer->data = NULL;
	buffer->length = 0;
	buffer->capacity = 0;
	buffer->full = false;
}

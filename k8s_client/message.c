#include "message.h"

#include "utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The longest format is a sentence around one path and one message. */
#define DRAFT_MAX (4 * K8S_MESSAGE_MAX)

void
k8s_message_copy(char *dest, size_t size, const char *text, size_t length)
{
	size_t used = 0;
	size_t at = 0;

	while (at < length) {
		unsigned char byte = (unsigned char)text[at];
		size_t n = k8s_utf8_sequence(text + at, length - at);

		if (used + (n > 0 ? n : 1) >= size)
			break;
		if (n == 0)
			dest[used++] = '?';
		else if (byte < 0x20 || byte == 0x7f)
			dest[used++] = ' ';
		else {
			memcpy(dest + used, text + at, n);
			used += n;
		}
		at += n > 0 ? n : 1;
	}
	dest[used] = '\0';
}

void
k8s_error_set(struct k8s_error *error, const char *format, ...)
{
	char draft[DRAFT_MAX] = "";
	va_list values;

	if (error == NULL)
		return;
	va_start(values, format);
	(void)vsnprintf(draft, sizeof(draft), format, values);
	va_end(values);
	k8s_message_copy(error->message, K8S_MESSAGE_MAX, draft, strlen(draft));
}

void
k8s_error_blame(struct k8s_error *error, const char *option)
{
	if (error != NULL)
		error->option = option;
}

bool
k8s_error_no_memory(struct k8s_error *error)
{
	k8s_error_set(error, "out of memory");
	return false;
}

void
k8s_fault_set(
    struct k8s_fault *fault, enum k8s_fault_kind kind, const char *format, ...)
{
	char draft[DRAFT_MAX] = "";
	va_list values;

	fault->kind = kind;
	va_start(values, format);
	(void)vsnprintf(draft, sizeof(draft), format, values);
	va_end(values);
	k8s_message_copy(fault->message, K8S_MESSAGE_MAX, draft, strlen(draft));
}

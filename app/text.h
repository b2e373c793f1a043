/*
 * Copying text into fields of fixed size without ever cutting a UTF-8
 * character in two.
 */
#ifndef TEXT_H
#define TEXT_H

#include <stddef.h>

/* Copies as much of `text` as fits; NULL counts as empty. */
void
text_copy(char *field, size_t size, const char *text);

/* Removes an incomplete UTF-8 character at the end of a text that was cut. */
void
text_mend_end(char *text);

#define TEXT_COPY(field, text) text_copy(field, sizeof(field), text)

#endif

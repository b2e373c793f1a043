#include "text.h"

#include <stdio.h>
#include <string.h>

void
text_mend_end(char *text)
{
	size_t length = strlen(text);
	size_t start = length;

	/* back to the byte that begins the last character */
	while (start > 0 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
		start--;
	if (start == 0)
		return;

	unsigned char first = (unsigned char)text[start - 1];
	size_t wanted = first < 0x80    ? 1
			: first >= 0xf0 ? 4
			: first >= 0xe0 ? 3
					: 2;

	if (length - (start - 1) < wanted)
		text[start - 1] = '\0';
}

void
text_copy(char *field, size_t size, const char *text)
{
	snprintf(field, size, "%s", text == NULL ? "" : text);
	text_mend_end(field);
}

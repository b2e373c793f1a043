#include "template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct placeholder {
	const char *name;
	size_t offset;
} placeholders[] = {
	{ "{user_id}", offsetof(struct template_values, user_id) },
	{ "{thread_id}", offsetof(struct template_values, thread_id) },
	{ "{sandbox_id}", offsetof(struct template_values, sandbox_id) },
};

#define PLACEHOLDERS (sizeof(placeholders) / sizeof(placeholders[0]))

static const struct placeholder *
placeholder_find(const char *text)
{
	for (size_t i = 0; i < PLACEHOLDERS; i++)
		if (strncmp(text, placeholders[i].name,
			strlen(placeholders[i].name)) == 0)
			return &placeholders[i];
	return NULL;
}

bool
template_check(const char *text, const char **bad, int *length)
{
	for (const char *at = text + strcspn(text, "{}"); *at != '\0';
	     at += strcspn(at, "{}")) {
		const struct placeholder *known = placeholder_find(at);

		if (known == NULL) {
			size_t inside = strcspn(at, "}");

			*bad = at;
			*length = (int)(inside + (at[inside] == '}'));
			return false;
		}
		at += strlen(known->name);
	}
	return true;
}

char *
template_expand(const char *text, const struct template_values *values)
{
	char *expanded = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&expanded, &size);

	if (out == NULL)
		return NULL;
	while (*text != '\0') {
		const struct placeholder *known = placeholder_find(text);

		if (known == NULL) {
			putc(*text++, out);
			continue;
		}
		fputs(*(const char *const *)((const char *)values +
					     known->offset),
		    out);
		text += strlen(known->name);
	}

	bool failed = ferror(out) != 0;

	if (fclose(out) == 0 && !failed)
		return expanded;
	free(expanded);
	return NULL;
}

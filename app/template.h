/*
 * Paths with placeholders: {user_id}, {thread_id}, {sandbox_id}.
 */
#ifndef TEMPLATE_H
#define TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

/* The values; all three are valid names without a slash. */
struct template_values {
	const char *user_id, *thread_id, *sandbox_id;
};

/*
 * True when every brace in `text` belongs to a known placeholder. Otherwise
 * *bad points at the first brace that does not, *length bytes long.
 */
bool
template_check(const char *text, const char **bad, int *length);

/* The text with its placeholders filled in; malloc()ed, NULL = no memory. */
char *
template_expand(const char *text, const struct template_values *values);

#endif

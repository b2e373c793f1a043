#include "path.h"

#include <string.h>

bool
path_is_canonical(const char *path)
{
	if (path[0] != '/')
		return false;
	if (path[1] == '\0')
		return true;
	for (const char *at = path; *at != '\0';) {
		size_t length = strcspn(++at, "/"); /* behind the slash */

		if (length == 0 || (length == 1 && at[0] == '.') ||
		    (length == 2 && at[0] == '.' && at[1] == '.'))
			return false;
		at += length;
	}
	return true;
}

bool
path_is_within(const char *path, const char *base)
{
	size_t length = strcmp(base, "/") == 0 ? 0 : strlen(base);

	return strncmp(path, base, length) == 0 &&
	       (path[length] == '\0' || path[length] == '/');
}

bool
path_is_below(const char *path, const char *base)
{
	return path_is_within(path, base) && strcmp(path, base) != 0;
}

/* Moves both behind the components in which they agree. */
static void
match_components(const char **path, const char **pattern)
{
	while (**path == '/' && **pattern == '/') {
		size_t length = strcspn(*path + 1, "/");
		size_t wanted = strcspn(*pattern + 1, "/");

		if (memchr(*pattern + 1, '{', wanted) == NULL &&
		    (wanted != length ||
			memcmp(*path + 1, *pattern + 1, length) != 0))
			return;
		*path += 1 + length;
		*pattern += 1 + wanted;
	}
}

bool
path_is_within_pattern(const char *path, const char *pattern)
{
	match_components(&path, &pattern);
	return *pattern == '\0';
}

bool
path_is_above_pattern(const char *path, const char *pattern)
{
	match_components(&path, &pattern);
	return *path == '\0' && *pattern != '\0';
}

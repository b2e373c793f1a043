/*
 * Absolute POSIX paths as text; nothing here touches a file system.
 */
#ifndef PATH_H
#define PATH_H

#include <stdbool.h>

/* Absolute, no "//", ".", ".." or slash at the end; "/" itself is canonical. */
bool
path_is_canonical(const char *path);

/* Both canonical: `path` is `base` or lies below it. */
bool
path_is_within(const char *path, const char *base);

/* Both canonical: `path` lies below `base` and is not `base`. */
bool
path_is_below(const char *path, const char *base);

/*
 * The same as path_is_within(), but a component of `pattern` that holds a "{"
 * stands for any one component.
 */
bool
path_is_within_pattern(const char *path, const char *pattern);

/* `path` is a directory above one that `pattern` stands for. */
bool
path_is_above_pattern(const char *path, const char *pattern);

#endif

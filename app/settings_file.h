/*
 * The text of a configuration file, before libconfig sees it.
 */
#ifndef SETTINGS_FILE_H
#define SETTINGS_FILE_H

#include <stddef.h>

#define SETTINGS_FILE_MAX ((size_t)1024 * 1024) /* bytes */

/*
 * Reads a file whole; malloc()ed. NULL with a line in `why` when it cannot be
 * read, is no regular file, is too large, or holds a whole number that does not
 * fit into 32 bits: libconfig would keep what is left of it without a word.
 */
char *
settings_file_read(const char *file, char *why, size_t size);

#endif

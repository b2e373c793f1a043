#include "settings_file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Behind a text in quotes, whose first quote is at `text`. */
static const char *
skip_text(const char *text)
{
	for (text++; *text != '\0' && *text != '"'; text++)
		if (text[0] == '\\' && text[1] != '\0')
			text++;
	return *text == '"' ? text + 1 : text;
}

/* Behind a comment of any of the three kinds; `text` itself when it is none. */
static const char *
skip_comment(const char *text)
{
	if (strncmp(text, "/*", 2) == 0) {
		const char *end = strstr(text + 2, "*/");

		return end == NULL ? text + strlen(text) : end + 2;
	}
	if (*text == '#' || strncmp(text, "//", 2) == 0)
		return text + strcspn(text, "\n");
	return text;
}

/* `word` begins with a digit and ends before what belongs to no number. */
static bool
is_cut(const char *word)
{
	const bool hex =
	    word[0] == '0' && tolower((unsigned char)word[1]) == 'x';
	char *end;

	errno = 0;

	unsigned long long value = strtoull(word, &end, hex ? 16 : 10);

	if (*end == 'L' || *end == '.' || (!hex && tolower(*end) == 'e'))
		return false;
	return errno == ERANGE || value > (hex ? UINT32_MAX : INT32_MAX);
}

static unsigned
lines_between(const char *from, const char *to)
{
	unsigned lines = 0;

	for (; from < to; from++)
		lines += *from == '\n';
	return lines;
}

/* Behind the next word, text, comment or character. */
static const char *
skip_token(const char *at)
{
	const char *behind = skip_comment(at);

	if (behind != at)
		return behind;
	if (*at == '"')
		return skip_text(at);
	while (isalnum((unsigned char)*behind) || *behind == '_')
		behind++;
	return behind == at ? at + 1 : behind;
}

/* A number that would be cut, and the key that it stands behind. */
struct cut {
	unsigned line;
	const char *key;
	int key_length;
};

/* The first one; line 0 = none. */
static struct cut
find_cut(const char *text)
{
	struct cut cut = { 1, "", 0 };

	for (const char *at = text; *at != '\0';) {
		const char *behind = skip_token(at);

		if (isdigit((unsigned char)*at) && is_cut(at))
			return cut;
		if (isalpha((unsigned char)*at)) {
			cut.key = at;
			cut.key_length = (int)(behind - at);
		}
		cut.line += lines_between(at, behind);
		at = behind;
	}
	return (struct cut){ 0 };
}

/* The whole of an open regular file; NULL with errno. */
static char *
read_all(int fd)
{
	struct stat status;
	size_t length = 0;
	ssize_t got = 1;

	if (fstat(fd, &status) != 0)
		return NULL;
	if (!S_ISREG(status.st_mode)) {
		errno = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
		return NULL;
	}

	char *text = malloc(SETTINGS_FILE_MAX + 1);

	while (text != NULL && got > 0 && length <= SETTINGS_FILE_MAX) {
		got = read(fd, text + length, SETTINGS_FILE_MAX + 1 - length);
		length += got > 0 ? (size_t)got : 0;
	}
	if (text != NULL && got == 0 && length <= SETTINGS_FILE_MAX) {
		text[length] = '\0';
		return text;
	}
	if (text != NULL && got > 0)
		errno = EFBIG;
	free(text);
	return NULL;
}

char *
settings_file_read(const char *file, char *why, size_t size)
{
	/* a FIFO must not hold us up before it is refused */
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char *text = fd < 0 ? NULL : read_all(fd);

	if (text == NULL)
		snprintf(why, size, "%s: %s: name a configuration file", file,
		    strerror(errno));
	if (fd >= 0)
		close(fd);
	if (text == NULL)
		return NULL;

	const struct cut cut = find_cut(text);

	if (cut.line == 0)
		return text;
	snprintf(why, size, "%s:%u: %.*s: the number is out of range", file,
	    cut.line, cut.key_length < 64 ? cut.key_length : 64, cut.key);
	free(text);
	return NULL;
}

#include "nginx_keys.h"

#include "settings.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEYS_MAX     1000
#define KEY_MIN      16
#define KEY_MAX      128
#define NAME_MAX_LEN 64
#define LINE_BYTES   512
#define ALPHABET                                                               \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"

struct key {
	char name[NAME_MAX_LEN + 1];
	char text[KEY_MAX + 1];
};

struct keys {
	struct key *items;
	size_t count;
	char *why;
	size_t size;
};

__attribute__((format(printf, 2, 3))) static bool
refuse(struct keys *keys, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(keys->why, keys->size, format, arguments);
	va_end(arguments);
	return false;
}

/* `where` says where the key stands, never what it is. */
static bool
add(struct keys *keys, const char *where, const char *name, const char *text)
{
	size_t length = strlen(text);

	if (strlen(name) > NAME_MAX_LEN || name[strspn(name, ALPHABET)] != '\0')
		return refuse(keys,
		    "%s: a name has at most %d of A-Z, a-z, 0-9, \"_\", \"-\"",
		    where, NAME_MAX_LEN);
	if (length < KEY_MIN || length > KEY_MAX ||
	    text[strspn(text, ALPHABET)] != '\0')
		return refuse(keys,
		    "%s: a key has %d to %d of A-Z, a-z, 0-9, \"_\", \"-\"; "
		    "make one with: openssl rand -hex 32",
		    where, KEY_MIN, KEY_MAX);
	if (keys->count == KEYS_MAX)
		return refuse(keys, "%s: more than %d keys", where, KEYS_MAX);
	for (size_t i = 0; i < keys->count; i++) {
		if (strcmp(keys->items[i].text, text) == 0)
			return refuse(
			    keys, "%s: the same key stands there twice", where);
		if (strcmp(keys->items[i].name, name) == 0)
			/* with its columns swapped the name is the key */
			return refuse(
			    keys, "%s: its name stands there twice", where);
	}

	struct key *key = &keys->items[keys->count++];

	snprintf(key->name, sizeof(key->name), "%s", name);
	snprintf(key->text, sizeof(key->text), "%s", text);
	return true;
}

/* "name key", or a comment, or nothing. */
static bool
add_line(struct keys *keys, const char *file, unsigned number, char *line)
{
	char where[LINE_BYTES];
	char *rest;
	const char *name = strtok_r(line, " \t\r\n", &rest);
	const char *text = strtok_r(NULL, " \t\r\n", &rest);

	snprintf(where, sizeof(where), "%.400s:%u", file, number);
	if (name == NULL || name[0] == '#')
		return true;
	if (text == NULL || strtok_r(NULL, " \t\r\n", &rest) != NULL)
		return refuse(keys, "%s: a line is \"name key\"", where);
	return add(keys, where, name, text);
}

static bool
add_file(struct keys *keys, const char *file)
{
	char line[LINE_BYTES];
	struct stat status;
	FILE *in = fopen(file, "re");
	bool ok = true;

	if (in == NULL)
		return refuse(keys, "auth.key_file: cannot read %s: %s", file,
		    strerror(errno));
	if (fstat(fileno(in), &status) != 0 || !S_ISREG(status.st_mode))
		ok = refuse(keys, "auth.key_file: %s is not a file", file);
	else if ((status.st_mode & S_IROTH) != 0)
		ok = refuse(keys,
		    "auth.key_file: %s can be read by everybody: chmod o-r it",
		    file);
	for (unsigned number = 1; ok && fgets(line, sizeof(line), in) != NULL;
	     number++) {
		if (strlen(line) == sizeof(line) - 1)
			ok = refuse(
			    keys, "%s:%u: the line is too long", file, number);
		else
			ok = add_line(keys, file, number, line);
	}
	fclose(in);
	explicit_bzero(line, sizeof(line));
	return ok;
}

/* Beside the output, then renamed: nginx never sees half a file. */
static bool
write_rows(struct keys *keys, const char *output)
{
	char draft[4096];

	snprintf(draft, sizeof(draft), "%s.XXXXXX", output);

	int fd = mkostemp(draft, 0);
	FILE *out = fd < 0 ? NULL : fdopen(fd, "w");

	if (out == NULL)
		return refuse(keys, "cannot write beside %s: %s", output,
		    strerror(errno));
	fputs("# written by sandbox-provisioner --nginx-keys\n", out);
	for (size_t i = 0; i < keys->count; i++)
		fprintf(out, "\"~^%s$\" %s;\n", keys->items[i].text,
		    keys->items[i].name);

	bool ok = fchmod(fd, 0640) == 0 && ferror(out) == 0;

	ok = fclose(out) == 0 && ok && rename(draft, output) == 0;
	if (ok)
		return true;
	refuse(keys, "cannot write %s: %s", output, strerror(errno));
	unlink(draft);
	return false;
}

bool
nginx_keys_write(
    const struct settings *settings, const char *output, char *why, size_t size)
{
	struct keys keys = { calloc(KEYS_MAX, sizeof(struct key)), 0, why,
		size };
	const char *one = getenv("PROVISIONER_API_KEY");
	bool ok = keys.items != NULL || refuse(&keys, "out of memory");

	if (ok && one != NULL && *one != '\0')
		ok = add(&keys, "PROVISIONER_API_KEY", "default", one);
	if (ok && settings->auth.key_file != NULL)
		ok = add_file(&keys, settings->auth.key_file);
	ok = ok && write_rows(&keys, output);
	if (keys.items != NULL)
		explicit_bzero(keys.items, KEYS_MAX * sizeof(struct key));
	free(keys.items);
	return ok;
}

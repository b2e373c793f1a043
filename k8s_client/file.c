#include "file.h"

#include "message.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void
closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static bool
type_check(int fd, const char *path, const char *what, struct k8s_error *error)
{
	struct stat about;

	if (fstat(fd, &about) != 0)
		k8s_error_set(error, "cannot read %s %s: %s", what, path,
		    strerror(errno));
	else if (S_ISDIR(about.st_mode))
		k8s_error_set(error,
		    "%s is a directory, not a %s: name (or mount) the file "
		    "itself",
		    path, what);
	else if (!S_ISREG(about.st_mode))
		k8s_error_set(
		    error, "%s is not a regular file, so not a %s", path, what);
	else
		return true;
	return false;
}

bool
k8s_file_read(const char *path, const char *what, struct k8s_buffer *out,
    struct k8s_error *error)
{
	/* NONBLOCK: opening a FIFO must not wait for its writer. */
	K8S_CLEANUP(closep)
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char chunk[4096];
	bool added = true;
	ssize_t n;

	if (fd < 0) {
		k8s_error_set(error, "cannot read %s %s: %s", what, path,
		    strerror(errno));
		return false;
	}
	if (!type_check(fd, path, what, error))
		return false;
	while (added && (n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			k8s_error_set(error, "cannot read %s %s: %s", what,
			    path, strerror(errno));
			return false;
		}
		added = k8s_buffer_add(out, chunk, (size_t)n);
	}
	if (out->secret)
		explicit_bzero(chunk, sizeof(chunk));
	if (!added && out->full)
		k8s_error_set(error, "%s %s is larger than %zu bytes", what,
		    path, out->max);
	else if (!added)
		k8s_error_set(error, "out of memory");
	return added;
}

#include "listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_MODE 0660

bool
listen_is_inherited(void)
{
	int listening = 0;
	socklen_t size = sizeof(listening);

	return getsockopt(STDIN_FILENO, SOL_SOCKET, SO_ACCEPTCONN, &listening,
		   &size) == 0 &&
	       listening != 0;
}

/* The group of the socket on fd 0; (gid_t)-1 when it has no path. */
static gid_t
inherited_group(void)
{
	struct sockaddr_un address = { 0 };
	socklen_t size = sizeof(address);
	struct stat status;

	if (getsockname(STDIN_FILENO, (struct sockaddr *)&address, &size) !=
		0 ||
	    address.sun_family != AF_UNIX || address.sun_path[0] == '\0' ||
	    stat(address.sun_path, &status) != 0)
		return (gid_t)-1;
	return status.st_gid;
}

/* Removes a socket that a dead program left; false when one is alive. */
static bool
clear_path(int fd, const struct sockaddr_un *address)
{
	struct stat status;

	if (lstat(address->sun_path, &status) != 0)
		return errno == ENOENT;
	if (!S_ISSOCK(status.st_mode)) {
		errno = EEXIST;
		return false;
	}
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) !=
		0 &&
	    errno == ECONNREFUSED)
		return unlink(address->sun_path) == 0;
	/* connected, or its queue is full, or it is of another kind */
	errno = EADDRINUSE;
	return false;
}

/* Gives the socket to the group of fd 0's; to whom it stays is the umask's. */
static bool
share(const char *path)
{
	gid_t group = inherited_group();

	if (group != (gid_t)-1 && group != getegid() &&
	    chown(path, (uid_t)-1, group) != 0)
		return false;
	return chmod(path, SOCKET_MODE) == 0;
}

int
listen_open(const char *path, int backlog, char *why, size_t size)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int probe =
	    socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok = false;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd >= 0 && probe >= 0 && clear_path(probe, &address)) {
		mode_t former = umask(0177);

		ok =
		    bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
		umask(former);
		ok = ok && share(path) && listen(fd, backlog) == 0;
	}
	if (!ok)
		snprintf(why, size, "cannot listen on %s: %s", path,
		    strerror(errno));
	if (probe >= 0)
		close(probe);
	if (ok)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

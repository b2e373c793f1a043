/*
 * Listening sockets: the one that spawn-fcgi or systemd hands over as fd 0, and
 * those that the master opens itself.
 */
#ifndef LISTEN_H
#define LISTEN_H

#include <stdbool.h>
#include <stddef.h>

/* fd 0 is a listening socket: the convention of FastCGI. */
bool
listen_is_inherited(void);

/*
 * Opens a unix socket at `path`, mode 0660, with the group of the socket on
 * fd 0, so that whoever may connect to the one may connect to the other. A
 * socket that nobody listens on is replaced. -1 with a sentence in `why`.
 */
int
listen_open(const char *path, int backlog, char *why, size_t size);

#endif

/* Sockets that the master opens itself. */
#include "app_fixture.h"

#include "listen.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#define BACKLOG    8
#define PATIENCE_S 3 /* for what must not wait at all */

static struct sockaddr_un
address_of(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	assert_in_range(strlen(path), 1, sizeof(address.sun_path) - 1);
	strcpy(address.sun_path, path);
	return address;
}

/* A socket that is bound to `path` and listens unless backlog is negative. */
static int
bound(const char *path, int type, int backlog)
{
	const struct sockaddr_un address = address_of(path);
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	assert_int_equal(
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	if (backlog >= 0)
		assert_int_equal(listen(fd, backlog), 0);
	return fd;
}

static bool
can_connect(const char *path)
{
	const struct sockaddr_un address = address_of(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool connected = connect(fd, (const struct sockaddr *)&address,
			     sizeof(address)) == 0;

	close(fd);
	return connected;
}

static int
open_socket(const char *path, char *why, size_t size)
{
	why[0] = '\0';

	int fd = listen_open(path, BACKLOG, why, size);

	assert_int_equal(fd < 0, why[0] != '\0');
	return fd;
}

static void
a_new_socket_listens_with_mode_0660(void **state)
{
	char path[FIXTURE_PATH_MAX];
	char why[256];
	struct stat status;
	mode_t former = umask(0);
	int fd =
	    open_socket(fixture_path(state, "socket", path), why, sizeof(why));
	int listening = 0;
	socklen_t size = sizeof(listening);

	if (fd < 0)
		fail_msg("%s", why);
	assert_int_equal(umask(former), 0); /* as it was before */
	assert_int_equal(stat(path, &status), 0);
	assert_true(S_ISSOCK(status.st_mode));
	assert_int_equal(status.st_mode & 07777, 0660);
	assert_int_equal(
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size), 0);
	assert_int_equal(listening, 1);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_true(can_connect(path));
	close(fd);
	assert_int_equal(unlink(path), 0);
}

static void
a_socket_of_a_dead_program_is_replaced(void **state)
{
	char path[FIXTURE_PATH_MAX];
	char why[256];

	fixture_path(state, "socket", path);
	close(bound(path, SOCK_STREAM, BACKLOG));
	assert_false(can_connect(path));

	int fd = open_socket(path, why, sizeof(why));

	if (fd < 0)
		fail_msg("%s", why);
	assert_true(can_connect(path));
	close(fd);
	assert_int_equal(unlink(path), 0);
}

static void
a_socket_that_somebody_listens_on_is_refused(void **state)
{
	char path[FIXTURE_PATH_MAX];
	char why[256];
	int owner;

	owner =
	    bound(fixture_path(state, "socket", path), SOCK_STREAM, BACKLOG);
	assert_int_equal(open_socket(path, why, sizeof(why)), -1);
	assert_non_null(strstr(why, path));
	assert_non_null(strstr(why, strerror(EADDRINUSE)));
	assert_true(can_connect(path));
	close(owner);
	assert_int_equal(unlink(path), 0);
}

/* Connecting to it fails, and not because nobody is there. */
static void
a_socket_of_another_kind_is_refused(void **state)
{
	char path[FIXTURE_PATH_MAX];
	char why[256];
	struct stat former, status;
	int owner;

	owner = bound(fixture_path(state, "socket", path), SOCK_DGRAM, -1);
	assert_int_equal(stat(path, &former), 0);

	int fd = open_socket(path, why, sizeof(why));

	assert_int_equal(stat(path, &status), 0);
	if (fd >= 0)
		close(fd);
	close(owner);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(fd, -1);
	assert_int_equal(status.st_ino, former.st_ino);
}

/* Fills the queue of a listener that never accepts; the number of fds. */
static size_t
fill_queue(const char *path, int *fds, size_t max)
{
	const struct sockaddr_un address = address_of(path);
	size_t count = 0;

	while (count < max) {
		int fd = socket(
		    AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

		fds[count++] = fd;
		if (connect(fd, (const struct sockaddr *)&address,
			sizeof(address)) != 0)
			break;
	}
	return count;
}

/* A live program under load: connecting would wait until it accepts. */
static void
a_busy_socket_is_refused_at_once(void **state)
{
	char path[FIXTURE_PATH_MAX];
	int fds[8];
	int owner, status = 0;

	owner = bound(fixture_path(state, "socket", path), SOCK_STREAM, 1);

	size_t count = fill_queue(path, fds, COUNT_OF(fds));
	pid_t child = fork();

	if (child == 0) {
		char why[256];

		alarm(PATIENCE_S);
		_exit(
		    listen_open(path, BACKLOG, why, sizeof(why)) == -1 ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	for (size_t i = 0; i < count; i++)
		close(fds[i]);
	close(owner);
	assert_int_equal(unlink(path), 0);
	if (WIFSIGNALED(status))
		fail_msg("it waited more than %d s", PATIENCE_S);
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void
what_is_no_socket_is_refused(void **state)
{
	char path[FIXTURE_PATH_MAX];
	char why[256];

	fixture_write(fixture_path(state, "file", path), "kept", 0600);
	assert_int_equal(open_socket(path, why, sizeof(why)), -1);
	assert_non_null(strstr(why, path));
	assert_non_null(strstr(why, strerror(EEXIST)));

	char *text = fixture_read(path);

	assert_string_equal(text, "kept");
	free(text);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(open_socket(*state, why, sizeof(why)), -1);
	assert_non_null(strstr(why, strerror(EEXIST)));
}

static void
a_symbolic_link_is_not_followed(void **state)
{
	char path[FIXTURE_PATH_MAX];
	char link[FIXTURE_PATH_MAX];
	char why[256];

	fixture_path(state, "socket", path);
	fixture_path(state, "link", link);
	close(bound(path, SOCK_STREAM, BACKLOG));
	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(open_socket(link, why, sizeof(why)), -1);
	assert_int_equal(unlink(link), 0);
	assert_int_equal(unlink(path), 0); /* still there */
}

static void
a_directory_that_is_missing_is_told(void **state)
{
	char path[FIXTURE_PATH_MAX];
	char why[256];

	fixture_path(state, "none/socket", path);
	assert_int_equal(open_socket(path, why, sizeof(why)), -1);
	assert_non_null(strstr(why, path));
	assert_non_null(strstr(why, strerror(ENOENT)));
}

/* Runs with `fd` as fd 0; the tests' own fd 0 comes back. */
static bool
is_inherited_as(int fd)
{
	int former = dup(STDIN_FILENO);

	assert_true(former >= 0);
	assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);

	bool inherited = listen_is_inherited();

	dup2(former, STDIN_FILENO);
	close(former);
	return inherited;
}

static void
only_a_listening_socket_is_inherited(void **state)
{
	char path[FIXTURE_PATH_MAX];
	int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int silent = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int listener;

	listener =
	    bound(fixture_path(state, "socket", path), SOCK_STREAM, BACKLOG);
	assert_true(is_inherited_as(listener));
	assert_false(is_inherited_as(silent));
	assert_false(is_inherited_as(file));
	close(file);
	close(silent);
	close(listener);
	assert_int_equal(unlink(path), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_socket_listens_with_mode_0660),
		cmocka_unit_test(a_socket_of_a_dead_program_is_replaced),
		cmocka_unit_test(a_socket_that_somebody_listens_on_is_refused),
		cmocka_unit_test(a_socket_of_another_kind_is_refused),
		cmocka_unit_test(a_busy_socket_is_refused_at_once),
		cmocka_unit_test(what_is_no_socket_is_refused),
		cmocka_unit_test(a_symbolic_link_is_not_followed),
		cmocka_unit_test(a_directory_that_is_missing_is_told),
		cmocka_unit_test(only_a_listening_socket_is_inherited),
	};

	return cmocka_run_group_tests(
	    tests, fixture_directory_make, fixture_directory_remove);
}

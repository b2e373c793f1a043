/*
 * A plain HTTP server on loopback that does what a list says, one entry a
 * request in order of arrival, and remembers what it was asked. What it does
 * after the end of the list is answer 599, which no test expects.
 */
#ifndef SCRIPTED_SERVER_H
#define SCRIPTED_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SCRIPT_MAX  16 /* requests */
#define REQUEST_MAX 8192
#define MEET_MS     3000 /* how long one request waits for the other */

enum scripted_act {
	ANSWER,     /* status line, headers and body; keeps the connection */
	ANSWER_END, /* the same, then closes it */
	CUT,        /* announces more than the body has, then closes */
	HANG_UP,    /* closes without a word */
	SILENCE,    /* says nothing until the peer or the test gives up */
	ENDLESS,    /* a body without an end */
	MEET,       /* as ANSWER, once two requests are here; else 599 */
};

struct scripted_step {
	enum scripted_act act;
	int code;
	const char *headers; /* each with \r\n, or NULL */
	const char *body;
};

struct scripted_request {
	int connection;
	double at_s; /* CLOCK_MONOTONIC */
	char text[REQUEST_MAX];
};

struct scripted_server {
	const struct scripted_step *steps;
	size_t steps_n;
	int port;
	/* under the lock */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool stopping;
	int requests_n;
	int meeting;
	struct scripted_request requests[SCRIPT_MAX];
	/* the listener's */
	int listener;
	pthread_t thread;
	int connections_n;
	struct scripted_connection {
		struct scripted_server *server;
		int fd;
		int number;
		pthread_t thread;
	} connections[SCRIPT_MAX];
};

static inline void
scripted_say(int fd, const char *text, size_t length)
{
	while (length > 0) {
		ssize_t n = send(fd, text, length, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		text += n;
		length -= (size_t)n;
	}
}

static inline void
scripted_answer(int fd, const struct scripted_step *step, size_t announced)
{
	char head[1024];
	int n = snprintf(head, sizeof(head),
	    "HTTP/1.1 %d X\r\nContent-Type: application/json\r\n"
	    "Content-Length: %zu\r\n%s\r\n",
	    step->code, announced, step->headers ? step->headers : "");

	scripted_say(fd, head, (size_t)n);
	scripted_say(fd, step->body, strlen(step->body));
}

/* Reads head and body of one request; false at the end of the connection. */
static inline bool
scripted_read(int fd, char text[REQUEST_MAX])
{
	size_t used = 0;

	for (;;) {
		ssize_t n = recv(fd, text + used, REQUEST_MAX - 1 - used, 0);
		size_t length = 0;

		if (n <= 0)
			return false;
		used += (size_t)n;
		text[used] = '\0';
		const char *end = strstr(text, "\r\n\r\n");
		if (end == NULL)
			continue;
		const char *header = strcasestr(text, "content-length: ");
		if (header != NULL && header < end)
			sscanf(header + 16, "%zu", &length);
		if (used >= (size_t)(end + 4 - text) + length)
			return true;
	}
}

static inline void
scripted_endless(struct scripted_connection *connection)
{
	static const char head[] =
	    "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "c\r\n{\"endless\":\"\r\n";
	static const char chunk[] = "10\r\nxxxxxxxxxxxxxxxx\r\n";
	int fd = connection->fd;

	scripted_say(fd, head, strlen(head));
	while (send(fd, chunk, strlen(chunk), MSG_NOSIGNAL) > 0)
		;
}

static inline bool
scripted_meet(struct scripted_server *server)
{
	struct timespec until;
	int failed = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += MEET_MS / 1000;
	pthread_mutex_lock(&server->lock);
	server->meeting++;
	pthread_cond_broadcast(&server->changed);
	while (server->meeting < 2 && failed == 0)
		failed = pthread_cond_timedwait(
		    &server->changed, &server->lock, &until);
	bool met = server->meeting >= 2;
	pthread_mutex_unlock(&server->lock);
	return met;
}

/* false: the connection ends with this request. */
static inline bool
scripted_act(
    struct scripted_connection *connection, const struct scripted_step *step)
{
	static const struct scripted_step lost = { .code = 599, .body = "" };
	int fd = connection->fd;
	char byte;

	switch (step->act) {
	case MEET:
		if (!scripted_meet(connection->server))
			step = &lost;
		scripted_answer(fd, step, strlen(step->body));
		return true;
	case ANSWER:
	case ANSWER_END:
		scripted_answer(fd, step, strlen(step->body));
		return step->act == ANSWER;
	case CUT:
		scripted_answer(fd, step, strlen(step->body) + 10);
		return false;
	case SILENCE:
		recv(fd, &byte, 1, 0);
		return false;
	case ENDLESS:
		scripted_endless(connection);
		return false;
	case HANG_UP:
		return false;
	}
	return false;
}

static inline void *
scripted_serve(void *data)
{
	struct scripted_connection *connection = data;
	struct scripted_server *server = connection->server;
	static const struct scripted_step none = { ANSWER, 599, NULL, "" };
	char text[REQUEST_MAX];
	bool goes_on = true;

	while (goes_on && scripted_read(connection->fd, text)) {
		const struct scripted_step *step = &none;
		struct timespec now;

		clock_gettime(CLOCK_MONOTONIC, &now);
		pthread_mutex_lock(&server->lock);
		int n = server->requests_n++;
		if ((size_t)n < server->steps_n)
			step = &server->steps[n];
		if (n < SCRIPT_MAX) {
			struct scripted_request *request = &server->requests[n];

			request->connection = connection->number;
			request->at_s =
			    (double)now.tv_sec + (double)now.tv_nsec / 1e9;
			memcpy(request->text, text, sizeof(text));
		}
		pthread_mutex_unlock(&server->lock);
		goes_on = scripted_act(connection, step);
	}
	shutdown(connection->fd, SHUT_RDWR);
	return NULL;
}

static inline void *
scripted_listen(void *data)
{
	struct scripted_server *server = data;
	int fd;

	while ((fd = accept(server->listener, NULL, NULL)) >= 0) {
		struct scripted_connection *connection =
		    &server->connections[server->connections_n];

		if (server->connections_n == SCRIPT_MAX) {
			close(fd);
			continue;
		}
		connection->server = server;
		connection->fd = fd;
		connection->number = server->connections_n++;
		if (pthread_create(&connection->thread, NULL, scripted_serve,
			connection) != 0)
			break;
	}
	return NULL;
}

static inline bool
scripted_start(struct scripted_server *server,
    const struct scripted_step *steps, size_t steps_n)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t length = sizeof(at);

	memset(server, 0, sizeof(*server));
	server->steps = steps;
	server->steps_n = steps_n;
	pthread_mutex_init(&server->lock, NULL);
	pthread_cond_init(&server->changed, NULL);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(server->listener, (struct sockaddr *)&at, sizeof(at)) != 0 ||
	    listen(server->listener, SCRIPT_MAX) != 0 ||
	    getsockname(server->listener, (struct sockaddr *)&at, &length) != 0)
		return false;
	server->port = ntohs(at.sin_port);
	return pthread_create(&server->thread, NULL, scripted_listen, server) ==
	       0;
}

static inline void
scripted_stop(struct scripted_server *server)
{
	shutdown(server->listener, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	close(server->listener);
	for (int i = 0; i < server->connections_n; i++) {
		shutdown(server->connections[i].fd, SHUT_RDWR);
		pthread_join(server->connections[i].thread, NULL);
		close(server->connections[i].fd);
	}
	pthread_cond_destroy(&server->changed);
	pthread_mutex_destroy(&server->lock);
}

#endif

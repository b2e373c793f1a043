#include "pool.h"

#include "clock.h"
#include "k8s.h"
#include "listen.h"
#include "log.h"
#include "settings.h"
#include "shared.h"
#include "worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define TICK_MS          200  /* how long the master sleeps at most */
#define CRASH_MS         1000 /* a worker that lived shorter crashes */
#define BACKOFF_FIRST_MS 100
#define BACKOFF_LAST_MS  4000
#define DRAIN_MS         28000 /* then those that still work are killed */

#define SOCKET_PATH_MAX 108 /* of sockaddr_un; the setting is checked */

/* Requests of one kind: a socket and the workers that listen on it. */
struct lane {
	const char *name;
	char path[SOCKET_PATH_MAX]; /* if the master opened it, else "" */
	int socket;
	int workers;
};

enum { LANE_READ, LANE_WRITE, LANE_PROBE, LANES };

/* The master's own notes on one worker. */
struct member {
	pid_t pid; /* 0 = not running */
	int64_t born_us;
	struct timespec due; /* when it may be started again */
	long backoff_ms;
	bool told_to_leave;
};

struct pool {
	struct generation *generation;
	struct lane lanes[LANES];
	struct shared *shared;
	struct member *members; /* one for each slot of `shared` */
	size_t count;
	pid_t master;
	bool draining;
};

void
generation_done(struct generation *generation)
{
	generation->settings = settings_free(generation->settings);
	generation->cluster = k8s_config_free(generation->cluster);
}

static bool
open_lane(struct lane *lane, const char *name, const char *path, int workers,
    int backlog)
{
	char why[256];

	*lane = (struct lane){
		.name = name, .socket = STDIN_FILENO, .workers = workers
	};
	if (path == NULL)
		return true;
	lane->socket = listen_open(path, backlog, why, sizeof(why));
	if (lane->socket >= 0) {
		/* a copy: a reload frees the settings */
		snprintf(lane->path, sizeof(lane->path), "%s", path);
		return true;
	}
	log_error("server.%s_socket: %s", name, why);
	return false;
}

/* Closes and removes what open_lane() made. */
static void
close_lanes(struct pool *pool)
{
	for (size_t i = 0; i < LANES; i++) {
		if (pool->lanes[i].path[0] == '\0')
			continue;
		/* in this order: a closed one would be taken for a dead one's,
		 * and be replaced by a successor before it is removed */
		unlink(pool->lanes[i].path);
		close(pool->lanes[i].socket);
	}
}

static bool
pool_init(struct pool *pool)
{
	const struct settings *settings = pool->generation->settings;
	const int backlog = settings->server.backlog;

	if (!open_lane(&pool->lanes[LANE_READ], "read", NULL,
		settings->server.readers, backlog) ||
	    !open_lane(&pool->lanes[LANE_WRITE], "write",
		settings->server.write_socket, settings->server.writers,
		backlog) ||
	    !open_lane(&pool->lanes[LANE_PROBE], "probe",
		settings->server.probe_socket, settings->server.probers,
		backlog))
		return false;
	for (size_t i = 0; i < LANES; i++)
		pool->count += (size_t)pool->lanes[i].workers;
	pool->members = calloc(pool->count, sizeof(*pool->members));
	pool->shared = shared_new(pool->count);
	if (pool->members == NULL || pool->shared == NULL) {
		log_error("master: %s", strerror(errno));
		return false;
	}
	return true;
}

/* The members of the lanes follow each other in the lanes' order. */
static const struct lane *
lane_of(const struct pool *pool, size_t index)
{
	size_t lane = 0;

	while (lane < LANES - 1 && index >= (size_t)pool->lanes[lane].workers)
		index -= (size_t)pool->lanes[lane++].workers;
	return &pool->lanes[lane];
}

/* In the child: serves until told to leave, and leaves with its master. */
static int
be_worker(const struct pool *pool, size_t index)
{
	const struct lane *lane = lane_of(pool, index);
	const struct settings *settings = pool->generation->settings;
	const size_t first_writer = (size_t)pool->lanes[LANE_READ].workers;
	const struct worker worker = {
		.settings = settings,
		.cluster = pool->generation->cluster,
		.shared = pool->shared,
		.slot = &pool->shared->slots[index],
		.socket = lane->socket,
		.ensure_namespace = index == first_writer &&
				    settings->kubernetes.create_namespace,
	};
	char name[16];

	snprintf(name, sizeof(name), "sandbox-%s", lane->name);
	prctl(PR_SET_NAME, name);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != pool->master)
		return EXIT_SUCCESS;
	return worker_run(&worker);
}

/* true in the child. */
static bool
spawn(struct pool *pool, size_t index)
{
	struct member *member = &pool->members[index];
	pid_t pid = fork();

	if (pid == 0)
		return true;
	member->born_us = clock_us();
	member->told_to_leave = false;
	if (pid < 0) {
		log_error("master: cannot fork: %s", strerror(errno));
		member->due = k8s_deadline_in(BACKOFF_LAST_MS);
		return false;
	}
	member->pid = pid;
	return false;
}

static bool
is_running(const struct pool *pool, size_t index)
{
	return pool->members[index].pid != 0;
}

/* Starts what is due; the index of the worker in its process, else -1. */
static long
spawn_due(struct pool *pool)
{
	for (size_t i = 0; i < pool->count; i++)
		if (!is_running(pool, i) &&
		    k8s_deadline_left_ms(&pool->members[i].due) == 0 &&
		    spawn(pool, i))
			return (long)i;
	return -1;
}

/* Says how a worker ended and when the next one comes. */
static void
bury(struct pool *pool, size_t index, int status)
{
	struct member *member = &pool->members[index];
	struct worker_slot *slot = &pool->shared->slots[index];
	const pid_t pid = member->pid;

	atomic_store(&slot->waiting, false);
	member->pid = 0;
	if (member->told_to_leave || pool->draining) {
		member->due = k8s_deadline_in(0);
		member->backoff_ms = 0;
		return;
	}
	if (clock_us() - member->born_us >= CRASH_MS * INT64_C(1000))
		member->backoff_ms = 0;
	else if (member->backoff_ms == 0)
		member->backoff_ms = BACKOFF_FIRST_MS;
	else if (member->backoff_ms < BACKOFF_LAST_MS)
		member->backoff_ms *= 2;
	member->due = k8s_deadline_in(member->backoff_ms);
	if (WIFSIGNALED(status))
		log_error("master: %s worker %d was killed by signal %d (%s); "
			  "a new one starts in %ld ms",
		    lane_of(pool, index)->name, (int)pid, WTERMSIG(status),
		    strsignal(WTERMSIG(status)), member->backoff_ms);
	else
		log_error("master: %s worker %d ended with code %d; a new one "
			  "starts in %ld ms",
		    lane_of(pool, index)->name, (int)pid, WEXITSTATUS(status),
		    member->backoff_ms);
}

static void
reap(struct pool *pool)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (size_t i = 0; i < pool->count; i++)
			if (pool->members[i].pid == pid)
				bury(pool, i, status);
}

static void
signal_all(struct pool *pool, int signal)
{
	for (size_t i = 0; i < pool->count; i++) {
		if (!is_running(pool, i))
			continue;
		pool->members[i].told_to_leave = true;
		kill(pool->members[i].pid, signal);
	}
}

/* SIGTERM may fall between a worker's check and its accept(): repeat it. */
static void
remind(struct pool *pool)
{
	for (size_t i = 0; i < pool->count; i++)
		if (is_running(pool, i) && pool->members[i].told_to_leave)
			kill(pool->members[i].pid, SIGTERM);
}

static bool
any_running(const struct pool *pool)
{
	for (size_t i = 0; i < pool->count; i++)
		if (is_running(pool, i))
			return true;
	return false;
}

/* New workers get the new configuration; the old ones finish and leave. */
static void
reload(struct pool *pool, generation_loader *load, void *data)
{
	struct generation fresh = { 0 };

	if (!load(&fresh, data)) {
		log_error("master: reload refused, the old configuration "
			  "stays in force");
		generation_done(&fresh);
		return;
	}
	generation_done(pool->generation);
	*pool->generation = fresh;
	signal_all(pool, SIGTERM);
	log_info("master: configuration reloaded; sockets and numbers of "
		 "workers change with a restart only");
}

static void
wait_for_end(struct pool *pool, const sigset_t *signals)
{
	const struct timespec tick = { 0, TICK_MS * 1000000L };
	const struct timespec deadline = k8s_deadline_in(DRAIN_MS);

	pool->draining = true;
	signal_all(pool, SIGTERM);
	for (;;) {
		reap(pool);
		if (!any_running(pool))
			return;
		if (k8s_deadline_left_ms(&deadline) == 0)
			break;
		(void)sigtimedwait(signals, NULL, &tick);
		remind(pool);
	}
	log_error("master: killing the workers that have not left in time");
	signal_all(pool, SIGKILL);
	while (any_running(pool)) {
		reap(pool);
		(void)sigtimedwait(signals, NULL, &tick);
	}
}

/* The index of a worker when this is one, else -1 after SIGTERM. */
static long
supervise(struct pool *pool, generation_loader *load, void *data)
{
	const struct timespec tick = { 0, TICK_MS * 1000000L };
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	for (;;) {
		long child = spawn_due(pool);

		if (child >= 0)
			return child;
		switch (sigtimedwait(&signals, NULL, &tick)) {
		case SIGTERM:
		case SIGINT:
			wait_for_end(pool, &signals);
			return -1;
		case SIGHUP:
			reload(pool, load, data);
			break;
		default: /* SIGCHLD, or the tick */
			break;
		}
		reap(pool);
		remind(pool);
	}
}

int
pool_run(struct generation *generation, generation_loader *load, void *data)
{
	struct pool pool = { .generation = generation, .master = getpid() };
	int code = EXIT_FAILURE;
	long child = -1;

	if (pool_init(&pool)) {
		log_info("master: sandbox-provisioner " VERSION
			 " serves namespace \"%s\" of %s (%s) with %zu workers",
		    generation->settings->kubernetes.namespace_name,
		    k8s_config_server(generation->cluster),
		    k8s_config_source(generation->cluster), pool.count);
		child = supervise(&pool, load, data);
		code =
		    child < 0 ? EXIT_SUCCESS : be_worker(&pool, (size_t)child);
	}
	if (child < 0)
		close_lanes(&pool);
	shared_free(pool.shared);
	free(pool.members);
	return code;
}

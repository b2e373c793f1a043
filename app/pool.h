/*
 * The master: forks the workers, replaces those that die, drains on SIGTERM,
 * reloads on SIGHUP. It serves no request and calls no API server.
 */
#ifndef POOL_H
#define POOL_H

struct settings;
struct k8s_config;

/* What workers are born with; a reload replaces it. */
struct generation {
	struct settings *settings;
	struct k8s_config *cluster;
};

/*
 * Loads a generation; false with every complaint logged. Called at start and
 * on SIGHUP.
 */
typedef _Bool
generation_loader(struct generation *generation, void *data);

/*
 * Runs until SIGTERM or SIGINT; owns *generation from then on. Returns the exit
 * code of the program, in the master; in a worker that of the worker.
 */
int
pool_run(struct generation *generation, generation_loader *reload, void *data);

void
generation_done(struct generation *generation);

#endif

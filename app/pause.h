/*
 * Waiting for the cluster to change: short at first, then longer, never beyond
 * a deadline.
 */
#ifndef PAUSE_H
#define PAUSE_H

#include <stdbool.h>
#include <time.h>

#define PAUSE_FIRST_MS 20
#define PAUSE_LAST_MS  400

/* Zero it, then call pause_until() between two looks. */
struct pause {
	long next_ms;
};

/* Sleeps a little; false, without sleeping, when `deadline` has passed. */
bool
pause_until(struct pause *pause, const struct timespec *deadline);

#endif

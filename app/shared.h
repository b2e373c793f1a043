/*
 * Memory that master and workers share, mapped before the fork. Every field is
 * safe to read while its writer is killed at any instruction.
 */
#ifndef SHARED_H
#define SHARED_H

#include "http.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define READY_TEXT_MAX 1280

/* One worker process; the master empties it when the worker has died. */
struct worker_slot {
	_Atomic bool waiting; /* for a sandbox to terminate */
};

/* The last result of /ready. Odd `version`: being written. */
struct ready_cache {
	_Atomic uint64_t version;
	_Atomic int64_t checked_ms;    /* CLOCK_MONOTONIC, 0 = never */
	_Atomic int64_t refreshing_ms; /* someone took it on then */
	enum http_status status;
	char cause[READY_TEXT_MAX];
};

struct shared {
	size_t slot_count;
	struct ready_cache ready;
	struct worker_slot slots[];
};

/* NULL with errno. shared_free() unmaps it in this process. */
struct shared *
shared_new(size_t slot_count);
struct shared *
shared_free(struct shared *shared);

/* Workers that wait for a sandbox to terminate. */
size_t
shared_waiting(const struct shared *shared);

#endif

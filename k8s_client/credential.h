/* The bearer token: given once, or read from a file that rotates. */
#ifndef K8S_CREDENTIAL_H
#define K8S_CREDENTIAL_H

#include "buffer.h"
#include "config.h"
#include "k8s.h"

#define K8S_TOKEN_AGE_MAX_S 60

struct k8s_credential {
	const struct k8s_config *config;
	struct k8s_buffer token; /* empty = no bearer token at all */
	unsigned generation;     /* changes with the token */
	struct timespec read_at; /* CLOCK_MONOTONIC; of the token file */
};

/* Reads the token for the first time; false with *error. */
bool
k8s_credential_init(struct k8s_credential *credential,
    const struct k8s_config *config, struct k8s_error *error);

void
k8s_credential_done(struct k8s_credential *credential);

/*
 * The token to send now, "" = none. A token file is read again when it was
 * last read 60 s ago or more; while that fails the last good token serves.
 */
const char *
k8s_credential_token(struct k8s_credential *credential);

/*
 * Reads the file again now; true when the token is another one than that of
 * generation `used`, whoever noticed first.
 */
bool
k8s_credential_renew(struct k8s_credential *credential, unsigned used);

#endif

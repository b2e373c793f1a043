#include "k8s.h"

#include <limits.h>

struct timespec
k8s_deadline_in(long ms)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += ms / 1000;
	at.tv_nsec += ms % 1000 * 1000000;
	if (at.tv_nsec >= 1000000000) {
		at.tv_nsec -= 1000000000;
		at.tv_sec++;
	} else if (at.tv_nsec < 0) {
		at.tv_nsec += 1000000000;
		at.tv_sec--;
	}
	return at;
}

long
k8s_deadline_left_ms(const struct timespec *deadline)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	long long seconds = (long long)deadline->tv_sec - now.tv_sec;
	if (seconds < -1)
		return 0;
	if (seconds > INT_MAX / 1000 - 1)
		return INT_MAX;
	long long ns = seconds * 1000000000 + deadline->tv_nsec - now.tv_nsec;
	/* Rounded up: 0 must mean that it has passed. */
	return ns > 0 ? (long)((ns + 999999) / 1000000) : 0;
}

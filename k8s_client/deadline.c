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
	long long ns = (long long)deadline->tv_nsec - now.tv_nsec;
	if (seconds > LONG_MAX / 2000)
		return LONG_MAX / 2;
	/* Rounded up: 0 must mean that it has passed. */
	long long left = seconds * 1000 + (ns + 999999) / 1000000;
	return left > 0 ? (long)left : 0;
}
